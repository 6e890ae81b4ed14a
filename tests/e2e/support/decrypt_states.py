# SPDX-License-Identifier: Apache-2.0
"""Decryptions that stop in the middle, in a state of choice, and go on when they are told to."""

import contextlib
import functools
import os

from support import damage, process
from support.answers import assert_error
from support.decryption import RELEASE
from support.raw_http import Closed, request
from support.sources import MIB
from support.transports import HTTP_1_0, LASTING, WITH_HTTP_2
from support.unfinished import connect

# More than the sockets between the two hold one way, or the window of a stream of HTTP/2.
N, N_OF_HTTP_2 = 6 * MIB, MIB
N_PUSHED_BACK = 24 * MIB  # and both ways
N_HELD = 30_000  # of an upload: less than the hold
N_READ = 150_000  # of an answer

IN_ITS_HEAD, HELD, SPOOLING, UNREAD, READING = STATES = [
    "in its head", "held", "spooling", "unread", "being read"]
RELEASED, PUSHED_BACK = STATES_OF_RELEASE = ["released", "pushed back"]
# What has a spool. The answers of the last two are under way.
ON_DISK = (SPOOLING, UNREAD, READING)
OPEN = (UNREAD, READING)

# The default mode and, of age, the other one.
WAYS = [(transport, state) for transport in [*LASTING, HTTP_1_0] for state in STATES] + [
    (transport, state) for transport in LASTING for state in STATES_OF_RELEASE]


def kinds_of(state):
    return [damage.BINARY, damage.ARMORED] if state in STATES_OF_RELEASE else damage.KINDS


def size_for(transport, state):
    if transport in WITH_HTTP_2:
        return N_OF_HTTP_2
    return N_PUSHED_BACK if state == PUSHED_BACK else N


@functools.cache
def sample_of(kind, n):
    return damage.make(kind, os.urandom(n))


def begin(server, transport, state, sample=None, client=None):
    """Brings a decryption into a state, on a connection of its own if none is given."""
    sample = sample or sample_of(kinds_of(state)[0], size_for(transport, state))
    kind = Http2Decryption if transport in WITH_HTTP_2 else Http1Decryption
    return kind(client or connect(server, transport, timeout=20), transport, state, sample)


