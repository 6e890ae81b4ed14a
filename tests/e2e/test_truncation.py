# SPDX-License-Identifier: Apache-2.0
"""Uploads cut off at every stage and in every way: nobody gets half a file for a whole one."""

import os
import time

import pytest

from support import process
from support.answers import assert_encrypted, assert_error, assert_no_whole_token
from support.forms import BOUNDARY, FORM, form, part
from support.raw_http import RawClient, chunked, cut_upload, exchange, request

PREAMBLE = b"This is a message in several parts.\r\n"
CLOSING = f"--{BOUNDARY}--\r\n".encode()
CHUNKED = ("Transfer-Encoding", "chunked")
FORM_TYPE = ("Content-Type", FORM + BOUNDARY)
SIZES = {"held": os.urandom(1000), "streamed": os.urandom(300_000)}
WAYS = ("half-closed", "closed", "reset")

each_size = pytest.mark.parametrize("plaintext", SIZES.values(), ids=SIZES)
each_way = pytest.mark.parametrize("way", WAYS)


def whole_body(plaintext):
    return PREAMBLE + form(part(plaintext))


# Where in a body an upload may end, from the body to the number of bytes that come.
BODY_STAGES = {
    "in the preamble": lambda body: 10,
    "in the first boundary": lambda body: len(PREAMBLE) + 10,
    "in a part's headers": lambda body: body.index(b"filename"),
    "after a part's headers": lambda body: body.index(b"\r\n\r\n") + 4,
    "in the data": lambda body: len(body) - len(CLOSING) - 300,
    "before the closing boundary": lambda body: len(body) - len(CLOSING) - 2,
    "at the closing boundary's line": lambda body: len(body) - len(CLOSING),
    "within the closing boundary": lambda body: len(body) - len(CLOSING) // 2,
    "before the closing dashes": lambda body: len(body) - len("--\r\n"),
    "within the closing dashes": lambda body: len(body) - len("-\r\n"),
}


def request_stages(plaintext):
    """A form's request, cut at every stage, by name. Its Content-Length promises all of it."""
    body = whole_body(plaintext)
    whole = request("POST", "/encrypt_file", [FORM_TYPE], body)
    n_head = len(whole) - len(body)
    stages = {"in the request line": 12, "in the headers": n_head - 30, "after the headers": n_head}
    stages |= {name: n_head + cut(body) for name, cut in BODY_STAGES.items()}
    return {name: whole[:n] for name, n in stages.items()}


def chunked_stages(plaintext):
    head = request("PUT", "/encrypt_file/x.txt", [CHUNKED], b"")
    body = chunked(plaintext, 1000)
    cuts = {"in a chunk's data": 700, "in a chunk's size": 1, "between chunks": -len("0\r\n\r\n"),
            "in the last chunk": -len("\r\n\r\n"), "before the trailer's end": -len("\r\n")}
    return {name: head + body[:n] for name, n in cuts.items()}


def assert_cut_off(received):
    """No answer, an error, or the beginning of a token: never a whole one."""
    assert_no_whole_token(received)
    if received and b" 200 " in received[:20]:
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"chunked" in head or int(head.split(b"Content-Length: ")[1].split()[0]) > len(body)


@each_way
@each_size
def test_a_form_cut_off_at_any_stage_yields_no_token(server, plaintext, way):
    for data in request_stages(plaintext).values():
        assert_cut_off(cut_upload(server.port, data, way))


@each_way
@each_size
def test_a_chunked_upload_cut_off_at_any_stage_yields_no_token(server, plaintext, way):
    for data in chunked_stages(plaintext).values():
        assert_cut_off(cut_upload(server.port, data, way))


@each_way
@each_size
@pytest.mark.parametrize("missing", [1, 16, 500])
def test_a_put_shorter_than_its_content_length_yields_no_token(server, plaintext, way, missing):
    data = request("PUT", "/encrypt_file", [], plaintext)[:-missing]
    assert_cut_off(cut_upload(server.port, data, way))


@each_way
@each_size
def test_a_whole_form_in_an_unfinished_chunked_body_yields_no_token(server, plaintext, way):
    head = request("POST", "/encrypt_file", [FORM_TYPE, CHUNKED], b"")
    body = chunked(whole_body(plaintext))[:-len("0\r\n\r\n")]
    assert_cut_off(cut_upload(server.port, head + body, way))


