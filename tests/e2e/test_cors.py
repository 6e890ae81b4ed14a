# SPDX-License-Identifier: Apache-2.0
"""Pages of other origins: which answers they may read, and that nothing else changes."""

import os
import re

import pytest

import test_error_table
from support import transports
from support.answers import assert_encrypted, assert_error
from support.decryption import FERNET_KEY
from support.nginx import Nginx
from support.raw_http import RawClient, exchange, request
from support.transports import H2, HTTP_1_1, TLS

A, B, OTHER = "https://a.example", "http://b.example:8080", "https://c.example"
LOCATION = test_error_table.LOCATION
SET_FOR_ALL = "encrypter_cors_origins off;"  # as it is shipped
PUT_PREFLIGHT = ("Access-Control-Request-Method", "PUT")
PLACES = f"""
        location /off {{ encrypter_cors_origins off; return 200 "x"; }}
        location /other {{ encrypter_cors_origins {OTHER}; return 200 "x"; }}
        location /any {{ encrypter_cors_origins *; return 200 "x"; }}
        """


def allowing(*origins, more=""):
    """The edits of a configuration that allows these everywhere."""
    return [(SET_FOR_ALL, f"encrypter_cors_origins {' '.join(origins)};"),
            (LOCATION, test_error_table.ADDED + more + LOCATION)]


@pytest.fixture(scope="module")
def listed(make_module_server):
    return make_module_server(body_limit="40k", edits=allowing(A, B, more=PLACES))


@pytest.fixture(scope="module")
def starred(make_module_server):
    return make_module_server(body_limit="40k", edits=allowing("*"))


def access_headers(response):
    return {name.lower(): value for name, value in response.headers
            if name.lower().startswith("access-control-")}


def varies_by_origin(response):
    fields = [name.strip() for value in response.all("Vary") for name in value.split(",")]
    assert fields.count("Origin") <= 1, fields
    return "Origin" in fields


def assert_allowed(response, origin, varies=True):
    assert access_headers(response) == {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "Encryption-Key, Encryption-Format, Content-Disposition"}
    for name in access_headers(response):
        assert len(response.all(name)) == 1, name
    assert varies_by_origin(response) == varies


def assert_not_allowed(response):
    assert access_headers(response) == {}
    assert varies_by_origin(response)


def assert_preflight(response, origin, methods, varies=True):
    assert (response.status, response.complete, response.body) == (204, True, b"")
    headers = access_headers(response)
    assert headers.pop("access-control-allow-methods") == methods
    assert headers.pop("access-control-allow-headers") == "Encryption-Key, Content-Type"
    assert headers.pop("access-control-max-age") == "7200"
    assert headers.pop("access-control-allow-origin") == origin
    assert list(headers) == ["access-control-expose-headers"]
    assert varies_by_origin(response) == varies


@transports.each()
def test_as_shipped_no_answer_says_a_word_about_origins(server, transport):
    for method, target in (("PUT", "/encrypt_file"), ("OPTIONS", "/encrypt_file"), ("GET", "/"),
                           ("GET", "/nothing"), ("DELETE", "/info")):
        headers = [("Origin", A), PUT_PREFLIGHT]
        response = transport.exchange(server, method, target, headers, b"x")
        assert access_headers(response) == {}
        assert not varies_by_origin(response)


@pytest.mark.parametrize("origin", [A, B])
@transports.each()
def test_a_page_of_an_allowed_origin_can_read_the_answer_and_its_key(listed, transport, origin):
    plaintext = os.urandom(100)
    response = transport.exchange(listed, "PUT", "/encrypt_file", [("Origin", origin)], plaintext)
    assert_encrypted(response, plaintext)
    assert_allowed(response, origin)


# An origin is compared as it is: what only begins or ends like one that is allowed is another.
@pytest.mark.parametrize("origin", [
    OTHER, "null", "", "*", "off", A + ".evil.example", A + ":443", A + "/", A[:-1], "http" + A[5:],
    A.upper(), B.removesuffix(":8080"), "evil" + A, f"{A} {B}", f"{A},{B}", f"{A}, {A}"])
def test_any_other_origin_gets_the_same_answer_without_a_word_about_it(listed, origin):
    plaintext = os.urandom(100)
    data = request("PUT", "/encrypt_file", [("Origin", origin)], plaintext)
    response = exchange(listed.port, data)
    assert_encrypted(response, plaintext)
    assert_not_allowed(response)
    without = exchange(listed.port, request("PUT", "/encrypt_file", [], plaintext))
    assert [name for name, _ in response.headers] == [name for name, _ in without.headers]


