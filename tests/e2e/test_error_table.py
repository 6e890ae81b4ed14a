# SPDX-License-Identifier: Apache-2.0
"""The error table of docs/http-api.md, over every transport: the same answer in all of them, and on
HTTP/2 a connection that is of use afterwards."""

import os
import re
from dataclasses import dataclass, field

import pytest
from cryptography.fernet import Fernet

from support import transports
from support.answers import assert_encrypted, assert_error, assert_no_token
from support.decryption import FERNET_KEY, SECRET
from support.forms import BOUNDARY, FORM, form, part
from support.raw_http import Closed
from support.tls import PROJECT
from support.transports import HTTP_1_0, HTTP_1_1, TLS, UNDECLARED, WITH_HTTP_1, WITH_HTTP_2

PATH = "/encrypt_file"
LOCATION = "location / {\n            encrypter on;"
# What an operator may add, and what the service answers when it cannot do its work.
ADDED = """
        location /deny { deny all; }
        location /login { auth_basic "files"; auth_basic_user_file /dev/null; encrypter on; }
        location /500 { return 500; }
        location /503 { return 503; }
        location /507 { return 507; }
        """
FORM_TYPE = ("Content-Type", FORM + BOUNDARY)
AGE = "?format=age"
RECIPIENT = "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh"
URLENCODED = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass
class Case:
    """The smallest request that gets the error."""
    status: int
    code: str
    method: str = "PUT"
    target: str = PATH
    headers: list = field(default_factory=list)
    body: bytes = b"x"
    declared: bool = True
    only: list = field(default_factory=lambda: transports.ALL)


def post(code, body, content_type=FORM + BOUNDARY, status=400):
    return Case(status, code, "POST", PATH, [("Content-Type", content_type)], body)


def put(status, code, *headers, query="", **options):
    return Case(status, code, "PUT", PATH + query, headers, **options)


def decrypt(status, code, body=b"x", key=FERNET_KEY, query=""):
    return Case(status, code, "PUT", "/decrypt_file" + query, [("Encryption-Key", key)], body)


OLD_TOKEN = Fernet(FERNET_KEY).encrypt_at_time(b"x", 0)
WITH_PASSPHRASE = (b"age-encryption.org/v1\n-> scrypt " + b"A" * 22 + b" 10\n" + b"A" * 43
                   + b"\n--- " + b"A" * 43 + b"\n" + bytes(33))


def text_field(name):
    return part(b"x", name=name, filename=None, content_type=None)


