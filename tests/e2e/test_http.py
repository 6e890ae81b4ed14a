# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 as clients use it: connections kept alive, pipelines, chunks, expectations, lengths."""

import os
import time

import pytest

from support.answers import assert_encrypted, assert_error
from support.fernet import token_size
from support.formats import FORMATS
from support.forms import FORM, BOUNDARY, form, part, post_form
from support.raw_http import RawClient, chunked, exchange, request

PATH = "/encrypt_file"
CHUNKED = ("Transfer-Encoding", "chunked")
EXPECT = ("Expect", "100-continue")
HOLD = 64 << 10
# The largest file whose token is not longer than the hold.
HELD_BYTES = max(n for n in range(HOLD) if token_size(n) <= HOLD)


def put(plaintext, *headers, target=PATH):
    return request("PUT", target, headers, plaintext)


def test_a_connection_serves_many_uploads(server):
    with RawClient(server.port) as client:
        for i in range(20):
            plaintext = os.urandom(i * 997)
            client.send(post_form(part(plaintext)))
            assert_encrypted(client.read_response(), plaintext)


@pytest.mark.parametrize("large", [100, 200_000])
def test_a_connection_serves_uploads_of_every_kind(server, large):
    plaintext = os.urandom(large)
    body = chunked(plaintext, 7001)
    requests = [post_form(part(plaintext)), put(plaintext), put(body, CHUNKED), put(b"")]
    with RawClient(server.port) as client:
        for data in requests * 3:
            client.send_meanwhile(data).join()
            expected = b"" if data is requests[-1] else plaintext
            assert_encrypted(client.read_response(), expected)


@pytest.mark.parametrize("data, status, code", [
    (put(b"x", target="/nothing"), 404, "not_found"),
    (request("PATCH", PATH, [], b"x"), 405, "method_not_allowed"),
    (put(b"x", ("Content-Encoding", "gzip")), 415, "unsupported_media_type"),
])
def test_a_connection_is_of_use_after_an_error(server, data, status, code):
    with RawClient(server.port) as client:
        for _ in range(3):
            client.send(data)
            assert_error(client.read_response(), status, code)
            client.send(post_form(part(b"x")))
            assert_encrypted(client.read_response(), b"x")


def test_a_connection_is_closed_after_a_400_that_says_so(server):
    with RawClient(server.port) as client:
        client.send(post_form(part(b"x", name="wrong")))
        response = client.read_response()
        assert_error(response, 400, "missing_file")
        assert response.header("Connection") == "close"
        assert client.read_to_end() == b""


def test_an_early_error_does_not_leave_the_body_for_the_next_request(server):
    smuggled = request("GET", "/healthz")
    with RawClient(server.port) as client:
        client.send(put(smuggled, target=PATH + "?unknown=1") + request("GET", "/nothing"))
        assert_error(client.read_response(), 400, "unknown_parameter")
        rest = client.read_response("GET") if client.buffer or client._more() else None
    assert rest is None or rest.status == 404


def test_pipelined_uploads_are_answered_in_order(server):
    plaintexts = [os.urandom(n) for n in (10, 0, 70_000, 1, 200_000, 33)]
    data = b"".join(post_form(part(p, filename=f"{i}.txt")) if i % 2 else
                    put(p, target=f"{PATH}/{i}.txt") for i, p in enumerate(plaintexts))
    with RawClient(server.port) as client:
        client.send_meanwhile(data)
        for i, plaintext in enumerate(plaintexts):
            assert_encrypted(client.read_response(), plaintext, f"encrypted_{i}.txt")


def test_pipelined_uploads_of_every_format_are_answered_in_order(server):
    uploads = [(options, os.urandom(n)) for n in (10, 0, 70_000, 200_000) for options in FORMATS]
    with RawClient(server.port) as client:
        client.send_meanwhile(b"".join(put(p, target=PATH + options) for options, p in uploads))
        for options, plaintext in uploads:
            FORMATS[options](client.read_response(), plaintext)


def test_pipelined_errors_and_uploads_are_answered_in_order(server):
    data = put(b"a") + request("GET", "/nothing") + post_form(part(b"b")) + request("GET", "/")
    with RawClient(server.port) as client:
        client.send(data)
        assert_encrypted(client.read_response(), b"a")
        assert client.read_response().status == 404
        assert_encrypted(client.read_response(), b"b")
        assert client.read_response().body == b"This service is running!"


