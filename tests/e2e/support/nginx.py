# SPDX-License-Identifier: Apache-2.0
"""One real nginx with the shipped configuration, in a private directory of its own. It listens three
times: in clear text for HTTP/1.1 and for HTTP/2, and in TLS for both."""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from support import process, tls
from support.tls import PROJECT

MODULE = os.environ.get("ENCRYPTER_MODULE", "")
PRELOAD = os.environ.get("ENCRYPTER_NGINX_PRELOAD", "")
SANITIZED = bool(PRELOAD)

START_SECONDS = 30
STOP_SECONDS = 20

# What must never stand in an error log, unless a test says that it expects it.
TROUBLE = re.compile(
    r"\[(alert|crit|emerg)\]|exited on signal|\w+Sanitizer|runtime error:|double free|corruption"
)


class Nginx:
    """Started by start(), ended and judged by stop()."""

    def __init__(self, settings, expected_trouble=(), edits=(), preload=(), environment=()):
        self.settings = settings
        self.preload = [PRELOAD, *preload]  # libraries; the sanitizers want to be first
        self.environment = dict(environment)
        self.edits = edits  # (old, new) in the configuration, for what an operator may write
        self.expected_trouble = [re.compile(pattern) for pattern in expected_trouble]
        self.directory = Path(tempfile.mkdtemp(prefix="encrypter-e2e-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.runtime = self.directory / "runtime"
        self.runtime.mkdir(mode=0o755)
        self.error_log = self.directory / "error.log"
        self.access_log = self.directory / "access.log"
        self.stderr = self.directory / "stderr"
        self.certificate = tls.certificate()
        self.port = self.h2c_port = self.tls_port = None
        self.master = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self):
        return f"https://localhost:{self.tls_port}"

    @property
    def workers(self):
        return process.children(self.master.pid)

    def start(self):
        for _ in range(3):  # a free port may be taken by somebody else before nginx has it
            self.prepare()
            self.master = self._launch()
            if self._wait_until_ready():
                return self
            self.master.wait(STOP_SECONDS)
            if "Address already in use" not in self.log():
                break
        raise RuntimeError(f"nginx does not start:\n{self.log()}")

    def prepare(self):
        """Writes the configuration."""
        self.port, self.h2c_port, self.tls_port = free_ports(3)
        self._render()

    def _render(self):
        command = [PROJECT / "scripts" / "render-conf", "--module", MODULE]
        command += ["--runtime", self.runtime, "--listen", f"127.0.0.1:{self.port}"]
        command += ["--listen-h2c", f"127.0.0.1:{self.h2c_port}"]
        command += ["--listen-tls", f"127.0.0.1:{self.tls_port}"]
        command += ["--certificate", self.certificate.parent]
        logs = {"error_log": self.error_log, "access_log": self.access_log}
        for name, value in {**logs, **self.settings}.items():
            command += ["--set", f"{name}={value}"]
        subprocess.run([str(word) for word in command], check=True)
        path = self.runtime / "nginx.conf"
        text = path.read_text()
        for old, new in self.edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text)

    def _launch(self):
        """The one place that knows how the service is started."""
        # The server dies with the test run, even where that is killed.
        command = ["setpriv", "--pdeathsig", "TERM", *self._command(), "-g", "daemon off;"]
        with open(self.stderr, "ab") as stderr:
            return subprocess.Popen(command, env=self._environment(), stdin=subprocess.DEVNULL,
                                    stdout=stderr, stderr=stderr)

    def refusal(self):
        """What `nginx -t` has against the configuration; nothing if it takes it."""
        result = subprocess.run([*self._command(), "-t"], env=self._environment(), check=False,
                                stderr=subprocess.PIPE, text=True)
        return result.stderr if result.returncode else ""

    def _command(self):
        return ["nginx", "-p", str(self.runtime), "-c", str(self.runtime / "nginx.conf")]

    def _environment(self):
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        # meson's tests run with it; it would overwrite the freed keys that we look for.
        environment.pop("MALLOC_PERTURB_", None)
        environment.update(self.environment)
        if any(self.preload):
            environment["LD_PRELOAD"] = ":".join(str(path) for path in self.preload if path)
        return environment

    def _wait_until_ready(self):
        wanted = int(self.settings.get("workers", 0)) or 1
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.master.poll() is None:
            if len(self.workers) >= wanted and accepts_connections(self.port):
                return True
            time.sleep(0.02)
        return False

    def log(self):
        """All that nginx and its sanitizers said."""
        files = [self.error_log, self.stderr]
        return "".join(f.read_text(errors="replace") for f in files if f.exists())

    def access_lines(self, at_least=0):
        """The access log's lines; waits until there are so many."""
        end = time.monotonic() + 5
        while True:
            text = self.access_log.read_text() if self.access_log.exists() else ""
            lines = text.splitlines()
            if len(lines) >= at_least or time.monotonic() > end:
                return lines
            time.sleep(0.02)

    def temp_files(self):
        """Every file below a temp folder of this server."""
        return [str(f) for f in self.runtime.rglob("*")
                if f.is_file() and any("temp" in p or "tmp" in p
                                       for p in f.relative_to(self.runtime).parts[:-1])]

    def stop(self):
        """Ends the server; returns a list of what was wrong with it."""
        problems = []
        if self.master is not None and self.master.poll() is None:
            problems += self._quit()
        problems += [f"left in a temp folder: {name}" for name in self.temp_files()]
        problems += [f"logged: {line}" for line in self.trouble()]
        shutil.rmtree(self.directory, ignore_errors=True)
        return problems

    def trouble(self):
        return [line for line in self.log().splitlines() if TROUBLE.search(line)
                and not any(pattern.search(line) for pattern in self.expected_trouble)]

    def _quit(self):
        workers = self.workers
        self.master.send_signal(signal.SIGQUIT)
        try:
            self.master.wait(STOP_SECONDS)
            return []
        except subprocess.TimeoutExpired:
            self.master.terminate()
        try:
            self.master.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.master.kill()
            for pid in workers:
                process.kill(pid)
        return [f"did not quit within {STOP_SECONDS} seconds"]


def free_ports(n):
    """Ports that no client gets for its own end meanwhile: those are from 32768 on."""
    found = []
    while len(found) < n:
        port = random.randrange(10_000, 32_768)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def free_port():
    return free_ports(1)[0]


def accepts_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
