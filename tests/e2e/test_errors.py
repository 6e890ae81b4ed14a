# SPDX-License-Identifier: Apache-2.0
"""Bad requests, each with its status, its code and a sentence."""

from pathlib import Path

import pytest

from support import nginx
from support.answers import assert_error
from support.forms import BOUNDARY, FORM, form, part, post_form
from support.raw_http import RawClient, chunked, exchange, request

PATH = "/encrypt_file"
CHUNKED = ("Transfer-Encoding", "chunked")
GOOD_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="


def post_typed(content_type, body):
    return request("POST", PATH, [("Content-Type", content_type)], body)


def raw(*lines):
    """A request of just these lines."""
    return "\r\n".join([*lines, "", ""]).encode()


def headed(*headers, method="PUT", target=PATH, body=b"x"):
    return request(method, target, headers, body)


def field(data=b"x", **options):
    return part(data, filename=None, content_type=None, **options)


LONG_PART_HEADER = part(b"x", content_type="text/" + "x" * 8192)
NO_COLON = b'Content-Disposition: form-data; name="file"\r\nnonsense\r\n\r\nx'
OPEN_QUOTE = b'Content-Disposition: form-data; name="file\r\n\r\nx'
NO_DISPOSITION = b"Content-Type: text/plain\r\n\r\nx"

FORMS = {
    "no boundary": (post_typed("multipart/form-data", form(part())), "malformed_multipart"),
    "an empty boundary": (post_typed(FORM, form(part())), "malformed_multipart"),
    "an empty quoted boundary": (post_typed(FORM + '""', form(part())), "malformed_multipart"),
    "a boundary of 71 characters": (
        post_form(part(), boundary="b" * 71), "malformed_multipart"),
    "a part without a Content-Disposition": (post_form(NO_DISPOSITION), "malformed_multipart"),
    "a part header without a colon": (post_form(NO_COLON), "malformed_multipart"),
    "a quote that does not end": (post_form(OPEN_QUOTE), "malformed_multipart"),
    "part headers over 8192 bytes": (post_form(LONG_PART_HEADER), "malformed_multipart"),
    "257 parts": (post_form(*[field(name="x")] * 256, part(b"x")), "malformed_multipart"),
    "another field's name": (post_form(part(b"x", name="upload")), "missing_file"),
    "no part at all": (
        post_typed(FORM + BOUNDARY, f"--{BOUNDARY}--\r\n".encode()), "missing_file"),
    "only text fields": (post_form(field(name="a"), field(name="b")), "missing_file"),
    "nothing chosen": (
        post_form(part(filename="", content_type="application/octet-stream")), "missing_file"),
    "two files": (post_form(part(b"x"), part(b"y")), "too_many_files"),
    "two files of the same name and content": (post_form(part(b"x"), part(b"x")),
                                               "too_many_files"),
    "no closing boundary": (
        post_typed(FORM + BOUNDARY, form(part(b"x"), close=False)), "truncated_body"),
}


@pytest.mark.parametrize("data, code", FORMS.values(), ids=FORMS)
def test_a_bad_form_is_a_400(server, data, code):
    assert_error(exchange(server.port, data), 400, code)


KNOWN = "takes format, armor, recipient and answer"
OPTIONS = {
    "an unknown parameter": ("?recipent=age1xyz", "unknown_parameter", KNOWN),
    "a parameter in capitals": ("?FORMAT=fernet", "unknown_parameter", KNOWN),
    "a parameter without a value": ("?verbose", "unknown_parameter", KNOWN),
    "a second, unknown parameter": ("?format=fernet&x=1", "unknown_parameter", KNOWN),
    "an unknown format": ("?format=xyz", "unknown_format", "format=fernet or format=age"),
    "an empty format": ("?format=", "unknown_format", "format=fernet or format=age"),
    "a repeated parameter": ("?format=fernet&format=fernet", "invalid_parameter", "once"),
}


