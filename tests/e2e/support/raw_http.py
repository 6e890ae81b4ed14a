# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client over a bare socket, or TLS: it sends any bytes, and notices when an answer is cut."""

import json
import socket
import struct
import threading
from dataclasses import dataclass, field

from support.tls import TlsSocket, client_context


class Closed(Exception):
    """The server closed or reset the connection before the answer was whole."""


@dataclass
class Response:
    status: int
    headers: list
    body: bytes = b""
    complete: bool = False
    interim: list = field(default_factory=list)  # the statuses of the 1xx answers before it

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """The header's one value, or None."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is sent {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


def connect(port, timeout=20, receive_buffer=None):
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(timeout)
    client.connect(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def set_reset_at_close(client):
    """Its close() then sends an RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class RawClient:
    """certificate: the server's, to speak TLS."""

    def __init__(self, port, timeout=20, receive_buffer=None, certificate=None):
        self.socket = connect(port, timeout, receive_buffer)
        if certificate:
            self.socket = TlsSocket(self.socket, client_context(certificate, ["http/1.1"]), timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # a thread that sends would keep it open
        except OSError:
            pass
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_meanwhile(self, data):
        """Sends from a thread. The server may stop listening: that is for the answer to tell."""
        def run():
            try:
                self.socket.sendall(data)
            except OSError:
                pass
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def discard_meanwhile(self):
        """Reads from a thread, and keeps nothing, until the connection ends."""
        def run():
            try:
                while self.socket.recv(1 << 20):
                    pass
            except OSError:
                pass
        threading.Thread(target=run, daemon=True).start()

    def half_close(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster

    def reset(self):
        """Closes with an RST."""
        set_reset_at_close(self.socket)
        self.socket.close()

    def read_to_end(self):
        """Every byte until the server closes."""
        while self._more():
            pass
        taken, self.buffer = self.buffer, b""
        return taken

    def read_response(self, method="POST"):
        """The next final answer. complete is False if it was cut."""
        response = self.read_head()
        pieces = []
        try:
            pieces.extend(self.body_pieces(response, method))
        except Closed as closed:
            pieces.extend(closed.args)
        response.body = b"".join(pieces)
        return response

    def read_head(self):
        interim = []
        while True:
            lines = self._until(b"\r\n\r\n").split(b"\r\n")
            version, status = lines[0].split(b" ")[:2]
            assert version == b"HTTP/1.1", lines[0]
            if int(status) >= 200:
                break
            interim.append(int(status))
        headers = [line.decode("latin-1").split(":", 1) for line in lines[1:]]
        return Response(int(status), [(k, v.strip()) for k, v in headers], interim=interim)

    def body_pieces(self, response, method="POST"):
        """The body as it comes. Sets response.complete at its end, raises Closed at a cut."""
        length = response.header("Content-Length")
        chunked = response.header("Transfer-Encoding") == "chunked"
        assert not (length is not None and chunked), "two lengths in one answer"
        if method == "HEAD" or response.status in (204, 304):
            pass
        elif chunked:
            yield from self._chunks()
        elif length is not None:
            yield from self._exactly(int(length))
        else:
            yield self.read_to_end()
        response.complete = True

    def _chunks(self):
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self._until(b"\r\n"):
                    pass  # trailers
                return
            yield from self._exactly(size)
            assert self._until(b"\r\n") == b"", "a chunk longer than it says"

    def _exactly(self, size):
        while size > 0:
            if not self.buffer and not self._more():
                raise Closed()
            piece, self.buffer = self.buffer[:size], self.buffer[size:]
            size -= len(piece)
            yield piece

    def _until(self, end):
        while end not in self.buffer:
            if not self._more():
                raise Closed()
        taken, _, self.buffer = self.buffer.partition(end)
        return taken

    def _more(self):
        try:
            piece = self.socket.recv(1 << 18)
        except ConnectionError:
            return False
        self.buffer += piece
        return bool(piece)


def request(method, target, headers=(), body=None, version="HTTP/1.1"):
    """The bytes of a request, with Host, and Content-Length where there is a body."""
    lines = [f"{method} {target} {version}", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and not any(n.lower() == "transfer-encoding" for n, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + (body or b"")


def chunked(data, size=65536, extension=b""):
    """data in chunks of so many bytes, with the last chunk."""
    pieces = [data[i:i + size] for i in range(0, len(data), size)] + [b""]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces)


def exchange(port, data, method="POST"):
    """Sends one request while reading, and returns the answer to it."""
    with RawClient(port) as client:
        sender = client.send_meanwhile(data)
        response = client.read_response(method)
        sender.join(5)
        return response


def cut_upload(port, data, way):
    """Sends data, goes away in that way ("half-closed", "closed", "reset"), and returns everything
    that came back."""
    with RawClient(port) as client:
        client.send(data)
        if way == "half-closed":
            client.half_close()
            return client.read_to_end()
        client.socket.settimeout(0.05)
        try:
            client.read_to_end()
        except TimeoutError:
            pass  # all that comes has come
        if way == "reset":
            client.reset()
        return client.buffer
