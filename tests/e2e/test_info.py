# SPDX-License-Identifier: Apache-2.0
"""GET /info: what serves here, and the limits that are in force."""

import re

import pytest

from support import transports
from support.age_files import query
from support.answers import assert_encrypted, assert_error
from support.raw_http import exchange, request
from support.tls import PROJECT

MIB, GIB = 1 << 20, 1 << 30
AS_SHIPPED = {
    "body_bytes": 16 * GIB, "hold_bytes": 64 << 10,
    "form_parts": 256, "form_part_header_bytes": 8192, "recipients": 20,
    "page_file_bytes": MIB,
    "spool_request_bytes": 22 * GIB, "spool_service_bytes": 64 * GIB, "spool_patience_ms": 20,
    "header_timeout_ms": 30_000, "body_timeout_ms": 60_000, "send_timeout_ms": 60_000,
    "keepalive_timeout_ms": 75_000,
}
# A setting, the value that a test gives it, the limit that tells of it, and what that says then.
SETTINGS = [
    ("body_limit", "5m", "body_bytes", 5 * MIB),
    ("hold", "32k", "hold_bytes", 32 << 10),
    ("spool_request_max", "7m", "spool_request_bytes", 7 * MIB),
    ("spool_max", "9m", "spool_service_bytes", 9 * MIB),
    ("spool_patience", "30ms", "spool_patience_ms", 30),
    ("client_header_timeout", "3s", "header_timeout_ms", 3000),
    ("client_body_timeout", "4s", "body_timeout_ms", 4000),
    ("send_timeout", "5s", "send_timeout_ms", 5000),
    ("keepalive_timeout", "6s", "keepalive_timeout_ms", 6000),
]


def ask(server, transport=transports.HTTP_1_1, method="GET"):
    return transport.exchange(server, method, "/info")


def limits_of(server):
    return ask(server).json()["limits"]


def version_of_the_build():
    """As the build itself takes it from the project's description."""
    text = (PROJECT / "meson.build").read_text()
    return re.search(r"^\s*version: '([^']+)'", text, re.MULTILINE)[1]


@transports.each()
def test_it_tells_what_serves_here(server, transport):
    response = ask(server, transport)
    assert (response.status, response.complete) == (200, True)
    assert response.header("Content-Type") == "application/json"
    assert response.header("Cache-Control") == "no-store"
    assert int(response.header("Content-Length")) == len(response.body)
    info = response.json()
    assert sorted(info) == ["formats", "limits", "name", "version"]
    assert (info["name"], info["formats"]) == ("IIGM Encrypter", ["fernet", "age"])
    assert info["version"] == version_of_the_build()


def test_as_shipped_the_limits_are_those_of_the_documents(server):
    assert limits_of(server) == AS_SHIPPED


def test_it_tells_the_limits_that_are_in_force_and_not_those_of_the_documents(make_server):
    server = make_server(**{setting: value for setting, value, _, _ in SETTINGS})
    in_force = {limit: number for _, _, limit, number in SETTINGS}
    assert limits_of(server) == {**AS_SHIPPED, **in_force}


@pytest.mark.parametrize("setting, value, limit, number", [
    ("body_limit", "0", "body_bytes", 0),  # nginx's word for no limit
    ("spool_request_max", "0", "spool_request_bytes", 0),
    ("spool_patience", "0", "spool_patience_ms", 0),
])
def test_a_limit_that_is_switched_off_is_a_0(make_server, setting, value, limit, number):
    assert limits_of(make_server(**{setting: value}))[limit] == number


def test_the_limit_that_it_tells_is_the_one_that_is_kept(make_server):
    server = make_server(body_limit="1m")
    limit = limits_of(server)["body_bytes"]
    at_it = exchange(server.port, request("PUT", "/encrypt_file", [], bytes(limit)))
    assert_encrypted(at_it, bytes(limit))
    above = exchange(server.port, request("PUT", "/encrypt_file", [], bytes(limit + 1)))
    assert_error(above, 413, "payload_too_large")


def test_every_format_that_it_tells_can_be_asked_for(server):
    for name in ask(server).json()["formats"]:
        data = request("PUT", f"/encrypt_file?format={name}", [], b"x")
        response = exchange(server.port, data)
        assert (response.status, response.header("Encryption-Format")) == (200, name)


def test_as_many_recipients_as_it_tells_are_taken_and_no_more(server):
    limit = limits_of(server)["recipients"]
    recipient = exchange(server.port, request("POST", "/generate_key?format=age")).json()["recipient"]
    at_it, above = (exchange(server.port, request(
        "PUT", "/encrypt_file" + query([recipient] * n), [], b"x")) for n in (limit, limit + 1))
    assert at_it.status == 200
    assert_error(above, 400, "invalid_parameter", str(limit))


@transports.each()
def test_head_has_the_headers_of_get_and_no_body(server, transport):
    with transport.connect(server) as client:
        head = transport.ask(client, "HEAD", "/info")
    assert (head.status, head.complete, head.body) == (200, True, b"")
    got = ask(server, transport)
    for name in ("Content-Type", "Content-Length", "Cache-Control"):
        assert head.header(name) == got.header(name) is not None, name


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@transports.each()
def test_another_method_is_told_which_ones_are_taken(server, transport, method):
    response = transport.exchange(server, method, "/info", [], b"")
    assert_error(response, 405, "method_not_allowed")
    assert response.header("Allow") == "GET, HEAD, OPTIONS"


def test_a_path_below_it_is_nothing(server):
    assert_error(exchange(server.port, request("GET", "/info/")), 404, "not_found")
