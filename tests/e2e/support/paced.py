# SPDX-License-Identifier: Apache-2.0
"""The load client of clients/paced: it uploads as fast as it can, reads the answer in several manners,
and verifies each byte. Import the fixture `paced` to have it built."""

import json
import subprocess
import time

import pytest

from support import go, process

TRANSPORTS = ["h1", "h1-tls", "h2-tls", "h2c"]


@pytest.fixture(scope="session")
def paced(tmp_path_factory):
    """Runs uploads: paced(server, transport, **flags) returns what the client printed."""
    return Paced(go.built("paced", tmp_path_factory))


class Paced:
    def __init__(self, program):
        self.program = program

    def __call__(self, server, transport="h1", **flags):
        return self.start(server, transport, **flags).result()

    def start(self, server, transport="h1", target="/encrypt_file", headers=(), **flags):
        """The same, but not waited for: its result() does that."""
        flags = {"timeout": "120s", **flags, "url": address(server, transport) + target,
                 "proto": transport[:2]}
        return Running(self.program, flags, headers)

    def check(self, token, key, **flags):
        """Verifies a token against the plaintext that the flags name; returns the error, or None."""
        result = subprocess.run(command(self.program, {"check": key, **flags}), input=token,
                                stdout=subprocess.PIPE, check=True)
        return json.loads(result.stdout)["error"] or None

    def plaintext(self, **flags):
        return subprocess.run(command(self.program, {"plaintext": True, **flags}),
                              stdout=subprocess.PIPE, check=True).stdout


def address(server, transport):
    port = {"h1": "port", "h2c": "h2c_port"}.get(transport, "tls_port")
    scheme = "https" if transport.endswith("-tls") else "http"
    return f"{scheme}://127.0.0.1:{getattr(server, port)}"


def command(program, flags, headers=()):
    words = [str(program)]
    for name, value in flags.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        words.append(f"-{name.replace('_', '-')}={text}")
    return words + [f"-header={name}: {value}" for name, value in headers]


class Running:
    def __init__(self, program, flags, headers):
        # It ends with the test run, even where that is killed.
        words = ["setpriv", "--pdeathsig", "KILL", *command(program, flags, headers)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE)

    def is_running(self):
        return self.process.poll() is None

    def result(self):
        output, _ = self.process.communicate()
        assert self.process.returncode == 0, "the client could not run"
        return json.loads(output)

    def stop(self):
        """Ends it where it is, as a client that goes away."""
        self.process.kill()
        self.process.communicate()


class Peak:
    """The most disk that a server's spools took up, and how often they were emptied."""

    def __init__(self, server):
        self.server = server
        self.bytes = 0
        self.n_emptied = 0

    def watch(self, running):
        before = 0
        while running.is_running():
            now = process.spool_bytes(self.server)
            self.bytes = max(self.bytes, now)
            self.n_emptied += before > 0 and now == 0
            before = now
            time.sleep(0.02)
        return self


def assert_right(result):
    """Every upload got its whole answer, and it was the right one."""
    assert result["ok"], [upload for upload in result["uploads"] if not upload["ok"]]


def only(result):
    [upload] = result["uploads"]
    return upload