CASES = {
    "no boundary": post("malformed_multipart", form(part()), "multipart/form-data"),
    "a bad boundary": post("malformed_multipart", form(part()), FORM + "b" * 71),
    "a bad part header": post("malformed_multipart", form(b"no colon\r\n\r\n")),
    "large part headers": post("malformed_multipart", form(part(content_type="x" * 8192))),
    "many parts": post("malformed_multipart", form(*[text_field("x")] * 257)),
    "no file": post("missing_file", form(text_field("x"))),
    "two files": post("too_many_files", form(part(), part())),
    "no closing boundary": post("truncated_body", form(part(), close=False)),
    "a bad key": put(400, "invalid_key", ("Encryption-Key", "x")),
    "a bad identity": put(400, "invalid_key", ("Encryption-Key", "x"), query=AGE),
    "a bad recipient": put(400, "invalid_recipient", query=AGE + "&recipient=x"),
    "a recipient of Fernet": put(400, "invalid_parameter", query="?recipient=" + RECIPIENT),
    "a recipient and a key": put(400, "invalid_parameter", ("Encryption-Key", "x"),
                                 query=AGE + "&recipient=" + RECIPIENT),
    "21 recipients": put(400, "invalid_parameter", query=AGE + ("&recipient=" + RECIPIENT) * 21),
    "bad armor": put(400, "invalid_parameter", query=AGE + "&armor=x"),
    "another answer": put(400, "invalid_parameter", query="?answer=x"),
    "a page for a bare file": put(400, "invalid_parameter", query="?answer=page"),
    "an unknown parameter": put(400, "unknown_parameter", query="?x=1"),
    "an unknown parameter for a key": Case(400, "unknown_parameter", "POST", "/generate_key?x=1"),
    "a repeated parameter": put(400, "invalid_parameter", query="?format=fernet&format=fernet"),
    "a malformed parameter": put(400, "invalid_parameter", query="?format=%zz"),
    "no key to decrypt with": Case(400, "missing_key", target="/decrypt_file"),
    "a bad key to decrypt with": decrypt(400, "invalid_key", key="x"),
    "a key of the other format": decrypt(400, "invalid_key", OLD_TOKEN, SECRET),
    "the format of what is decrypted": decrypt(400, "unknown_parameter", query=AGE),
    "a bad ttl": decrypt(400, "invalid_parameter", query="?ttl=x"),
    "a ttl of age": decrypt(400, "invalid_parameter", key=SECRET, query="?ttl=1"),
    "a bad release": decrypt(400, "invalid_parameter", key=SECRET, query="?release=x"),
    "no encrypted file": decrypt(422, "unrecognized_format"),
    "a file that was cut": decrypt(422, "decryption_failed", OLD_TOKEN[:50]),
    "an old token": decrypt(422, "token_expired", OLD_TOKEN, query="?ttl=1"),
    "a passphrase": decrypt(422, "passphrase_not_supported", WITH_PASSPHRASE, SECRET),
    "an unknown format": put(400, "unknown_format", query="?format=x"),
    "a Content-Range": put(400, "bad_request", ("Content-Range", "bytes 0-0/2")),
    # In HTTP/1.1 it is the other length of a body; in HTTP/2 nginx takes it for that as well.
    "chunks in HTTP/1.0": put(400, "bad_request", ("Transfer-Encoding", "chunked"), body=None,
                              only=[HTTP_1_0]),
    "a bad escape": put(400, "bad_request", query="/%zz"),
    "no credentials": Case(401, "unauthorized", target="/login"),
    "a forbidden place": Case(403, "forbidden", target="/deny"),
    "an unknown path": Case(404, "not_found", target="/nothing"),
    "a wrong method": Case(405, "method_not_allowed", "DELETE", body=None),
    "a wrong method for a key": Case(405, "method_not_allowed", "PUT", "/generate_key"),
    "TRACE": Case(405, "method_not_allowed", "TRACE", body=None),
    "a large body": put(413, "payload_too_large", body=bytes(40_961)),
    # Not HTTP/1.0: there a body without a length does not exist.
    "a large body of unknown length": put(413, "payload_too_large", body=bytes(40_961),
                                          declared=False, only=UNDECLARED),
    # Not HTTP/2: nginx ends the connection when a field is too long, before there is a request.
    "a long target": Case(414, "uri_too_long", target="/" + "x" * 100_000, only=WITH_HTTP_1),
    "a long header": put(431, "headers_too_large", ("X", "x" * 100_000), only=WITH_HTTP_1),
    "many headers": put(431, "headers_too_large", *[("X", "")] * 1100),
    "a urlencoded form": post("unsupported_media_type", b"", URLENCODED[1], 415),
    "a Content-Encoding": put(415, "unsupported_media_type", ("Content-Encoding", "gzip")),
    "a failure": Case(500, "internal_error", target="/500"),
    # Not HTTP/1.0: there it is a 400 like any Transfer-Encoding.
    "an unknown Transfer-Encoding": put(501, "not_implemented", ("Transfer-Encoding", "gzip"),
                                        body=None, only=UNDECLARED),
    "too busy": Case(503, "overloaded", target="/503"),
    "no room": Case(507, "insufficient_storage", target="/507"),
}
ON_TRANSPORTS = [pytest.param(case, transport, id=f"{name}-{transport.name}")
                 for name, case in CASES.items() for transport in case.only]
# Those that have a test of their own below.
OTHER_CODES = {"rate_limited", "http_version_not_supported"}


@pytest.fixture(scope="module")
def server(make_module_server):
    return make_module_server(body_limit="40k", edits=[(LOCATION, ADDED + LOCATION)])


def ask(transport, client, case):
    return transport.ask(client, case.method, case.target, case.headers, case.body, case.declared)


def assert_answer(response, case):
    assert_error(response, case.status, case.code)
    assert response.header("Cache-Control") == "no-store"
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert (response.header("Allow") is not None) == (case.status == 405)
    assert (response.header("Retry-After") == "1") == (case.status in (429, 503))