def test_an_upload_that_comes_byte_by_byte_is_whole(server):
    with RawClient(server.port) as client:
        for byte in post_form(part(b"slowly"), boundary="b"):
            client.send(bytes([byte]))
        assert_encrypted(client.read_response(), b"slowly")


def test_the_clients_connection_close_is_heeded(server):
    with RawClient(server.port) as client:
        client.send(put(b"x", ("Connection", "close")))
        response = client.read_response()
        assert_encrypted(response, b"x")
        assert client.read_to_end() == b""


@pytest.mark.parametrize("plaintext", [b"small", os.urandom(200_000)], ids=["small", "large"])
@pytest.mark.parametrize("headers", [[], [CHUNKED]], ids=["length", "chunked"])
@pytest.mark.parametrize("options", FORMATS)
def test_a_client_that_expects_100_continue_gets_it(server, plaintext, headers, options):
    body = chunked(plaintext) if headers else plaintext
    whole = put(body, EXPECT, *headers, target=PATH + options)
    with RawClient(server.port) as client:
        client.send(whole[:-len(body)])
        assert client.socket.recv(25, 0) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send_meanwhile(body)
        FORMATS[options](client.read_response(), plaintext)


@pytest.mark.parametrize("headers, query, status, code", [
    ([], "?unknown=1", 400, "unknown_parameter"),
    ([("Content-Encoding", "gzip")], "", 415, "unsupported_media_type"),
    ([("Encryption-Key", "bad")], "", 400, "invalid_key"),
    ([], "?format=age&recipient=bad", 400, "invalid_recipient"),
    ([], "?format=age&armor=bad", 400, "invalid_parameter"),
    ([("Content-Range", "bytes 0-1/2")], "", 400, "bad_request"),
])
def test_a_refusal_comes_instead_of_100_continue(server, headers, query, status, code):
    data = put(b"body", EXPECT, *headers, target=PATH + query)[:-len(b"body")]
    with RawClient(server.port) as client:
        client.send(data)
        response = client.read_response()
    assert response.interim == []
    assert_error(response, status, code)


def test_an_upload_that_is_too_large_is_refused_instead_of_100_continue(make_server):
    server = make_server(body_limit="1k")
    with RawClient(server.port) as client:
        client.send(put(bytes(2000), EXPECT)[:-2000])
        response = client.read_response()
    assert response.interim == []
    assert_error(response, 413, "payload_too_large")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 15, 16, 17, 61, 1021])
@pytest.mark.parametrize("extension", [b"", b";name=value", b';q="a b"'])
def test_chunks_of_odd_sizes_are_put_together(server, size, extension):
    plaintext = os.urandom(2000)
    body = chunked(plaintext, size, extension)
    assert_encrypted(exchange(server.port, put(body, CHUNKED)), plaintext)
    whole = chunked(form(part(plaintext)), size)
    data = request("POST", PATH, [("Content-Type", FORM + BOUNDARY), CHUNKED], whole)
    assert_encrypted(exchange(server.port, data), plaintext)


def test_trailers_are_skipped(server):
    body = chunked(b"x")[:-2] + b"X-Checksum: 1\r\n\r\n"
    with RawClient(server.port) as client:
        for _ in range(2):
            client.send(put(body, CHUNKED))
            assert_encrypted(client.read_response(), b"x")


@pytest.mark.parametrize("make", [
    lambda p: put(p), lambda p: put(chunked(p), CHUNKED), lambda p: post_form(part(p)),
], ids=["length", "chunked", "form"])
@pytest.mark.parametrize("n", [0, 1, 1000, HELD_BYTES])
def test_an_answer_within_the_hold_has_its_length(server, make, n):
    response = exchange(server.port, make(bytes(n)))
    assert_encrypted(response, bytes(n))
    assert int(response.header("Content-Length")) == token_size(n)


@pytest.mark.parametrize("make", [
    lambda p: put(chunked(p), CHUNKED), lambda p: post_form(part(p)),
], ids=["chunked", "form"])
@pytest.mark.parametrize("n", [2 * HOLD, 1 << 20])
def test_an_answer_past_the_hold_is_chunked_where_its_length_is_unknown(server, make, n):
    response = exchange(server.port, make(bytes(n)))
    assert_encrypted(response, bytes(n))
    assert response.header("Content-Length") is None


