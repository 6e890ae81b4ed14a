# SPDX-License-Identifier: Apache-2.0
"""Services that do the same, written as one would with other means. Each has one process on the
worker's core."""

import contextlib
import shutil
import subprocess
import urllib.request
from pathlib import Path

from cryptography.fernet import Fernet

from bench import BENCH, Failed, nginx, on_worker_core, process
from support.forms import BOUNDARY, FORM, form, part

HERE = Path(__file__).resolve().parent
PACKAGES = BENCH.parent / "build-npm" / "node_modules"

FLASK, NODE = "Flask + gunicorn", "Node + busboy"


def flask_command(port):
    return ["gunicorn", "--workers=1", f"--bind=127.0.0.1:{port}", "--log-level=critical",
            "--timeout=600", f"--chdir={HERE}", "flask_service:app"]


def node_command(port):
    return ["node", str(HERE / "node_service.mjs"), str(port), str(PACKAGES)]


COMMANDS = {FLASK: flask_command, NODE: node_command}


def can_run(name):
    return {FLASK: bool(shutil.which("gunicorn")), NODE: (PACKAGES / "busboy").is_dir()}[name]


def assert_is_peer(name, port):
    """What makes no token is no peer."""
    data = bytes(range(256)) * 999
    head = {"Content-Type": FORM + BOUNDARY}
    url = f"http://127.0.0.1:{port}/encrypt_file"
    request = urllib.request.Request(url, form(part(data)), head)
    with urllib.request.urlopen(request, timeout=60) as answer:
        key, token = answer.headers["Encryption-Key"], answer.read()
    if Fernet(key).decrypt(token) != data:
        raise Failed(f"{name} does not encrypt")


class Peer:
    def __init__(self, name):
        self.port = nginx.free_port()
        command = ["setpriv", "--pdeathsig", "TERM", *COMMANDS[name](self.port)]
        with on_worker_core():
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        if not process.wait_until(lambda: nginx.accepts_connections(self.port), 20):
            self.stop()
            raise Failed(f"{name} does not start")

    @property
    def worker(self):
        """The process that does the work."""
        return next(iter(process.children(self.process.pid)), self.process.pid)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running(effort):
    """The peers that are to be measured, by name."""
    with contextlib.ExitStack() as stack:
        peers = {}
        for name in COMMANDS:
            if can_run(name):
                peers[name] = Peer(name)
                stack.callback(peers[name].stop)
                assert_is_peer(name, peers[name].port)
            elif effort.needs_peers:
                raise Failed(f"{name} is not installed: `make bench-deps`")
        yield peers
