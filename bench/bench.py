# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: one worker on the first core, all clients on the second."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent / "tests" / "e2e"))

from tables import GIB, KIB, MIB  # noqa: E402, F401
from support import go, nginx, paced, process  # noqa: E402

WORKER_CORE, CLIENT_CORE = (sorted(os.sched_getaffinity(0)) * 2)[:2]
BUILD = Path(os.environ.get("ENCRYPTER_BENCH_BUILD", BENCH.parent / "build-bench"))
nginx.MODULE = str(BUILD / "src/nginx/ngx_http_encrypter_module.so")

# What stands in tables for each format.
FERNET, AGE, NULL_4_3, NULL_1_1 = "Fernet", "age", "null 4:3", "null 1:1"
FORMATS = {FERNET: "fernet", AGE: "age", NULL_4_3: "null-4-3", NULL_1_1: "null-1-1"}


@dataclass(frozen=True)
class Effort:
    """How much is measured. Cases ask it how long, how large, how many."""
    rounds: int
    scale: float  # of what takes long: 1 for what counts, less for a quick look
    needs_peers: bool = True  # else those that are not installed are left out
    has_large: bool = False  # the 10 GiB too

    def seconds(self, seconds):
        return max(0.05, seconds * self.scale)

    def bytes(self, n):
        """Of a large file; a small one stays as it is."""
        return n if n <= MIB else max(MIB, int(n * self.scale) // MIB * MIB)

    def count(self, n):
        return max(4, int(n * self.scale))

    def some(self, cases):
        """All of them, or the first ones where it matters only that they run."""
        return dict(list(cases.items())[:len(cases) if self.scale > 0.01 else 3])

    def sizes(self, sizes):
        """Those that are not larger than the largest one is allowed to be."""
        most = self.bytes(max(sizes))
        return [size for size in sizes if size <= most]


@contextlib.contextmanager
def on_cores(*cores):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def on_worker_core():
    return on_cores(WORKER_CORE)


def on_client_core():
    return on_cores(CLIENT_CORE)


# What nginx does by itself: it reads and drops the body.
# Not to /dev/null: that is a system call for each request.
NO_ACCESS_LOG = ("access_log /dev/null encrypter;", "access_log off;")
RETURN_200 = ("        location / {\n", """        location = /return_200 {
            return 200;
        }

        location / {
""")


@contextlib.contextmanager
def service(edits=(), cores=(WORKER_CORE,), **settings):
    """A server with the shipped configuration but for its logs; one location is nginx's own."""
    settings = {"workers": 1, "log_level": "crit", "access_log": "/dev/null",
                "connections_per_address": 60_000, **settings}
    server = nginx.Nginx(settings, (), [RETURN_200, NO_ACCESS_LOG, *edits])
    try:
        with on_cores(*cores):
            server.start()
        yield server
    finally:
        problems = server.stop()
        if problems:
            print("\n".join(problems), file=sys.stderr)


def cpu_seconds(server):
    return sum(process.cpu_seconds(worker) for worker in server.workers)


def target(name):
    """Where a file is encrypted to a format of FORMATS."""
    return f"/encrypt_file?format={FORMATS[name]}"


class Failed(Exception):
    pass


def load_command(port, flags):
    words = [str(BUILD / "bench" / "load"), f"--port={port}"]
    for name, value in flags.items():
        if value is not False and value is not None:
            words.append(f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}"))
    return words


def load(port, key=None, cores=(CLIENT_CORE,), **flags):
    """Runs the load generator; returns what it printed, with bytes of bodies a second."""
    environment = dict(os.environ, **({"ENCRYPTION_KEY": key} if key else {}))
    with on_cores(*cores):
        done = subprocess.run(load_command(port, flags), env=environment, stdout=subprocess.PIPE,
                              text=True)
    result = json.loads(done.stdout)
    if result["errors"] or not result["requests"]:
        raise Failed(f"{flags}: {result}")
    result["requests_per_second"] = result["requests"] / result["seconds"]
    result["mib_per_second"] = result["sent_bytes"] / MIB / result["seconds"]
    return result


def load_client():
    """The client in Go, which verifies what it gets."""
    folder = go.BUILT or BUILD / "tests" / "e2e" / "support"
    return contextlib.nullcontext(paced.Paced(Path(folder) / "paced"))


@contextlib.contextmanager
def held_load(port, **flags):
    """The same, with its connections kept open meanwhile."""
    with on_client_core():
        running = subprocess.Popen(load_command(port, {**flags, "hold": True}),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(running.stdout.readline())
    finally:
        running.communicate()


def in_turn(effort, cases):
    """Each of the cases, over and over, alternating."""
    for _ in range(effort.rounds):
        yield from cases