@pytest.mark.parametrize("n", [HELD_BYTES + 1, 1 << 20, (3 << 20) + 5])
def test_an_answer_to_a_bare_file_of_known_length_has_its_exact_length(server, n):
    response = exchange(server.port, put(bytes(n)))
    assert_encrypted(response, bytes(n))
    assert int(response.header("Content-Length")) == token_size(n)


def test_an_upload_without_a_length_and_without_chunks_is_an_empty_file(server):
    assert_encrypted(exchange(server.port, request("PUT", PATH)), b"")


def test_the_hold_can_be_set(make_server):
    server = make_server(hold="4k")
    response = exchange(server.port, post_form(part(bytes(HELD_BYTES // 2))))
    assert response.header("Transfer-Encoding") == "chunked"
    assert_encrypted(response, bytes(HELD_BYTES // 2))


@pytest.mark.parametrize("name, value", [
    ("If-None-Match", "*"), ("If-Match", '"x"'), ("Range", "bytes=0-3"), ("If-Range", '"x"'),
    ("If-Modified-Since", "Sun, 06 Nov 2094 08:49:37 GMT"),
    ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("Accept-Encoding", "gzip, deflate, br"), ("TE", "trailers"), ("Accept", "image/png"),
    ("Content-Encoding", "identity"),
])
@pytest.mark.parametrize("n", [100, 100_000])
def test_a_header_about_representations_does_not_alter_the_answer(server, name, value, n):
    with RawClient(server.port) as client:
        client.send(post_form(part(bytes(n)), headers=[(name, value)]))
        assert_encrypted(client.read_response(), bytes(n))
        client.send(put(b"next"))
        assert_encrypted(client.read_response(), b"next")


@pytest.mark.parametrize("make", [lambda p: put(p), lambda p: post_form(part(p))],
                         ids=["put", "form"])
@pytest.mark.parametrize("n", [0, 1, HELD_BYTES, HELD_BYTES + 1, 300_000, 5 << 20])
def test_http_1_0_gets_every_file_with_its_length(server, make, n):
    plaintext = os.urandom(n)
    response = exchange(server.port, make(plaintext).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    assert_encrypted(response, plaintext)
    assert int(response.header("Content-Length")) == token_size(n)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_client_may_bring_its_own_key(server, method):
    key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
    for n in (0, 1000, 200_000):
        data = request(method, PATH, [("Encryption-Key", key)], bytes(n))
        assert_encrypted(exchange(server.port, data), bytes(n), key=key)


@pytest.mark.parametrize("query", ["?format=fernet", "?"])
def test_fernet_can_be_asked_for(server, query):
    assert_encrypted(exchange(server.port, put(b"x", target=PATH + query)), b"x")


def test_a_token_carries_the_time_of_its_making(server):
    from cryptography.fernet import Fernet
    response = exchange(server.port, put(b"x"))
    made = Fernet(response.header("Encryption-Key")).extract_timestamp(response.body)
    assert abs(made - time.time()) < 5


@pytest.mark.parametrize("accept", ["*/*", "text/plain", None])
def test_the_root_says_that_the_service_is_running(server, accept):
    headers = [("Accept", accept)] if accept else []
    response = exchange(server.port, request("GET", "/", headers))
    assert (response.status, response.body) == (200, b"This service is running!")
    assert response.header("Content-Type").startswith("text/plain")


def test_healthz_is_a_200(server):
    assert exchange(server.port, request("GET", "/healthz")).status == 200


@pytest.mark.parametrize("target, status", [("/", 200), ("/healthz", 200), (PATH, 405),
                                            ("/generate_key", 405), ("/nothing", 404)])
def test_head_is_answered_as_get_without_a_body(server, target, status):
    with RawClient(server.port) as client:
        client.send(request("HEAD", target))
        assert client.read_response("HEAD").status == status
        client.send(request("GET", "/"))
        assert client.read_response().body == b"This service is running!"


@pytest.mark.parametrize("target, allowed", [(PATH, {"POST", "PUT", "OPTIONS"}),
                                             (PATH + "/x.txt", {"PUT", "OPTIONS"}),
                                             ("/generate_key", {"POST", "OPTIONS"}),
                                             ("/", {"GET", "HEAD"}), ("/healthz", {"GET", "HEAD"})])
def test_options_says_what_a_path_allows(server, target, allowed):
    response = exchange(server.port, request("OPTIONS", target))
    assert (response.status, response.body) == (204, b"")
    assert allowed <= {word.strip() for word in response.header("Allow").split(",")}
