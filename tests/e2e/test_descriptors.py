# SPDX-License-Identifier: Apache-2.0
"""A worker without a file descriptor to spare cannot begin a spool: a clean error while the answer
has not begun, and else a cut. What needs no spool goes on."""

import contextlib
import os

import pytest

from support import process, transports
from support.answers import assert_encrypted, assert_error, assert_no_token
from support.descriptors import SETTINGS, Idle
from support.owners import owner_of
from support.raw_http import Closed, chunked, request
from support.sources import MIB
from support.spool import spooling  # noqa: F401
from support.transports import WITH_HTTP_2

CHUNKED = ("Transfer-Encoding", "chunked")
LAST_CHUNK = b"0\r\n\r\n"
ROUNDS = 3


@contextlib.contextmanager
def begun(server, transport, size):
    """An upload whose head is sent, and what sends size bytes, all of it, and reads the answer."""
    plaintext = os.urandom(size)
    with transport.connect(server) as client:
        if transport in WITH_HTTP_2:
            stream = client.request("PUT", "/encrypt_file", ends=False)
            client.run(lambda: not client.unsent)
        else:
            length = [("Content-Length", str(size))]
            client.send(request("PUT", "/encrypt_file", length, version=transport.version))

        def finish():
            if transport in WITH_HTTP_2:
                client.send(stream, plaintext, ends=True)
                return client.read_response(stream), plaintext
            client.send_meanwhile(plaintext)
            return client.read_response(), plaintext

        assert process.wait_until(lambda: owner_of(server, client.socket))  # it is accepted
        yield finish


def assert_uploads(server, transport, size=4 * MIB):
    """A new connection and a new spool are to be had again."""
    plaintext = os.urandom(size)
    assert_encrypted(transport.exchange(server, "PUT", "/encrypt_file", body=plaintext), plaintext)


@transports.each()
def test_without_a_descriptor_for_its_spool_an_answer_that_has_not_begun_is_refused_cleanly(
        spooling, transport):
    server = spooling(**SETTINGS, full_duplex="off")
    for _ in range(ROUNDS):
        with begun(server, transport, 4 * MIB) as finish:
            with Idle(server):
                response, _ = finish()
            assert_error(response, 503, "overloaded")
            assert int(response.header("Retry-After")) > 0
        assert_uploads(server, transport)
    assert "Too many open files" in server.log()


@transports.each()
def test_an_answer_that_needs_no_spool_needs_no_descriptor(spooling, transport):
    server = spooling(**SETTINGS, full_duplex="off")
    with begun(server, transport, 100_000) as finish, Idle(server):
        assert_encrypted(*finish())
    assert_uploads(server, transport)


@transports.each([transports.HTTP_1_1, transports.TLS])
def test_without_a_descriptor_for_its_spool_an_answer_of_http_1_1_that_has_begun_is_cut(
        spooling, transport):
    server = spooling(**SETTINGS)
    for _ in range(ROUNDS):
        with transport.connect(server) as client:
            client.send(request("PUT", "/encrypt_file", [CHUNKED], b""))
            client.send(chunked(bytes(300_000))[:-len(LAST_CHUNK)])
            response = client.read_head()
            assert response.status == 200
            with Idle(server):
                # Read nothing meanwhile: what the sockets hold does not suffice.
                client.send_meanwhile(chunked(bytes(64 * MIB))).join()
                pieces = []
                with pytest.raises(Closed):
                    pieces.extend(client.body_pieces(response))
            response.body = b"".join(pieces)
            assert_no_token(response)
        assert_uploads(server, transport)


@transports.each(WITH_HTTP_2)
def test_without_a_descriptor_for_its_spool_an_answer_of_http_2_that_has_begun_is_cut(
        spooling, transport):
    server = spooling(**SETTINGS)
    for _ in range(ROUNDS):
        with transport.connect(server) as client:
            stream = client.request("PUT", "/encrypt_file", body=iter([bytes(300_000)]), ends=False,
                                    gives_window=False)
            response = client.read_head(stream)
            assert response.status == 200
            with Idle(server):
                client.send(stream, bytes(64 * MIB), ends=True)
                client.run(lambda: stream.is_over)
            assert stream.reset is not None and not client.is_closed
            response.body = b"".join(client.body_pieces(stream))
            assert_no_token(response)
        assert_uploads(server, transport)
