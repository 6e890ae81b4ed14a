# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that can also read nothing, give no window, and go away at any point. It has one
thread: bytes move while one of its methods waits for something, and at no other time."""

import itertools
import select
import ssl
import time
from collections import deque
from dataclasses import dataclass, field

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from support.raw_http import Closed, Response, connect, set_reset_at_close
from support.tls import client_context

N_UNSENT_MAX = 1 << 18


class Connection(H2Connection):
    """h2 takes a GOAWAY for the end of everything. But the streams that run go on."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        return [], [event]


@dataclass
class Stream:
    """One request and its answer."""
    id: int
    source: object = None  # the pieces of the body that are still to come
    piece: memoryview = memoryview(b"")
    ends: bool = True  # after the last piece
    gives_window: bool = True
    response: Response = None  # once its headers are there
    interim: list = field(default_factory=list)
    pieces: deque = field(default_factory=deque)  # of the answer's body, not yet taken
    n_sent: int = 0
    is_sent: bool = False
    is_over: bool = False
    reset: int = None  # the code of the server's RST_STREAM

    def next_piece(self):
        """What is to be sent next; nothing if all is sent."""
        while not self.piece and self.source is not None:
            piece = next(self.source, None)
            if piece is None:
                self.source = None
            else:
                self.piece = memoryview(piece)
        return self.piece