class Decryption:
    """response: the answer's head, once it was read; received: what was read of its body."""

    def __init__(self, client, transport, state, sample):
        self.client, self.transport, self.state, self.sample = client, transport, state, sample
        self.target = "/decrypt_file" + (RELEASE if state in STATES_OF_RELEASE else "")
        self.headers = [*sample.headers, ("Content-Length", str(len(sample.file)))]
        self.n_sent = 0
        self.response, self.received = None, bytearray()
        self._begin()
        {HELD: lambda: self.send_up_to(N_HELD),
         SPOOLING: lambda: self.send_up_to(len(sample.file) // 2),
         UNREAD: self.send_rest,
         READING: self._read_some_of_all,
         RELEASED: self._read_some_of_half,
         PUSHED_BACK: self.send_until_stuck}.get(state, lambda: None)()

    def __repr__(self):
        return f"{self.sample.kind} {self.transport.name} {self.state}"

    def _read_some_of_all(self):
        self.send_rest()
        self.read_up_to(N_READ)

    def _read_some_of_half(self):
        self.send_up_to(300_000)
        self.read_up_to(N_READ)

    def send_rest(self):
        self.send_up_to(len(self.sample.file))

    def read_up_to(self, n):
        """The next piece of the answer, until n bytes of its body have come."""
        if self.response is None:
            self.response = self._read_head()
            assert self.response.status == 200, self.response
            self._pieces = self._body_pieces()
        while len(self.received) < n:
            self.received += next(self._pieces)

    def finish(self):
        """Goes on to the end, and finds the answer right."""
        self._finish_sending()
        response = self._read_to_end()
        assert (response.status, response.complete) == (200, True), (self, response.body[:300])
        assert response.body == self.sample.plaintext

    def read_cut(self):
        """What came where the answer was cut, or there was none."""
        try:
            response = self._read_to_end()
        except (Closed, ConnectionError):
            return b""
        assert (response.status, response.complete) == (200, False), (self, response)
        return response.body

    def read_error(self, status, code):
        self._finish_sending()
        assert_error(self._read_to_end(), status, code)

    def _read_to_end(self):
        if self.response is None:
            self.response = self._read_head()
            self._pieces = self._body_pieces()
        with contextlib.suppress(Closed):
            for piece in self._pieces:
                self.received += piece
        self.response.body = bytes(self.received)
        return self.response

    def close(self):
        self.client.close()


class Http1Decryption(Decryption):
    def _begin(self):
        head = request("PUT", self.target, self.headers, version=self.transport.version)
        n = len(head) // 3 if self.state == IN_ITS_HEAD else len(head)
        self.client.send(head[:n])
        self._rest_of_head = head[n:]

    def send_up_to(self, n):
        self.client.send(self._rest_of_head + self.sample.file[self.n_sent:n])
        self._rest_of_head, self.n_sent = b"", n

    def send_until_stuck(self):
        """Sends for as long as it is taken. In clear text, or what was sent is not known."""
        self._sender = self.client.send_meanwhile(self.sample.file)
        self.n_sent = len(self.sample.file)
        self._sender.join(0.3)
        assert self._sender.is_alive(), "nobody pushed back"

    def _finish_sending(self):
        rest = self._rest_of_head + self.sample.file[self.n_sent:]
        self._rest_of_head, self.n_sent = b"", len(self.sample.file)
        if rest:
            self.client.send_meanwhile(rest)

    def _read_head(self):
        return self.client.read_head()

    def _body_pieces(self):
        return self.client.body_pieces(self.response)


class Http2Decryption(Decryption):
    def _begin(self):
        if self.state == IN_ITS_HEAD:
            self.client.run(lambda: not self.client.unsent)
            self.client.n_allowed = 25
        self.stream = self.client.request(
            "PUT", self.target, self.headers, ends=False,
            gives_window=self.state not in (UNREAD, READING, PUSHED_BACK))
        if self.state == IN_ITS_HEAD:
            self.client.run(lambda: self.client.n_allowed == 0)

    def send_up_to(self, n):
        self._send(n)
        self.client.send_all(self.stream)

    def _send(self, n):
        ends = n == len(self.sample.file)
        self.client.send(self.stream, iter([self.sample.file[self.n_sent:n]]), ends)
        self.n_sent = n

    def send_until_stuck(self):
        self._send(len(self.sample.file))
        n_before = -1
        while self.stream.n_sent != n_before:
            n_before = self.stream.n_sent
            with contextlib.suppress(TimeoutError):
                self.client.run(lambda: False, 0.3)
        assert n_before < len(self.sample.file), "nobody pushed back"

    def read_up_to(self, n):
        if not self.stream.gives_window:
            self._open_window(n)
        super().read_up_to(n)

    def _open_window(self, n):
        if not self.stream.is_over:
            self.client.give_window(self.stream, n)

    def _finish_sending(self):
        self.client.n_allowed = None
        if self.n_sent < len(self.sample.file):
            self._send(len(self.sample.file))
        if not self.stream.gives_window:
            self.stream.gives_window = True
            self._open_window(1 << 30)

    def _read_head(self):
        return self.client.read_head(self.stream)

    def _body_pieces(self):
        return self.client.body_pieces(self.stream)


def wait_for_disk(server, decryptions):
    """Until each one that is to have a spool has one, and none but those."""
    n = sum(decryption.state in ON_DISK for decryption in decryptions)
    assert process.wait_until(lambda: len(process.spool_files(server)) == n), (
        n, process.spool_files(server))
