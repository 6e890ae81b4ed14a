# SPDX-License-Identifier: Apache-2.0
"""Where an answer must not begin before its request has ended, and HTTP/1.0, where a cut looks like
an end: there the whole answer is spooled first, and sent with its length."""

import os
import time

import pytest

from support import transports
from support.answers import assert_encrypted, assert_error
from support.fernet import token_size
from support.forms import BOUNDARY, FORM, form, part
from support.paced import TRANSPORTS, assert_right, only, paced  # noqa: F401
from support.raw_http import RawClient, chunked, exchange, request
from support.sources import LARGE_MIB, MIB
from support.spool import spooling  # noqa: F401
from support.transports import LASTING, WITH_HTTP_2

CHUNKED = ("Transfer-Encoding", "chunked")
FORM_TYPE = ("Content-Type", FORM + BOUNDARY)
LAST_CHUNK = b"0\r\n\r\n"
# Through a proxy that reads nothing before it has sent everything, or that takes a cut for an end.
PROXIES = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "Via": "1.1 proxy"}
each_proxy = pytest.mark.parametrize("header", PROXIES.items(), ids=PROXIES)


@pytest.mark.parametrize("kind", ["put", "form"])
@pytest.mark.parametrize("n_bytes", [0, 1000, 100_000, 5 * MIB, 64 * MIB])
def test_http_1_0_gets_every_answer_with_its_exact_length(spooling, paced, kind, n_bytes):
    server = spooling()
    upload = only(paced(server, kind=kind, bytes=n_bytes, http10=True))
    assert upload["ok"], upload
    assert int(upload["headers"]["Content-Length"]) == token_size(n_bytes) == upload["answer"]
    assert "Transfer-Encoding" not in upload["headers"]


@pytest.mark.parametrize("n_bytes", [1000, MIB, 20 * MIB])
def test_an_error_in_http_1_0_is_a_clean_one_however_late_it_is_found(spooling, n_bytes):
    server = spooling()
    body = form(part(os.urandom(n_bytes)), close=False)
    data = request("POST", "/encrypt_file", [FORM_TYPE], body, version="HTTP/1.0")
    for _ in range(3):
        assert_error(exchange(server.port, data), 400, "truncated_body")
    body = form(part(os.urandom(n_bytes)), part(b"another"))
    data = request("POST", "/encrypt_file", [FORM_TYPE], body, version="HTTP/1.0")
    for _ in range(3):
        assert_error(exchange(server.port, data), 400, "too_many_files")


class Unended:
    """An upload of which all is sent but the end."""

    def __init__(self, client, transport, plaintext, headers):
        self.client = client
        self.stream = None
        if transport in WITH_HTTP_2:
            self.stream = client.request("PUT", "/encrypt_file", headers, iter([plaintext]),
                                         ends=False)
            client.send_all(self.stream)
        else:
            client.send(request("PUT", "/encrypt_file", [CHUNKED, *headers], b""))
            client.send(chunked(plaintext)[:-len(LAST_CHUNK)])

    def assert_silence(self, seconds=0.3):
        with pytest.raises(TimeoutError):
            if self.stream:
                self.client.run(lambda: self.stream.response or self.stream.is_over, seconds)
            else:
                self.client.socket.settimeout(seconds)
                self.client.socket.recv(1)
        if not self.stream:
            self.client.socket.settimeout(20)

    def read_head(self):
        return self.client.read_head(self.stream) if self.stream else self.client.read_head()

    def finish(self):
        if self.stream:
            self.client.send(self.stream, b"", ends=True)
            return self.client.read_response(self.stream)
        self.client.send(LAST_CHUNK)
        return self.client.read_response()


def answers_only_at_the_end(server, transport, headers=()):
    """Nothing may come before the end of the upload, then all with its length."""
    plaintext = os.urandom(MIB)
    with transport.connect(server) as client:
        upload = Unended(client, transport, plaintext, headers)
        upload.assert_silence()
        response = upload.finish()
    assert_encrypted(response, plaintext)
    assert int(response.header("Content-Length")) == token_size(MIB)


def answers_before_the_end(server, transport, headers=()):
    with transport.connect(server) as client:
        head = Unended(client, transport, bytes(MIB), headers).read_head()
        assert (head.status, head.header("Content-Length")) == (200, None)


@transports.each(LASTING)
def test_switched_off_no_answer_comes_before_the_end_of_the_upload(spooling, transport):
    answers_only_at_the_end(spooling(full_duplex="off"), transport)


@each_proxy
@transports.each(LASTING)
def test_no_answer_comes_through_a_proxy_before_the_end_of_the_upload(spooling, transport, header):
    server = spooling()
    answers_before_the_end(server, transport)
    answers_only_at_the_end(server, transport, [header])


@each_proxy
@transports.each(LASTING)
def test_switched_on_the_answer_begins_at_once_through_a_proxy_too(spooling, transport, header):
    answers_before_the_end(spooling(full_duplex="on"), transport, [header])


@pytest.mark.parametrize("kind", ["put", "chunked", "form"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_switched_off_every_transport_has_its_answer_after_the_upload(
        spooling, paced, transport, kind):
    server = spooling(full_duplex="off")
    n_bytes = LARGE_MIB // 32 * MIB
    upload = only(paced(server, transport, kind=kind, bytes=n_bytes))
    assert upload["ok"], upload
    assert upload["sent_at_first_byte"] == upload["sent"]
    assert int(upload["headers"]["Content-Length"]) == token_size(n_bytes)


def test_switched_off_an_error_is_a_clean_one_however_late_it_is_found(spooling):
    server = spooling(full_duplex="off")
    for parts in ([part(os.urandom(2 * MIB)), part(b"another")],
                  [part(os.urandom(2 * MIB)), part(b"x", name="later"), part(b"another")]):
        data = request("POST", "/encrypt_file", [FORM_TYPE], form(*parts))
        assert_error(exchange(server.port, data), 400, "too_many_files")
    data = request("POST", "/encrypt_file", [FORM_TYPE], form(part(bytes(MIB)), close=False))
    assert_error(exchange(server.port, data), 400, "truncated_body")


def test_switched_off_an_upload_that_stalls_leaves_nothing(spooling):
    server = spooling(full_duplex="off", client_body_timeout="1s")
    with RawClient(server.port) as client:
        client.send(request("PUT", "/encrypt_file", [CHUNKED], b""))
        client.send(chunked(bytes(4 * MIB))[:-len(LAST_CHUNK)])
        begun = time.monotonic()
        assert b" 200 " not in client.read_to_end()
        assert 0.5 < time.monotonic() - begun < 5


def test_an_answer_that_is_spooled_is_sent_as_slowly_as_the_client_reads(spooling, paced):
    server = spooling(full_duplex="off", send_timeout="2s")
    assert_right(paced(server, bytes="24m", read="paced", burst="2m", pause="300ms", rcvbuf="64k"))