@pytest.mark.parametrize("framing", ["Content-Length", "chunked"])
@pytest.mark.parametrize("stage", BODY_STAGES)
def test_a_held_form_without_its_closing_boundary_is_told_so(server, stage, framing):
    body = whole_body(SIZES["held"])
    body = body[:BODY_STAGES[stage](body)]
    headers = [FORM_TYPE]
    if framing == "chunked":
        headers, body = [FORM_TYPE, CHUNKED], chunked(body)
    data = request("POST", "/encrypt_file", headers, body)
    assert_error(exchange(server.port, data), 400, "truncated_body")


@pytest.mark.parametrize("stage", list(BODY_STAGES)[4:])
def test_a_streamed_form_without_its_closing_boundary_is_cut(server, stage):
    body = whole_body(SIZES["streamed"])
    body = body[:BODY_STAGES[stage](body)]
    with RawClient(server.port) as client:
        client.send_meanwhile(request("POST", "/encrypt_file", [FORM_TYPE], body))
        received = client.read_to_end()
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1") == 1, "an error was sent into the token"
    assert_no_whole_token(received)


@pytest.mark.parametrize("rest", [b"--", b"--\r\n", b"--\r\nepilogue", b"-- \t\r\n"])
def test_a_closing_boundary_is_whole_with_its_two_dashes(server, rest):
    plaintext = SIZES["held"]
    body = form(part(plaintext))[:-len("--\r\n")] + rest
    data = request("POST", "/encrypt_file", [FORM_TYPE], body)
    assert_encrypted(exchange(server.port, data), plaintext)


def test_a_form_with_an_empty_body_is_truncated(server):
    data = request("POST", "/encrypt_file", [FORM_TYPE], b"")
    assert_error(exchange(server.port, data), 400, "truncated_body")


def test_a_second_file_after_the_hold_cuts_the_answer(server):
    body = form(part(SIZES["streamed"]), part(b"another"))
    with RawClient(server.port) as client:
        client.send_meanwhile(request("POST", "/encrypt_file", [FORM_TYPE], body))
        response = client.read_response()
    assert (response.status, response.complete) == (200, False)


def test_an_upload_that_stalls_is_ended_by_the_timeout(make_server):
    server = make_server(client_body_timeout="1s")
    for plaintext in SIZES.values():
        with RawClient(server.port) as client:
            client.send(request("PUT", "/encrypt_file", [CHUNKED], b"") + chunked(plaintext)[:-5])
            begun = time.monotonic()
            assert_cut_off(client.read_to_end())
            assert 0.5 < time.monotonic() - begun < 5


def test_without_a_spool_a_client_that_never_reads_is_ended_by_the_timeout(make_server):
    server = make_server(send_timeout="1s", client_body_timeout="60s", spool_request_max="0")
    block = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    with RawClient(server.port, receive_buffer=4096) as client:
        client.send(request("PUT", "/encrypt_file", [CHUNKED], b""))
        with pytest.raises(ConnectionError):
            while True:
                client.send(block)  # raises TimeoutError instead if nobody ends the request


def test_cut_off_uploads_leave_no_connection_no_memory_and_no_busy_worker(make_server, sanitized):
    server = make_server(workers=1)
    [worker] = server.workers
    exchange(server.port, request("PUT", "/encrypt_file", [], SIZES["streamed"]))
    cut_off_everything(server)
    n_fds = process.count_fds(worker)
    kib = process.memory_kib(worker, "VmRSS")
    for _ in range(5):
        cut_off_everything(server)
    assert process.wait_until(lambda: process.count_fds(worker) <= n_fds)
    assert server.workers == [worker]
    assert_idle(worker)
    assert server.temp_files() == []
    assert sanitized or process.memory_kib(worker, "VmRSS") - kib < 1024


def cut_off_everything(server):
    for plaintext in SIZES.values():
        for stages in (request_stages(plaintext), chunked_stages(plaintext)):
            for data in stages.values():
                with RawClient(server.port) as client:
                    client.send(data)
                    client.reset()
    time.sleep(0.2)


def assert_idle(pid):
    before = process.cpu_seconds(pid)
    time.sleep(0.5)
    assert process.cpu_seconds(pid) - before < 0.1, "the worker is busy with nothing"
