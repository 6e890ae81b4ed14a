# SPDX-License-Identifier: Apache-2.0
"""Uploads that stop in the middle, in a state of choice, and go on when they are told to."""

import os

from support import process
from support.answers import assert_encrypted
from support.forms import BOUNDARY, FORM, form, part
from support.h2_client import H2Client
from support.raw_http import RawClient, chunked, request
from support.sources import MIB
from support.transports import HTTP_1_0, LASTING, WITH_HTTP_2

LARGE = 8 * MIB  # more than the sockets between the two hold
N_STREAMED = 300_000  # of the upload: more than the hold
N_ANSWERED = 370_000  # of its answer: what is left fits into the sockets
WINDOW = 65535  # the least that HTTP/2 begins with

# Here an upload is only pushed back, however long its client reads nothing.
PATIENT = "/encrypt_file/patient/"
PATIENT_EDIT = ("location / {", f"""location {PATIENT} {{
            encrypter on;
            encrypter_spool_patience 1h;
        }}

        location / {{""")

IN_ITS_HEAD, HELD, STREAMING, PUSHED_BACK, SPOOLING, DRAINING = STATES = [
    "in its head", "held", "streaming", "pushed back", "spooling", "draining"]
# What takes up disk: of the last one the upload is over.
ON_DISK = (SPOOLING, DRAINING)
STATES_OF_HTTP_1_0 = [IN_ITS_HEAD, HELD, SPOOLING, DRAINING]

KINDS = [(transport, state) for transport in LASTING for state in STATES] + [
    (HTTP_1_0, state) for state in STATES_OF_HTTP_1_0]


def begin(server, transport, state, as_form=False, client=None):
    """Brings an upload into a state, on a connection of its own if none is given."""
    kind = Http2Upload if transport in WITH_HTTP_2 else Http1Upload
    client = client or connect(server, transport)
    upload = kind(client, transport, state, as_form)
    upload.reach_state()
    return upload


def connect(server, transport, timeout=60):
    certificate = server.certificate if transport.tls else None
    if transport in WITH_HTTP_2:
        port = server.tls_port if transport.tls else server.h2c_port
        return HaltingClient(port, timeout, certificate=certificate, window=WINDOW)
    port = server.tls_port if transport.tls else server.port
    return RawClient(port, timeout, receive_buffer=65536, certificate=certificate)


class Upload:
    def __init__(self, client, transport, state, as_form):
        self.client = client
        self.transport = transport
        self.state = state
        as_form = as_form and state != PUSHED_BACK
        large = state in (PUSHED_BACK, *ON_DISK)
        self.plaintext = os.urandom(LARGE if large else N_STREAMED + 100_000)
        self.method = "POST" if as_form else "PUT"
        self.target = PATIENT if state == PUSHED_BACK else "/encrypt_file"
        self.headers = [("Content-Type", FORM + BOUNDARY)] if as_form else []
        self.body = form(part(self.plaintext)) if as_form else self.plaintext
        # So much of the body belongs to the state.
        n = len(self.body)
        self.n_body = {IN_ITS_HEAD: 0, HELD: 1000, STREAMING: N_STREAMED, PUSHED_BACK: n,
                       SPOOLING: n - 100_000, DRAINING: n}[state]

    def __repr__(self):
        return f"{self.method} {self.transport.name} {self.state}"

    def finish(self):
        """Goes on to the end, and finds the answer right."""
        assert_encrypted(self.read_rest(), self.plaintext)

    def close(self):
        self.client.close()


class Http1Upload(Upload):
    def reach_state(self):
        self.is_chunked = self.transport.version == "HTTP/1.1"
        head, body = self._head(), self._frame(self.body[:self.n_body])
        n_head = len(head) // 2 if self.state == IN_ITS_HEAD else len(head)
        self.rest = head[n_head:] + self._frame(self.body[self.n_body:]) + self._end()
        self.response, self.received = None, []
        if self.state == PUSHED_BACK:
            self.client.send_meanwhile(head + body + self.rest)
            self.rest = b""
        elif self.state == DRAINING:
            self.client.send(head + body + self.rest)
            self.rest = b""
        elif self.state == STREAMING:
            sender = self.client.send_meanwhile(head + body)
            self._read_some()
            sender.join(20)
        else:
            self.client.send(head[:n_head] + body)

    def _head(self):
        framing = [("Transfer-Encoding", "chunked")] if self.is_chunked else [
            ("Content-Length", str(len(self.body)))]
        return request(self.method, self.target, self.headers + framing,
                       version=self.transport.version)

    def _frame(self, data):
        return chunked(data)[:-len(b"0\r\n\r\n")] if self.is_chunked and data else data

    def _end(self):
        return b"0\r\n\r\n" if self.is_chunked else b""

    def _read_some(self):
        self.response = self.client.read_head()
        self.pieces = self.client.body_pieces(self.response)
        while sum(map(len, self.received)) < N_ANSWERED:
            self.received.append(next(self.pieces))

    def read_rest(self):
        self.client.send_meanwhile(self.rest)
        if self.response is None:
            return self.client.read_response()
        self.response.body = b"".join([*self.received, *self.pieces])
        return self.response


class HaltingClient(H2Client):
    """It can be told to send so many bytes and no more."""

    n_allowed = None

    def _transmit(self):
        if self.n_allowed is None:
            super()._transmit()
            return
        while self.unsent and self.n_allowed > 0:
            n = self.socket.send(self.unsent[:self.n_allowed])
            self.n_allowed -= n
            del self.unsent[:n]


class Http2Upload(Upload):
    def reach_state(self):
        if self.state == IN_ITS_HEAD:
            self.client.run(lambda: not self.client.unsent)
            self.client.n_allowed = 25  # the head of the HEADERS frame, and a part of the rest
        self.stream = self.client.request(
            self.method, self.target, self.headers, iter([self.body[:self.n_body]]), ends=False,
            gives_window=self.state == STREAMING)
        if self.state == IN_ITS_HEAD:
            self.client.run(lambda: self.client.n_allowed == 0)
        elif self.state == STREAMING:
            self.client.run(lambda: sum(map(len, self.stream.pieces)) >= N_ANSWERED)
        elif self.state == PUSHED_BACK:
            self._send_until_stuck()
        else:
            if self.state == DRAINING:
                self.client.send(self.stream, b"", ends=True)
            self.client.send_all(self.stream)

    def _send_until_stuck(self):
        n_before = -1
        while self.stream.n_sent != n_before:
            n_before = self.stream.n_sent
            self.keep_moving(0.3)

    def keep_moving(self, seconds):
        try:
            self.client.run(lambda: False, seconds)
        except TimeoutError:
            pass

    def read_rest(self):
        self.client.n_allowed = None
        if self.state != DRAINING:
            self.client.send(self.stream, iter([self.body[self.n_body:]]), ends=True)
        if not self.stream.gives_window:
            self.stream.gives_window = True
            self.client.give_window(self.stream, 1 << 30)
        return self.client.read_response(self.stream)


def n_on_disk(uploads):
    return sum(upload.state in ON_DISK for upload in uploads)


def wait_for_disk(server, uploads):
    """Until each upload that is to spool does, and none but those."""
    n = n_on_disk(uploads)
    assert process.wait_until(lambda: len(process.spool_files(server)) == n), (
        n, process.spool_files(server))