def assert_of_use(transport, client):
    plaintext = os.urandom(100)
    assert_encrypted(transport.ask(client, "PUT", PATH, [], plaintext), plaintext)


def test_every_code_of_the_documentation_is_tested():
    text = (PROJECT / "docs" / "http-api.md").read_text()
    documented = set(re.findall(r"^\| \d{3} \| `(\w+)` \|", text, re.MULTILINE))
    assert {case.code for case in CASES.values()} | OTHER_CODES == documented


@pytest.mark.parametrize("case, transport", ON_TRANSPORTS)
def test_an_error_is_the_same_over_every_transport(server, case, transport):
    with transport.connect(server) as client:
        assert_answer(ask(transport, client, case), case)


@transports.each(WITH_HTTP_2)
def test_an_http2_connection_is_of_use_after_any_error(server, transport):
    with transport.connect(server) as client:
        for case in CASES.values():
            if transport in case.only:
                assert_answer(ask(transport, client, case), case)
                assert_of_use(transport, client)


@transports.each(WITH_HTTP_2)
def test_an_error_on_one_stream_leaves_the_others_alone(server, transport):
    plaintext = os.urandom(20_000)
    with transport.connect(server) as client:
        good = client.request("PUT", PATH, [("content-length", "20000")], plaintext[:10_000],
                              ends=False, declared=False)
        for case in CASES.values():
            if transport in case.only:
                assert_answer(ask(transport, client, case), case)
        client.send(good, plaintext[10_000:], ends=True)
        assert_encrypted(client.read_response(good), plaintext)


@transports.each()
def test_405_lists_what_the_path_takes(server, transport):
    for target, allowed in ((PATH, "POST, PUT, OPTIONS"), (PATH + "/x", "PUT, OPTIONS"),
                            ("/decrypt_file", "POST, PUT, OPTIONS"),
                            ("/decrypt_file/x", "PUT, OPTIONS"), ("/generate_key", "POST, OPTIONS"),
                            ("/", "GET, HEAD, OPTIONS"), ("/healthz", "GET, HEAD, OPTIONS")):
        response = transport.exchange(server, "DELETE", target)
        assert_error(response, 405, "method_not_allowed")
        assert response.header("Allow") == allowed


@transports.each()
def test_413_names_the_limit(server, transport):
    response = transport.exchange(server, "PUT", PATH, [], bytes(40_961))
    assert_error(response, 413, "payload_too_large", "40 KiB")


@pytest.mark.parametrize("line", ["GARBAGE", "put / HTTP/1.1", "PUT x HTTP/1.1", "PUT / HTTQ/1.1"])
@transports.each([HTTP_1_1, TLS])
def test_what_is_no_http_1_request_is_a_400(server, transport, line):
    with transport.connect(server) as client:
        client.send(f"{line}\r\nHost: x\r\n\r\n".encode())
        assert_error(client.read_response(), 400, "bad_request")


@transports.each([HTTP_1_1, TLS])
def test_an_unknown_version_of_http_is_a_505(server, transport):
    with transport.connect(server) as client:
        client.send(b"GET / HTTP/3.0\r\nHost: x\r\n\r\n")
        assert_error(client.read_response(), 505, "http_version_not_supported")


GOOD = {":method": "PUT", ":path": PATH, ":scheme": "http", ":authority": "localhost"}
NO_HTTP_2_REQUESTS = {
    **{f"no {name}": {**GOOD, name: None} for name in GOOD},
    **{f"an empty {name}": {**GOOD, name: ""} for name in (":method", ":path", ":scheme")},
    "a method in small letters": {**GOOD, ":method": "put"},
    "a path without a slash": {**GOOD, ":path": "encrypt_file"},
    "a way out of the root": {**GOOD, ":path": "/../etc/passwd"},
    "an unknown pseudo-header": {**GOOD, ":other": "x"},
    "a length that is no number": {**GOOD, "content-length": "many"},
}


@pytest.mark.parametrize("headers", NO_HTTP_2_REQUESTS.values(), ids=NO_HTTP_2_REQUESTS)
@transports.each(WITH_HTTP_2)
def test_what_is_no_http_2_request_is_a_400(server, transport, headers):
    headers = [(name, value) for name, value in headers.items() if value is not None]
    with transport.connect(server) as client:
        response = client.read_response(client.request_exactly(headers, b"x"))
        assert_error(response, 400, "bad_request")
        assert_of_use(transport, client)


