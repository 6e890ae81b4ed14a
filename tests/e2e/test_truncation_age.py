# SPDX-License-Identifier: Apache-2.0
"""Uploads to age that are cut off: whatever came of the answer, nobody's age takes it for a file."""

import os

import pytest

from support import age, transports
from support.age_files import AgeFile, assert_age, assert_no_whole_file, query
from support.answers import assert_error, unchunk
from support.forms import BOUNDARY, FORM, form, part
from support.raw_http import RawClient, chunked, cut_upload, exchange, request

PATH = "/encrypt_file"
PLAINTEXT = os.urandom(300_000)
WAYS = ("half-closed", "closed", "reset")
CHUNKED = ("Transfer-Encoding", "chunked")
FORM_TYPE = ("Content-Type", FORM + BOUNDARY)
# How much of the file came: within the hold, around chunks, after several, all but a byte.
POINTS = [0, 1, 1000, 65535, 65536, 65537, 131072, 262143, 262144, 262145, 299_999]
each_armor = pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])


@pytest.fixture(scope="module")
def identity():
    return age.keygen()


def put(n, options):
    return request("PUT", PATH + options, [("Content-Length", "300000")]) + PLAINTEXT[:n]


def chunks(n, options):
    body = chunked(PLAINTEXT[:n])[:-len("0\r\n\r\n")]
    return request("PUT", PATH + options, [CHUNKED], b"") + body


def unfinished_form(n, options):
    headers = [FORM_TYPE, ("Content-Length", str(len(form(part(PLAINTEXT)))))]
    return request("POST", PATH + options, headers) + form(part(PLAINTEXT[:n]), close=False)[:-2]


KINDS = {"put": put, "chunked": chunks, "form": unfinished_form}


def assert_cut_off(received, secret):
    """No answer, an error, or the beginning of a file."""
    head, _, body = received.partition(b"\r\n\r\n")
    if b" 200 " in head[:20]:
        assert b"\r\n0\r\n\r\n" not in received, "the chunked answer was ended properly"
        is_chunked = b"Transfer-Encoding: chunked" in head
        assert is_chunked or int(head.split(b"Content-Length: ")[1].split()[0]) > len(body)
        assert_no_whole_file(unchunk(body) if is_chunked else body, secret)
        return len(body)
    assert head == b"" or b" 400 " in head[:20]
    return 0


@each_armor
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_that_is_cut_off_anywhere_yields_no_file(server, identity, kind, way, armor):
    n_received = []
    for n in POINTS:
        data = KINDS[kind](n, query([identity.recipient], armor))
        n_received.append(assert_cut_off(cut_upload(server.port, data, way), identity.secret))
    assert n_received[0] == 0
    assert way == "half-closed" or n_received[-1] > 4 * 65536, "it was to be cut after some chunks"


def test_what_looks_for_a_whole_file_finds_one(identity):
    for armor in (False, True):
        file = age.encrypt(PLAINTEXT, [identity.recipient], armor)
        for whole in (file, file.rstrip(b"\n")) if armor else (file,):
            with pytest.raises(AssertionError, match="a whole file was sent"):
                assert_no_whole_file(whole, identity.secret)
    # It would be one if its last chunk came too early.
    short = age.encrypt(PLAINTEXT[:131072], [identity.recipient])
    with pytest.raises(AssertionError, match="a whole file was sent"):
        assert_no_whole_file(short + bytes(65536 + 16 + 5), identity.secret)


@each_armor
@pytest.mark.parametrize("way", ["made", "own"])
def test_a_form_without_its_end_is_told_so_within_the_hold(server, identity, way, armor):
    headers = [FORM_TYPE] + ([("Encryption-Key", identity.secret)] if way == "own" else [])
    for n in (0, 1, 40_000):
        body = form(part(PLAINTEXT[:n]), close=False)
        response = exchange(server.port, request("POST", PATH + query(armor=armor), headers, body))
        assert_error(response, 400, "truncated_body")


@each_armor
def test_a_form_without_its_end_is_cut_after_the_hold(server, identity, armor):
    body = form(part(PLAINTEXT), close=False)
    response = exchange(server.port, request("POST", PATH + query([identity.recipient], armor),
                                             [FORM_TYPE], body))
    assert (response.status, response.complete) == (200, False)
    assert len(response.body) > 2 * 65536  # how many chunks depends on how much is read at a time
    assert_no_whole_file(response.body, identity.secret)


@each_armor
def test_a_second_file_after_the_hold_cuts_the_answer(server, identity, armor):
    body = form(part(PLAINTEXT), part(b"another"))
    response = exchange(server.port, request("POST", PATH + query([identity.recipient], armor),
                                             [FORM_TYPE], body))
    assert (response.status, response.complete) == (200, False)
    assert_no_whole_file(response.body, identity.secret)


@each_armor
@pytest.mark.parametrize("n", [65536, 131072, 262144, 300_000])
@transports.each(transports.WITH_HTTP_2)
def test_over_http_2_an_early_end_resets_the_stream_alone(server, identity, transport, n, armor):
    options = query([identity.recipient], armor)
    with transport.connect(server) as client:
        stream = client.request("PUT", PATH + options, [("content-length", str(n + 1))],
                                PLAINTEXT[:n], declared=False)
        response = client.read_response(stream)
        assert not response.complete or response.status == 400
        assert_no_whole_file(response.body, identity.secret)
        good = client.exchange("PUT", PATH + options, [], PLAINTEXT[:n])
        assert_age(good, PLAINTEXT[:n], armor=armor, identities=[identity.secret])


@each_armor
@pytest.mark.parametrize("n_chunks", [1, 2, 4])
def test_a_reset_stream_of_http_2_yields_no_file(server, identity, n_chunks, armor):
    with transports.H2C.connect(server) as client:
        stream = client.request("PUT", PATH + query([identity.recipient], armor), [],
                                PLAINTEXT[:n_chunks * 65536 + 100], ends=False, declared=False)
        client.send_all(stream)
        n_least = 60_000 * (n_chunks - 1)
        client.run(lambda: sum(map(len, stream.pieces)) >= n_least)
        client.reset_stream(stream)
        assert_no_whole_file(b"".join(stream.pieces), identity.secret)


def test_the_chunk_that_a_whole_upload_may_end_with_waits_for_its_end(server, identity):
    with RawClient(server.port) as client:
        client.send(request("PUT", PATH + query([identity.recipient]), [CHUNKED], b""))
        client.send(chunked(PLAINTEXT[:131072])[:-len("0\r\n\r\n")])
        client.socket.settimeout(0.3)
        received = b""
        try:
            while piece := client.socket.recv(1 << 18):
                received += piece
        except TimeoutError:
            pass
        body = unchunk(received.partition(b"\r\n\r\n")[2])
        parts = AgeFile.parse(body)
        assert len(body) - parts.n_header - 16 <= 65536 + 16
