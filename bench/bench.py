# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: one worker on the first core, all clients on the second."""

import contextlib
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))

from support import go, nginx, paced  # noqa: E402

WORKER_CORE, CLIENT_CORE = 0, 1


@contextlib.contextmanager
def on_core(core):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def service(edits=(), **settings):
    """A server with the shipped configuration but for its logs."""
    settings = {"workers": 1, "log_level": "crit", "access_log": "/dev/null",
                "connections_per_address": 60_000, **settings}
    server = nginx.Nginx(settings, (), edits)
    try:
        with on_core(WORKER_CORE):
            server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def load_client():
    with tempfile.TemporaryDirectory() as folder:
        yield paced.Paced(go.build("paced", Path(folder)))


def run_in_turn(cases, n_rounds, measure):
    """The results of each case, by its name: measure(*case), so many times."""
    results = {name: [] for name in cases}
    for _ in range(n_rounds):
        for name, case in cases.items():
            results[name].append(measure(*case))
    return results


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def median(results, key, digits=1):
    return f"{statistics.median(result[key] for result in results):.{digits}f}"
