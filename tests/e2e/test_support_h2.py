# SPDX-License-Identifier: Apache-2.0
"""The tests' HTTP/2 client notices what it is there to notice."""

import contextlib
import socket
import threading

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from support.h2_client import H2Client
from support.raw_http import Closed

GOOD_HEAD = [(":status", "200"), ("content-length", "6")]


@contextlib.contextmanager
def connected(answer, **options):
    """A client of a server that does just that to a request, and then closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, answer), daemon=True)
        server.start()
        with H2Client(listener.getsockname()[1], timeout=5, **options) as client:
            yield client
        server.join(5)


def serve(listener, answer):
    connection, _ = listener.accept()
    h2 = H2Connection(H2Configuration(client_side=False))
    h2.initiate_connection()
    with connection:
        while data := connection.recv(1 << 16):
            requests = [e for e in h2.receive_data(data) if isinstance(e, RequestReceived)]
            connection.sendall(h2.data_to_send())
            if requests:
                answer(h2, requests[0].stream_id)
                connection.sendall(h2.data_to_send())
                return


def head_and_half(h2, stream):
    h2.send_headers(stream, GOOD_HEAD)
    h2.send_data(stream, b"abc")


def whole(h2, stream):
    head_and_half(h2, stream)
    h2.send_data(stream, b"def", end_stream=True)


def whole_after_a_goaway(h2, stream):
    pieces = bytes.fromhex("000008070000000000") + stream.to_bytes(4, "big") + bytes(4)
    h2._data_to_send += pieces  # h2 would not send anything after one of its own
    whole(h2, stream)


def reset_midway(h2, stream):
    head_and_half(h2, stream)
    h2.reset_stream(stream, 2)


def reset_at_once(h2, stream):
    h2.reset_stream(stream, 7)


def nothing(h2, stream):
    pass


@pytest.mark.parametrize("answer, body, complete, reset", [
    (whole, b"abcdef", True, None), (whole_after_a_goaway, b"abcdef", True, None),
    (reset_midway, b"abc", False, 2), (head_and_half, b"abc", False, None)])
def test_the_client_notices_a_cut(answer, body, complete, reset):
    with connected(answer) as client:
        stream = client.request("GET", "/")
        response = client.read_response(stream)
    assert (response.body, response.complete, stream.reset) == (body, complete, reset)
    assert client.goaway == (0 if answer is whole_after_a_goaway else None)


@pytest.mark.parametrize("answer, reset", [(reset_at_once, 7), (nothing, None)])
def test_the_client_notices_that_nothing_came(answer, reset):
    with connected(answer) as client:
        stream = client.request("GET", "/")
        with pytest.raises(Closed):
            client.read_response(stream)
    assert stream.reset == reset


def test_a_client_that_gives_no_window_gets_no_more_than_it_has(make_server):
    server = make_server()
    with H2Client(server.h2c_port, window=1000) as client:
        stream = client.request("PUT", "/encrypt_file", [], bytes(100_000), gives_window=False)
        with pytest.raises(TimeoutError):
            client.run(lambda: stream.is_over, 0.3)
        assert sum(map(len, stream.pieces)) == 1000
        client.give_window(stream, 1 << 20)
        assert client.read_response(stream).complete


def test_a_client_goes_away_at_any_point(make_server):
    server = make_server()
    for leave in (H2Client.abort, H2Client.close,
                  lambda client: client.reset_stream(client.streams[1])):
        with H2Client(server.h2c_port) as client:
            stream = client.request("PUT", "/encrypt_file", [], bytes(100_000), ends=False)
            client.send_all(stream)
            leave(client)
    lines = server.access_lines(at_least=3)
    assert [line.split()[4] for line in lines] == ["cut"] * 3