@pytest.mark.parametrize("header", [("X-Upper", "x"), ("x-line", "a\nb"), ("x y", "x")])
@transports.each(WITH_HTTP_2)
def test_a_header_that_http_2_does_not_allow_resets_the_stream_alone(server, transport, header):
    with transport.connect(server) as client:
        stream = client.request_exactly([*GOOD.items(), header])
        with pytest.raises(Closed):
            client.read_response(stream)
        assert stream.reset == 1  # PROTOCOL_ERROR
        assert_of_use(transport, client)


@pytest.mark.parametrize("target, value", [(PATH + "/" + "x" * 100_000, "x"), (PATH, "x" * 100_000)])
@transports.each(WITH_HTTP_2)
def test_a_field_that_is_too_long_ends_an_http2_connection(server, transport, target, value):
    with transport.connect(server) as client:
        with pytest.raises(Closed):
            client.exchange("PUT", target, [("x", value)], b"x")
        assert client.goaway == 11  # ENHANCE_YOUR_CALM


EARLY_ENDS = {
    "in a file": ([("content-length", "10")], b"12345"),
    "before a file": ([("content-length", "10")], b""),
    "with the headers": ([("content-length", "10")], None),
    "in a form": ([FORM_TYPE, ("content-length", "1000")], form(part(b"12345"))[:-5]),
    "behind a form": ([FORM_TYPE, ("content-length", "1000")], form(part(b"12345"))),
}


@pytest.mark.parametrize("headers, body", EARLY_ENDS.values(), ids=EARLY_ENDS)
@transports.each(WITH_HTTP_2)
def test_an_upload_that_ends_before_its_length_is_a_truncated_body(server, transport, headers, body):
    method = "POST" if FORM_TYPE in headers else "PUT"
    with transport.connect(server) as client:
        response = client.exchange(method, PATH, headers, body, declared=False)
        assert_error(response, 400, "truncated_body")
        assert_of_use(transport, client)


@pytest.mark.parametrize("n_more", [1, 1 << 20])
@transports.each(WITH_HTTP_2)
def test_past_the_hold_an_early_end_resets_the_stream_alone(make_server, transport, n_more):
    plaintext = os.urandom(1 << 20)
    with transport.connect(make_server()) as client:
        length = ("content-length", str(len(plaintext) + n_more))
        stream = client.request("PUT", PATH, [length], plaintext, declared=False)
        response = client.read_response(stream)
        assert (response.status, response.complete) == (200, False)
        assert stream.reset == 2  # INTERNAL_ERROR
        assert_no_token(response)
        assert_of_use(transport, client)


@transports.each(WITH_HTTP_2)
def test_more_than_the_declared_length_is_a_400(server, transport):
    with transport.connect(server) as client:
        response = client.exchange("PUT", PATH, [("content-length", "3")], b"12345", declared=False)
        assert_error(response, 400, "bad_request")
        assert_of_use(transport, client)


@transports.each()
def test_one_address_too_often_is_a_429(make_server, transport):
    server = make_server(connections_per_address=1)
    with HTTP_1_1.connect(server) as first:
        first.send(b"PUT /encrypt_file HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                   b"Content-Length: 1\r\n\r\n")
        assert first.socket.recv(100).startswith(b"HTTP/1.1 100 ")
        response = transport.exchange(server, "PUT", PATH + "/secret-name", [], b"x")
        assert_answer(response, Case(429, "rate_limited"))
        first.send(b"x")
        assert_encrypted(first.read_response(), b"x")
    assert_encrypted(transport.exchange(server, "PUT", PATH, [], b"x"), b"x")
    assert "secret-name" not in server.log()


@transports.each(WITH_HTTP_2)
def test_each_request_of_an_http2_connection_counts_for_a_429(make_server, transport):
    server = make_server(connections_per_address=2)
    with transport.connect(server) as client:
        held = [client.request("PUT", PATH, [], b"x", ends=False, declared=False) for _ in range(2)]
        assert_answer(client.exchange("PUT", PATH, [], b"x"), Case(429, "rate_limited"))
        client.send(held[0], b"y", ends=True)
        assert_encrypted(client.read_response(held[0]), b"xy")
        assert_of_use(transport, client)
