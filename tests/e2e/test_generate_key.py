# SPDX-License-Identifier: Apache-2.0
"""POST /generate_key: keys that are of use, that nobody else gets, and that stay nowhere."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet

from support import age, transports
from support.age_files import IDENTITY, RECIPIENT, assert_age, query
from support.answers import KEY, assert_encrypted, assert_error
from support.forms import BOUNDARY, FORM, form, part
from support.raw_http import RawClient, chunked, exchange, request

PATH = "/generate_key"
FORMATS = ["fernet", "age"]
N_KEYS = 1000
CHUNKED = ("Transfer-Encoding", "chunked")
each_format = pytest.mark.parametrize("name", FORMATS)


def ask(options=""):
    return request("POST", PATH + options)


def assert_key(response, name):
    """A good answer with a key of that format; returns the key and what belongs to it."""
    assert (response.status, response.complete) == (200, True), response.body
    assert response.header("Content-Type") == "application/json"
    assert response.header("Cache-Control") == "no-store"
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.header("Content-Length") == str(len(response.body))
    assert response.body.endswith(b"}\n")
    for header in ("Encryption-Key", "ETag", "Last-Modified", "Content-Disposition"):
        assert response.header(header) is None
    made = response.json()
    assert list(made) == ["format", "key", *(["recipient"] if name == "age" else [])]
    assert made["format"] == name
    assert (IDENTITY if name == "age" else KEY).fullmatch(made["key"])
    if name == "age":
        assert RECIPIENT.fullmatch(made["recipient"])
    return made


@transports.each()
@pytest.mark.parametrize("options, name", [
    ("", "fernet"), ("?", "fernet"), ("?format=fernet", "fernet"), ("?format=age", "age"),
    ("?f%6Frmat=%61ge", "age")])
def test_every_transport_gets_a_key_of_the_format(server, transport, options, name):
    assert_key(transport.exchange(server, "POST", PATH + options), name)


@transports.each()
def test_a_fernet_key_is_of_use(server, transport):
    key = assert_key(transport.exchange(server, "POST", PATH), "fernet")["key"]
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    plaintext = os.urandom(1000)
    response = transport.exchange(server, "PUT", "/encrypt_file", [("Encryption-Key", key)],
                                  plaintext)
    assert_encrypted(response, plaintext, key=key)


@transports.each()
def test_an_identity_and_its_recipient_are_of_use(server, tmp_path, transport):
    made = assert_key(transport.exchange(server, "POST", PATH + "?format=age"), "age")
    assert age.recipient_of(made["key"]) == made["recipient"]
    plaintext = os.urandom(70_000)
    file = age.encrypt(plaintext, [made["recipient"]])
    assert age.decrypt(file, [made["key"]], tmp_path) == plaintext
    assert age.npm_decrypt(file, tmp_path, identities=[made["key"]]) == plaintext
    for options, headers in ((query([made["recipient"]]), []),
                             (query(), [("Encryption-Key", made["key"])])):
        response = transport.exchange(server, "PUT", "/encrypt_file" + options, headers, plaintext)
        assert_age(response, plaintext, identities=[made["key"]])


def keys_of(arguments):
    """As many keys over one connection that is kept alive, and their recipients."""
    port, options, n = arguments
    found = []
    with RawClient(port) as client:
        for _ in range(n):
            client.send(ask(options))
            made = client.read_response().json()
            found += [value for name, value in made.items() if name != "format"]
    return found


@each_format
def test_1000_keys_are_1000_different_ones(server, name):
    with ThreadPoolExecutor(4) as pool:
        of_each = pool.map(keys_of, [(server.port, f"?format={name}", N_KEYS // 4)] * 4)
        found = [key for keys in of_each for key in keys]
    assert len(found) == len(set(found)) == N_KEYS * (2 if name == "age" else 1)


PARAMETERS = {
    "an unknown format": ("?format=pgp", "unknown_format"),
    "an empty format": ("?format=", "unknown_format"),
    "a format in capitals": ("?format=AGE", "unknown_format"),
    "two formats": ("?format=age&format=fernet", "invalid_parameter"),
    "the format twice": ("?format=age&format=age", "invalid_parameter"),
    "a malformed escape": ("?format=%zz", "invalid_parameter"),
    "armor": ("?format=age&armor=true", "unknown_parameter"),
    "a recipient": ("?format=age&recipient=age1x", "unknown_parameter"),
    "a number": ("?n=10", "unknown_parameter"),
    "the format without a name": ("?age", "unknown_parameter"),
}


@pytest.mark.parametrize("options, code", PARAMETERS.values(), ids=PARAMETERS)
@transports.each([transports.HTTP_1_1, transports.H2])
def test_a_wrong_parameter_is_a_400(server, transport, options, code):
    response = transport.exchange(server, "POST", PATH + options)
    assert_error(response, 400, code)
    assert b"AGE-SECRET" not in response.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@transports.each()
def test_another_method_makes_no_key(server, transport, method):
    with transport.connect(server) as client:
        body = b"" if method in ("PUT", "PATCH") else None
        response = transport.ask(client, method, PATH + "?format=age", [], body)
    assert response.status == 405
    assert response.header("Allow") == "POST, OPTIONS"
    if method != "HEAD":
        assert_error(response, 405, "method_not_allowed")


@transports.each()
def test_options_says_that_it_takes_post(server, transport):
    response = transport.exchange(server, "OPTIONS", PATH)
    assert (response.status, response.header("Allow"), response.body) == (204, "POST, OPTIONS", b"")


@pytest.mark.parametrize("target", ["/generate_key/", "/generate_key/x", "/generate_keys",
                                    "/Generate_Key"])
def test_a_path_beside_it_is_nothing(server, target):
    assert_error(exchange(server.port, request("POST", target)), 404, "not_found")


BODIES = {
    "none": ([], None), "empty": ([], b""), "small": ([], b"{}"), "1 MiB": ([], bytes(1 << 20)),
    "20 MiB": ([], bytes(20 << 20)),
    "a form": ([("Content-Type", FORM + BOUNDARY)], form(part(b"x"))),
    "urlencoded": ([("Content-Type", "application/x-www-form-urlencoded")], b"format=age"),
    "encoded": ([("Content-Encoding", "gzip")], b"x"),
}


@pytest.mark.parametrize("headers, body", BODIES.values(), ids=BODIES)
@transports.each()
def test_a_body_is_skipped(server, transport, headers, body):
    response = transport.exchange(server, "POST", PATH + "?format=age", headers, body)
    assert_key(response, "age")


@pytest.mark.parametrize("n", [0, 100, 1 << 20])
def test_a_chunked_body_is_skipped(server, n):
    with RawClient(server.port) as client:
        for name in FORMATS * 2:
            data = request("POST", PATH + f"?format={name}", [CHUNKED], chunked(bytes(n)))
            sender = client.send_meanwhile(data)
            assert_key(client.read_response(), name)
            sender.join()


@transports.each(transports.LASTING)
def test_a_connection_serves_keys_and_uploads_in_turn(server, transport):
    with transport.connect(server) as client:
        for body in (None, b"small", bytes(200_000)):
            key = assert_key(transport.ask(client, "POST", PATH, [], body), "fernet")["key"]
            response = transport.ask(client, "PUT", "/encrypt_file", [("Encryption-Key", key)],
                                     b"x")
            assert_encrypted(response, b"x", key=key)
            assert_error(transport.ask(client, "POST", PATH + "?x=1", [], body), 400,
                         "unknown_parameter")
            if transport not in transports.WITH_HTTP_2:
                return  # a 400 ends the connection


def test_pipelined_requests_get_a_key_each(server):
    with RawClient(server.port) as client:
        client.send(b"".join(ask(f"?format={name}") for name in FORMATS * 5))
        keys = [assert_key(client.read_response(), name)["key"] for name in FORMATS * 5]
    assert len(set(keys)) == 10


@pytest.mark.parametrize("headers", [[], [("Expect", "100-continue")]], ids=["", "expecting"])
def test_a_body_that_does_not_come_is_not_waited_for(server, headers):
    with RawClient(server.port, timeout=5) as client:
        client.send(request("POST", PATH, [("Content-Length", str(1 << 30)), *headers]))
        assert_key(client.read_response(), "fernet")


def test_a_body_over_the_limit_is_a_413(make_server):
    server = make_server(body_limit="1k")
    response = exchange(server.port, request("POST", PATH, [], bytes(2000)))
    assert_error(response, 413, "payload_too_large")


@each_format
@pytest.mark.parametrize("sent", ["cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", "nonsense", ""])
def test_a_key_that_is_sent_along_changes_nothing(server, name, sent):
    made = assert_key(exchange(server.port, request("POST", PATH + f"?format={name}",
                                                    [("Encryption-Key", sent)])), name)
    assert sent not in made.values()


@pytest.mark.parametrize("header", [
    ("If-None-Match", "*"), ("If-Match", '"x"'), ("Range", "bytes=0-3"), ("Accept", "text/html"),
    ("If-Modified-Since", "Sun, 06 Nov 2094 08:49:37 GMT"), ("Accept-Encoding", "gzip"),
    ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")])
def test_a_header_about_representations_does_not_alter_the_answer(server, header):
    response = exchange(server.port, request("POST", PATH + "?format=age", [header]))
    assert_key(response, "age")


def test_no_key_is_in_a_log(make_server):
    server = make_server()
    found = []
    for transport in transports.ALL:
        for name in FORMATS:
            response = transport.exchange(server, "POST", PATH + f"?format={name}")
            made = assert_key(response, name)
            found += [value for key, value in made.items() if key != "format"]
    lines = server.access_lines(at_least=len(transports.ALL) * 2)
    assert all(" generate_key POST 200 complete " in line for line in lines), lines
    text = "\n".join(lines) + server.log()
    assert [key for key in found if key in text] == []
    assert "format" not in text


@each_format
def test_a_key_is_not_compressed_whatever_the_configuration_says(make_server, name):
    server = make_server(edits=[("sendfile on;", "sendfile on; gzip on; gzip_min_length 1; "
                                                 "gzip_types application/json;")])
    response = exchange(server.port, request("POST", PATH + f"?format={name}",
                                             [("Accept-Encoding", "gzip")]))
    assert_key(response, name)
    assert response.header("Content-Encoding") is None