@transports.each()
def test_an_origin_that_comes_twice_is_none(listed, transport):
    headers = [("Origin", A), ("Origin", A)]
    assert_not_allowed(transport.exchange(listed, "PUT", "/encrypt_file", headers, b"x"))


@transports.each()
def test_without_an_origin_the_answer_varies_by_it_all_the_same(listed, transport):
    assert_not_allowed(transport.exchange(listed, "PUT", "/encrypt_file", [], b"x"))


@pytest.mark.parametrize("target, methods", [
    ("/encrypt_file", "POST, PUT, OPTIONS"), ("/encrypt_file/a.txt", "PUT, OPTIONS"),
    ("/decrypt_file", "POST, PUT, OPTIONS"), ("/generate_key", "POST, OPTIONS"),
    ("/info", "GET, HEAD, OPTIONS")])
@transports.each()
def test_a_preflight_is_told_what_the_route_takes(listed, transport, target, methods):
    headers = [("Origin", A), PUT_PREFLIGHT,
               ("Access-Control-Request-Headers", "content-type,encryption-key")]
    assert_preflight(transport.exchange(listed, "OPTIONS", target, headers), A, methods)


@pytest.mark.parametrize("headers, is_allowed", [
    ([("Origin", OTHER), PUT_PREFLIGHT], False), ([PUT_PREFLIGHT], False), ([], False),
    ([("Origin", A)], True)])
def test_what_is_no_preflight_of_an_allowed_origin_is_answered_as_ever(listed, headers, is_allowed):
    response = HTTP_1_1.exchange(listed, "OPTIONS", "/encrypt_file", headers)
    assert (response.status, response.header("Allow")) == (204, "POST, PUT, OPTIONS")
    if is_allowed:
        assert_allowed(response, A)
    else:
        assert_not_allowed(response)


def test_what_looks_like_a_preflight_and_is_another_method_gets_no_grant(listed):
    headers = [("Origin", A), PUT_PREFLIGHT]
    assert_allowed(HTTP_1_1.exchange(listed, "PUT", "/encrypt_file", headers, b"x"), A)


def test_a_preflight_for_what_is_not_there_is_a_404_and_no_grant(listed):
    response = HTTP_1_1.exchange(listed, "OPTIONS", "/nothing", [("Origin", A), PUT_PREFLIGHT])
    assert_error(response, 404, "not_found")
    assert_allowed(response, A)


@pytest.mark.parametrize("origin", [A, OTHER, "null", None])
@transports.each()
def test_a_star_is_for_every_page_and_the_same_for_all(starred, transport, origin):
    headers = [("Origin", origin)] if origin else []
    response = transport.exchange(starred, "PUT", "/encrypt_file", headers, b"x")
    assert_encrypted(response, b"x")
    assert_allowed(response, "*", varies=False)


@transports.each()
def test_a_star_grants_the_preflight_of_every_page(starred, transport):
    ask = [("Origin", OTHER), PUT_PREFLIGHT]
    response = transport.exchange(starred, "OPTIONS", "/encrypt_file", ask)
    assert_preflight(response, "*", "POST, PUT, OPTIONS", varies=False)


def errors_over(server, transport, headers):
    """(name, answer) of every error of the table, asked for with these headers in front."""
    for name, case in test_error_table.CASES.items():
        if transport in case.only:
            all_headers = [*headers, *case.headers]
            with transport.connect(server) as client:
                response = transport.ask(client, case.method, case.target, all_headers, case.body,
                                         case.declared)
            assert_error(response, case.status, case.code)
            yield name, response


# nginx has not read the headers then.
KNOWN_BY_THE_REQUEST_LINE = {"a bad escape", "a long target"}


@transports.each()
def test_every_error_can_be_read_by_an_allowed_page_alone(listed, transport):
    for name, response in errors_over(listed, transport, [("Origin", A)]):
        if name in KNOWN_BY_THE_REQUEST_LINE:
            assert_not_allowed(response)
        else:
            assert response.header("Access-Control-Allow-Origin") == A, name
            assert_allowed(response, A)
    for name, response in errors_over(listed, transport, [("Origin", OTHER)]):
        assert access_headers(response) == {}, name
        assert_not_allowed(response)


@transports.each()
def test_every_error_can_be_read_by_any_page_where_a_star_stands(starred, transport):
    for name, response in errors_over(starred, transport, []):
        assert response.header("Access-Control-Allow-Origin") == "*", name
        assert_allowed(response, "*", varies=False)