class H2Client:
    """certificate: the server's, to speak TLS. window: how much of one answer may be under way."""

    def __init__(self, port, timeout=20, receive_buffer=None, certificate=None, window=1 << 20):
        self.timeout = timeout
        self.reads = True  # if not, the socket fills up
        self.is_closed = False  # by the server
        self.goaway = None  # the code of the server's GOAWAY
        self.streams = {}
        self.unsent = bytearray()
        self.socket = connect(port, timeout, receive_buffer)
        if certificate:
            context = client_context(certificate, ["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2"
        self.socket.setblocking(False)
        self.h2 = self._start(window)

    def _start(self, window):
        # What the tests send may be wrong on purpose.
        started = Connection(H2Configuration(
            client_side=True, header_encoding="latin-1", validate_outbound_headers=False,
            normalize_outbound_headers=False))
        started.initiate_connection()
        started.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window,
                                 SettingCodes.ENABLE_PUSH: 0})
        started.increment_flow_control_window(1 << 30)  # the streams' windows decide
        return started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def abort(self):
        """Closes with an RST of TCP."""
        set_reset_at_close(self.socket)
        self.socket.close()

    def request(self, method, target, headers=(), body=None, ends=True, gives_window=True,
                declared=True):
        """Begins a request. body: bytes, or an iterator of them. ends: nothing follows it. declared:
        bytes are announced with a content-length."""
        pseudo = [(":method", method), (":path", target), (":scheme", "http"),
                  (":authority", "localhost")]
        headers = [(name.lower(), value) for name, value in headers]
        if declared and isinstance(body, bytes):
            headers.append(("content-length", str(len(body))))
        return self.request_exactly(pseudo + headers, body, ends, gives_window)

    def request_exactly(self, headers, body=None, ends=True, gives_window=True):
        """Begins a request of just these headers."""
        stream = Stream(self.h2.get_next_available_stream_id(), gives_window=gives_window)
        self.streams[stream.id] = stream
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        stream.is_sent = body is None and ends
        self.h2.send_headers(stream.id, encoded, end_stream=stream.is_sent)
        self.send(stream, body or b"", ends)
        return stream

    def send(self, stream, body, ends=False):
        """More of a request's body."""
        pieces = [body] if isinstance(body, bytes) else body
        stream.source = itertools.chain(stream.source or (), pieces)
        stream.ends = ends
        self._move(0)

    def send_all(self, stream, seconds=None):
        """Waits until the whole body is in the socket, and its end if it has one."""
        self.run(lambda: stream.is_over or not (
            self.unsent or stream.next_piece() or stream.ends and not stream.is_sent), seconds)

    def reset_stream(self, stream, code=ErrorCodes.CANCEL):
        stream.is_over = True
        self.h2.reset_stream(stream.id, code)
        self.run(lambda: not self.unsent)

    def give_window(self, stream, n):
        self.h2.increment_flow_control_window(n, stream.id)
        self._move(0)

    def exchange(self, *arguments, **options):
        """One whole request, and the answer to it."""
        return self.read_response(self.request(*arguments, **options))

    def read_response(self, stream):
        """The answer to the end. complete is False if it was cut."""
        response = self.read_head(stream)
        response.body = b"".join(self.body_pieces(stream))
        return response

    def read_head(self, stream):
        self.run(lambda: stream.response or stream.is_over)
        if stream.response is None:
            raise Closed(stream.reset)
        return stream.response

    def body_pieces(self, stream):
        """The body as it comes, until its end or a cut."""
        while True:
            try:
                self.run(lambda: stream.pieces or stream.is_over)
            except Closed:
                return
            if not stream.pieces:
                return
            yield stream.pieces.popleft()

    def run(self, until, seconds=None):
        """Sends and receives until the condition holds. TimeoutError: it does not. Closed: it cannot."""
        end = time.monotonic() + (self.timeout if seconds is None else seconds)
        self._move(0)
        while not until():
            if self.is_closed:
                raise Closed()
            seconds = end - time.monotonic()
            if seconds <= 0:
                raise TimeoutError
            self._move(seconds)

    def _move(self, seconds):
        """Sends and receives what can be, after waiting for it."""
        self._fill()
        reads = [self.socket] if self.reads and not self.is_closed else []
        writes = [self.socket] if self.unsent and not self.is_closed else []
        if not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
            select.select(reads, writes, [], seconds)
        for operation in [self._transmit] * len(writes) + [self._receive] * len(reads):
            try:
                operation()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                pass
            except OSError:
                self._end()

    def _fill(self):
        """From the streams to the connection, as far as the windows allow."""
        for stream in self.streams.values():
            while not (stream.is_sent or stream.is_over or len(self.unsent) > N_UNSENT_MAX):
                if not self._send_frame(stream):
                    break
                self.unsent += self.h2.data_to_send()
        self.unsent += self.h2.data_to_send()

    def _send_frame(self, stream):
        piece = stream.next_piece()
        room = min(self.h2.local_flow_control_window(stream.id), self.h2.max_outbound_frame_size)
        is_last = stream.ends and stream.source is None and len(piece) == 0
        if not is_last and min(room, len(piece)) <= 0:
            return False
        self.h2.send_data(stream.id, bytes(piece[:room]), end_stream=is_last)
        stream.n_sent += len(piece[:room])
        stream.piece = piece[room:]
        stream.is_sent = is_last
        return True

    def _transmit(self):
        while self.unsent:
            del self.unsent[:self.socket.send(self.unsent)]

    def _receive(self):
        data = self.socket.recv(1 << 18)
        if not data:
            self._end()
            return
        for event in self.h2.receive_data(data):
            self._take(event)
        self._fill()

    def _end(self):
        self.is_closed = True
        for stream in self.streams.values():
            stream.is_over = True

    def _take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        match event:
            case h2.events.ConnectionTerminated():
                self.goaway = event.error_code
            case h2.events.InformationalResponseReceived():
                stream.interim.append(int(dict(event.headers)[":status"]))
            case h2.events.ResponseReceived():
                headers = [(name, value) for name, value in event.headers if name[0] != ":"]
                status = int(dict(event.headers)[":status"])
                stream.response = Response(status, headers, interim=stream.interim)
            case h2.events.DataReceived():
                stream.pieces.append(event.data)
                if stream.gives_window and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream.id)
            case h2.events.StreamEnded():
                stream.response.complete = True
                stream.is_over = True
            case h2.events.StreamReset():
                stream.reset = event.error_code
                stream.is_over = True
