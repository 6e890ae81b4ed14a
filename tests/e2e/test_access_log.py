# SPDX-License-Identifier: Apache-2.0
"""The access log has the route and not the path, what became of the answer, and no header."""

import re

import pytest
from cryptography.fernet import Fernet

from support.forms import part, post_form
from support.raw_http import RawClient, exchange, request

LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+) (?P<route>\S+) (?P<method>\S+) (?P<status>\d{3}) "
    r"(?P<completion>complete|cut) in=(?P<n_in>\d+) out=(?P<n_out>\d+) (?P<seconds>\d+\.\d{3})s"
)
SECRET_NAME = "salaries-of-2026.pdf"


@pytest.fixture
def logged(make_server):
    """Sends a request to a server of its own; returns its line in the access log, in fields."""
    server = make_server()

    def send(data, method="POST"):
        n_lines = len(server.access_lines())
        exchange(server.port, data, method)
        return fields(server.access_lines(at_least=n_lines + 1)[-1])

    send.server = server
    return send


def fields(line):
    match = LINE.fullmatch(line)
    assert match, line
    return match.groupdict()


def test_a_line_says_what_happened(logged):
    data = post_form(part(b"x" * 1000, filename=SECRET_NAME))
    line = logged(data)
    assert (line["route"], line["method"], line["status"]) == ("encrypt_file", "POST", "200")
    assert line["completion"] == "complete"
    assert int(line["n_in"]) == len(data)
    assert int(line["n_out"]) > 1000 * 4 // 3
    assert float(line["seconds"]) < 5


@pytest.mark.parametrize("method, target, route, status", [
    ("PUT", f"/encrypt_file/{SECRET_NAME}", "encrypt_file", "200"),
    ("PUT", f"/encrypt_file/{SECRET_NAME}?format=fernet", "encrypt_file", "200"),
    ("POST", f"/encrypt_file/{SECRET_NAME}", "encrypt_file", "405"),
    ("PUT", f"/{SECRET_NAME}", "-", "404"),
    ("GET", "/", "root", "200"),
    ("GET", "/healthz", "healthz", "200"),
])
def test_a_line_has_the_route_and_not_the_path(logged, method, target, route, status):
    line = logged(request(method, target, [], b"x" if method != "GET" else None))
    assert (line["route"], line["method"], line["status"]) == (route, method, status)
    assert "salaries" not in logged.server.access_log.read_text()


def test_a_large_answer_is_logged_with_its_size(logged):
    line = logged(request("PUT", "/encrypt_file", [], bytes(1 << 20)))
    assert int(line["n_in"]) > 1 << 20
    assert int(line["n_out"]) > (1 << 20) * 4 // 3
    assert line["completion"] == "complete"


def test_an_answer_that_was_cut_is_logged_as_cut(logged):
    whole = post_form(part(bytes(300_000)))
    with RawClient(logged.server.port) as client:
        client.send(whole[:-5])
        assert client.read_head().status == 200
    [line] = map(fields, logged.server.access_lines(at_least=1))
    assert (line["route"], line["completion"]) == ("encrypt_file", "cut")


def test_an_upload_that_was_cut_off_while_held_is_logged_as_cut(logged):
    with RawClient(logged.server.port) as client:
        client.send(post_form(part(b"x"))[:-5])
        client.reset()
    [line] = map(fields, logged.server.access_lines(at_least=1))
    assert (line["route"], line["completion"]) == ("encrypt_file", "cut")


@pytest.mark.parametrize("data", [
    b"GARBAGE\r\n\r\n", b"POST /encrypt_file HTTP/1.1\r\nno header\r\n\r\n",
    request("GET", "/" + "x" * 100_000), request("GET", "/", [("X-Long", "x" * 100_000)]),
], ids=["no request", "no header", "a long target", "a long header"])
def test_what_is_no_request_is_logged_without_what_it_said(logged, data):
    line = logged(data, "GET")
    assert line["status"].startswith("4")
    text = logged.server.access_log.read_text()
    assert "GARBAGE" not in text and "xxx" not in text


def test_no_header_of_ours_is_logged(logged):
    key = Fernet.generate_key().decode()
    headers = [("Encryption-Key", key), ("Referer", "http://referer/"), ("User-Agent", "agent-7"),
               ("X-Forwarded-For", "203.0.113.9"), ("Cookie", "session=7")]
    logged(post_form(part(b"x", filename=SECRET_NAME), headers=headers))
    text = logged.server.access_log.read_text()
    for word in (key, "referer", "agent-7", "203.0.113.9", "session", "salaries", "fernet"):
        assert word not in text