@transports.each([HTTP_1_1, TLS])
def test_what_is_no_request_has_no_origin(listed, transport):
    with transport.connect(listed) as client:
        client.send(f"GARBAGE\r\nHost: x\r\nOrigin: {A}\r\n\r\n".encode())
        response = client.read_response()
        assert_error(response, 400, "bad_request")
        assert_not_allowed(response)


def test_clear_text_to_the_port_of_tls_is_an_error_that_the_page_can_read(listed):
    with RawClient(listed.tls_port) as client:
        client.send(request("GET", "/", [("Origin", A)]))
        response = client.read_response()
        assert_error(response, 400, "bad_request", "https")
        assert_allowed(response, A)


@transports.each([HTTP_1_1, H2])
def test_one_request_too_many_is_a_429_that_the_page_can_read(make_server, transport):
    server = make_server(connections_per_address=1, edits=allowing(A))
    with HTTP_1_1.connect(server) as first:
        first.send(b"PUT /encrypt_file HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                   b"Content-Length: 1\r\n\r\n")
        assert first.socket.recv(100).startswith(b"HTTP/1.1 100 ")
        response = transport.exchange(server, "PUT", "/encrypt_file", [("Origin", A)], b"x")
    assert_error(response, 429, "rate_limited")
    assert_allowed(response, A)


def test_errors_that_are_left_to_nginx_can_be_read_too(make_server):
    server = make_server(edits=[("encrypter_json_errors on;", ""), *allowing(A)])
    response = exchange(server.port, request("GET", "/nothing", [("Origin", A)]))
    assert (response.status, response.header("Content-Type")) == (404, "text/html")
    assert_allowed(response, A)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@transports.each()
def test_an_answer_that_varies_already_varies_by_origin_as_well(listed, transport, method):
    response = transport.exchange(listed, method, "/", [("Origin", A), ("Accept", "text/html")])
    assert response.status == 200
    assert response.all("Vary") == ["Accept, Accept-Encoding", "Origin"]
    assert_allowed(response, A)


@transports.each()
def test_a_304_says_again_who_may_read_what_the_browser_has(listed, transport):
    page = transport.exchange(listed, "GET", "/openapi.json", [("Origin", A)])
    for origin in (A, B):
        response = transport.exchange(listed, "GET", "/openapi.json", [
            ("Origin", origin), ("If-None-Match", page.header("ETag"))])
        assert (response.status, response.body) == (304, b"")
        assert_allowed(response, origin)


def test_a_412_is_said_once(listed):
    etag = ("If-Match", '"another"')
    response = HTTP_1_1.exchange(listed, "GET", "/openapi.json", [("Origin", A), etag])
    assert response.status == 412
    assert_allowed(response, A)


@transports.each()
def test_a_page_with_a_key_can_encrypt_and_decrypt(listed, transport):
    headers = [("Origin", B), ("Encryption-Key", FERNET_KEY)]
    encrypted = transport.exchange(listed, "PUT", "/encrypt_file/a.txt", headers, b"x")
    assert_encrypted(encrypted, b"x", "encrypted_a.txt", FERNET_KEY)
    assert_allowed(encrypted, B)
    decrypted = transport.exchange(listed, "PUT", "/decrypt_file", headers, encrypted.body)
    assert (decrypted.status, decrypted.body) == (200, b"x")
    assert_allowed(decrypted, B)


def test_a_location_can_switch_it_off_or_allow_others_instead(listed):
    def ask(target, origin):
        return exchange(listed.port, request("GET", target, [("Origin", origin)]))
    off = ask("/off", A)
    assert (off.status, access_headers(off), varies_by_origin(off)) == (200, {}, False)
    assert_not_allowed(ask("/other", A))
    assert_allowed(ask("/other", OTHER), OTHER)
    assert_allowed(ask("/any", A), "*", varies=False)


def test_where_it_is_set_for_a_location_alone_the_servers_own_errors_lack_it(make_server):
    server = make_server(edits=[(LOCATION, LOCATION + f" encrypter_cors_origins {A};")])
    headers = [("Origin", A)]
    assert_allowed(exchange(server.port, request("GET", "/nothing", headers)), A)
    large = exchange(server.port, request("GET", "/", headers + [("X", "x" * 100_000)]))
    assert_error(large, 431, "headers_too_large")
    assert access_headers(large) == {}


def test_a_subrequest_adds_nothing(make_server):
    server = make_server(edits=allowing(A, more="""
        location = /part { encrypter_cors_origins off; return 200 "a"; }
        location = /whole { proxy_pass http://127.0.0.1:$server_port/part;
                            addition_types *; add_after_body /healthz; }
        """))
    response = exchange(server.port, request("GET", "/whole", [("Origin", A)]))
    assert (response.status, response.body) == (200, b"aok\n")
    assert_allowed(response, A)


UPSTREAM = """
        location = /upstream {
            encrypter_cors_origins off;
            add_header Access-Control-Allow-Origin https://of.upstream;
            add_header access-control-allow-credentials true;
            add_header Vary Accept;
            return 200 "x";
        }
        location = /plain { PASS encrypter_cors_origins off; }
        location = /passed { PASS }
        """


def test_what_is_passed_on_to_another_server_is_as_this_one_says_where_it_is_set(make_server):
    server = make_server(edits=allowing(A, more=UPSTREAM.replace(
        "PASS", "proxy_pass http://127.0.0.1:$server_port/upstream;")))

    def ask(target, origin=A):
        return exchange(server.port, request("GET", target, [("Origin", origin)]))
    passed = ask("/passed")
    assert passed.status == 200
    assert_allowed(passed, A)
    assert passed.all("Vary") == ["Accept", "Origin"]
    assert_not_allowed(ask("/passed", OTHER))
    assert access_headers(ask("/plain")) == {
        "access-control-allow-origin": "https://of.upstream",
        "access-control-allow-credentials": "true"}


@pytest.fixture(scope="module")
def refusal():
    """Asks what nginx has against these words in the directive; nothing if it takes them."""
    nginx = Nginx({}, edits=[(SET_FOR_ALL, "include origins.conf;")])
    nginx.prepare()

    def ask(words):
        (nginx.runtime / "origins.conf").write_text(f"encrypter_cors_origins {words};\n")
        return nginx.refusal()
    yield ask
    nginx.stop()


TAKEN = [
    "https://example.org", "http://localhost", "http://localhost:5000", "https://a-b.c_d.example:1",
    "http://a:443", "https://a:80", "https://a:65535", "https://xn--mnchen-3ya.example",
    "https://dotted.", "http://127.0.0.1:8080", "http://4you.3d", "http://[::1]:8080",
    "http://[2001:db8::1:0:0:1]", "http://[::ffff:c000:201]", "moz-extension://0a-1b",
    "a+b.c-d://x",
]


def test_whatever_browsers_send_as_an_origin_is_taken(refusal):
    assert refusal(" ".join(TAKEN)) == ""


REFUSED = {
    "null": "no origin", "https://a.example null": "no origin",
    "* https://a.example": "alone", "https://a.example *": "alone", "* *": "alone",
    "off https://a.example": "alone", "https://a.example off": "alone",
    "https://*.example": "no patterns", "http://localhost:*": "no patterns",
    "https://A.example": "lower case", "HTTPS://a.example": "lower case",
    "a.example": "scheme", "//a.example": "scheme", "://a.example": "scheme",
    "1https://a.example": "scheme", "https:a.example": "scheme", "localhost:5000": "scheme",
    "ht_tp://a": "scheme", "any": "scheme", '""': "scheme",
    "https://a.example/": "slash", "https://a.example:8080/": "slash", "https://a/b": "path",
    "https://a?b": "path", "http://[::1]/": "slash",
    "https://": "host", "https://:8080": "host", "https://u@a.example": "host",
    "https://a..b": "host", "https://.a": "host", "https://münchen.example": "host",
    "https://%61.example": "host", "https://" + "a" * 256: "host", "http://127.1": "host",
    "http://127.0.0.01": "host", "http://a.256": "host", "http://1.2.3.4.5": "host",
    "http://[::1": "host", "http://[]": "host", "http://[::1]x": "host", "http://::1": "host",
    "http://[0:0::1]": "host", "http://[::ffff:192.0.2.1]": "host",
    "http://[fe80::1%25eth0]": "host",
    "https://a:": "port", "https://a:x": "port", "https://a:0": "port", "https://a:65536": "port",
    "https://a:08080": "port", "https://a:-1": "port", "https://a:80:80": "port",
    "https://a:123456789012345678901": "port",
    "https://a:443": "default port", "http://a:80": "default port",
    "http://[::1]:80": "default port",
}


@pytest.mark.parametrize("words, reason", REFUSED.items(), ids=[words[:40] for words in REFUSED])
def test_what_no_browser_sends_is_refused_with_the_reason(refusal, words, reason):
    message = refusal(words)
    assert re.search(rf"\[emerg\].*encrypter_cors_origins: the origin .* is not taken: .*{reason}",
                     message), message


def test_the_directive_stands_once_in_a_place_and_says_something(refusal):
    assert "is duplicate" in refusal("https://a.example; encrypter_cors_origins https://b.example")
    assert "is duplicate" in refusal("off; encrypter_cors_origins off")
    assert "invalid number of arguments" in refusal("")