@pytest.mark.parametrize("query, code, sentence", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_bad_option_is_a_400(server, method, query, code, sentence):
    data = headed(method=method, target=PATH + query)
    assert_error(exchange(server.port, data), 400, code, sentence)


# The benchmarks' own build has these, to measure what encryption adds to copying.
@pytest.mark.parametrize("name", ["null-4-3", "null-1-1"])
def test_a_format_that_only_copies_is_none(server, name):
    data = headed(method="POST", target=f"{PATH}?format={name}")
    assert_error(exchange(server.port, data), 400, "unknown_format")
    assert name.encode() not in Path(nginx.MODULE).read_bytes()


@pytest.mark.parametrize("key", [
    "short", GOOD_KEY[:-1], GOOD_KEY + "=", GOOD_KEY[:-2] + "5=", "!" + GOOD_KEY[1:],
    GOOD_KEY.replace("_", "/"), "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"])
def test_a_bad_key_of_the_clients_own_is_a_400(server, key):
    response = exchange(server.port, headed(("Encryption-Key", key)))
    assert_error(response, 400, "invalid_key")
    assert key.encode() not in response.body


def test_two_keys_are_a_400(server):
    response = exchange(server.port, headed(*[("Encryption-Key", GOOD_KEY)] * 2))
    assert_error(response, 400, "invalid_key")


NO_REQUESTS = {
    "a request line that is none": raw("GARBAGE"),
    "a method in small letters": raw("post /encrypt_file HTTP/1.1", "Host: x"),
    "a target without a slash": raw("POST encrypt_file HTTP/1.1", "Host: x"),
    "a broken version": raw("POST /encrypt_file HTTQ/1.1", "Host: x"),
    "a header that is none": raw("POST /encrypt_file HTTP/1.1", "Host: x", "no header: here"),
    "no Host": raw("POST /encrypt_file HTTP/1.1", "Content-Length: 0"),
    "two Hosts": headed(("Host", "other")),
    "a bad escape in the target": headed(target=PATH + "/%zz"),
    "a zero byte in the target": headed(target=PATH + "/%00"),
    "a way out of the root": headed(target="/../../etc/passwd"),
    "a length that is no number": raw("PUT /encrypt_file HTTP/1.1", "Host: x",
                                      "Content-Length: many"),
    "a negative length": raw("PUT /encrypt_file HTTP/1.1", "Host: x", "Content-Length: -1"),
    "two different lengths": headed(("Content-Length", "7")),
    "a length and chunks": headed(("Content-Length", "7"), CHUNKED, body=chunked(b"x")),
    "a chunk's size that is none": headed(CHUNKED, body=b"zz\r\nx\r\n0\r\n\r\n"),
    "a Content-Range": headed(("Content-Range", "bytes 5-9/10")),
}


@pytest.mark.parametrize("data", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_a_400(server, data):
    assert_error(exchange(server.port, data), 400, "bad_request")


def test_a_header_that_is_too_large_is_a_431(server):
    response = exchange(server.port, headed(("X-Long", "x" * 100_000)))
    assert_error(response, 431, "headers_too_large")


def test_a_target_that_is_too_long_is_a_414(server):
    response = exchange(server.port, headed(target=PATH + "/" + "x" * 100_000))
    assert_error(response, 414, "uri_too_long")


def test_an_unknown_transfer_encoding_is_a_501(server):
    response = exchange(server.port, headed(("Transfer-Encoding", "gzip")))
    assert_error(response, 501, "not_implemented")


def test_an_unknown_version_is_a_505(server):
    response = exchange(server.port, raw("GET / HTTP/3.0", "Host: x"))
    assert_error(response, 505, "http_version_not_supported")


@pytest.mark.parametrize("encoding", ["gzip", "br", "aws-chunked", "identity, gzip"])
def test_a_content_encoding_is_a_415(server, encoding):
    response = exchange(server.port, headed(("Content-Encoding", encoding)))
    assert_error(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", [
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8",
    "Application/X-WWW-Form-Urlencoded"])
def test_a_urlencoded_form_is_a_415_that_says_what_to_send(server, content_type):
    response = exchange(server.port, post_typed(content_type, b"file=x"))
    assert_error(response, 415, "unsupported_media_type", "multipart/form-data")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("target", ["/nothing", "/encrypt_files", "/encrypt", "/encrypt_file.txt",
                                    "/healthz/", "/generate_key/", "/generate", "/index.html",
                                    "/decrypted"])
def test_an_unknown_path_is_a_404(server, method, target):
    body = None if method == "GET" else b"x"
    assert_error(exchange(server.port, request(method, target, [], body)), 404, "not_found")


METHODS = [
    *[(method, PATH, {"POST", "PUT"}) for method in ("GET", "PATCH", "DELETE", "TRACE", "MKCOL")],
    *[(method, PATH + "/x.txt", {"PUT"}) for method in ("GET", "POST", "PATCH", "DELETE")],
    *[(method, "/generate_key", {"POST"}) for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE")],
    *[(method, "/", {"GET", "HEAD"}) for method in ("POST", "PUT", "DELETE", "TRACE")],
    *[(method, "/healthz", {"GET", "HEAD"}) for method in ("POST", "PUT", "DELETE", "TRACE")],
]


@pytest.mark.parametrize("method, target, allowed", METHODS)
def test_a_method_that_the_path_does_not_know_is_a_405(server, method, target, allowed):
    body = b"x" if method in ("POST", "PUT", "PATCH") else None
    response = exchange(server.port, request(method, target, [], body))
    assert_error(response, 405, "method_not_allowed")
    allow = {word.strip() for word in response.header("Allow").split(",")}
    assert allowed <= allow and method not in allow


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_declared_length_over_the_limit_is_a_413_that_names_the_limit(make_server, method):
    server = make_server(body_limit="1m")
    with RawClient(server.port) as client:
        client.send(raw(f"{method} /encrypt_file HTTP/1.1", "Host: x", "Content-Length: 1048577"))
        response = client.read_response()
    assert_error(response, 413, "payload_too_large", r"\b(1 ?MiB|1m|1048576)\b")


def test_the_limit_itself_is_allowed(make_server):
    server = make_server(body_limit="1m")
    response = exchange(server.port, headed(body=bytes(1 << 20)))
    assert (response.status, response.complete) == (200, True)


def test_a_chunked_body_over_the_limit_is_a_413_while_held(make_server):
    server = make_server(body_limit="16k")
    response = exchange(server.port, headed(CHUNKED, body=chunked(bytes(17 << 10), 1000)))
    assert_error(response, 413, "payload_too_large", r"\b(16 ?KiB|16k|16384)\b")


def test_a_chunked_body_over_the_limit_cuts_the_answer_after_the_hold(make_server):
    server = make_server(body_limit="1m")
    response = exchange(server.port, headed(CHUNKED, body=chunked(bytes(2 << 20))))
    assert (response.status, response.complete) == (200, False)


def test_errors_have_no_other_page_than_json(server):
    for target in ("/nothing", PATH):
        response = exchange(server.port, request("GET", target, [("Accept", "text/html")]))
        assert b"<html" not in response.body
        assert response.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("method, target", [
    ("GET", "/"), ("GET", "/page/page.js"), ("GET", "/openapi.json"), ("GET", "/info"),
    ("POST", "/generate_key"), ("OPTIONS", PATH),
])
def test_a_body_that_nobody_wants_and_is_malformed_leaves_no_header_of_the_answer(server, method,
                                                                                  target):
    accept = ("Accept", "text/html")
    response = exchange(server.port, headed(CHUNKED, accept, method=method, target=target,
                                            body=b"zz\r\nx\r\n0\r\n\r\n"))
    assert_error(response, 400, "bad_request")
    names = [name.lower() for name, _ in response.headers]
    assert len(names) == len(set(names))
    assert not {"vary", "content-security-policy", "allow"} & set(names)
