# SPDX-License-Identifier: Apache-2.0
"""release=verified-chunks: the chunks of an age file leave as they are verified, while it is still on
its way, and without a disk. None leaves that is not authentic, and what is not whole has no end."""

import itertools
import os

import pytest

from support import damage, process, transports
from support.age_files import CHUNK, NONCE, TAG, AgeFile, file_size
from support.answers import assert_error
from support.damage import ARMORED, BINARY, Questioner, damages_at_edges, telltale
from support.decrypt_states import (
    HELD, N_PUSHED_BACK, PUSHED_BACK, RELEASE, RELEASED, begin, sample_of, size_for, wait_for_disk)
from support.descriptors import SETTINGS, Idle
from support.forms import BOUNDARY, FORM, form, part
from support.nginx import SANITIZED
from support.raw_http import Closed, RawClient, request
from support.spool import spooling  # noqa: F401
from support.transports import HTTP_1_0, HTTP_1_1, LASTING, TLS, WITH_HTTP_2
from support.unfinished import connect

TARGET = "/decrypt_file" + RELEASE
AGE_KINDS = [BINARY, ARMORED]
N = 9 * CHUNK + 1000
PROXIES = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "Via": "1.1 proxy"}

each_kind = pytest.mark.parametrize("kind", AGE_KINDS)
each_lasting = transports.each(LASTING)


def assert_decrypted(response, sample, declared):
    assert (response.status, response.complete) == (200, True), response.body[:300]
    assert response.body == sample.plaintext
    assert (response.header("Content-Length") is not None) == declared


def release(server, transport, sample, file=None, headers=(), as_form=False):
    """The answer; None if its head was never read."""
    file = sample.file if file is None else file
    method, headers, body = "PUT", [*sample.headers, *headers], file
    if as_form:
        method, body = "POST", form(part(file))
        headers.append(("Content-Type", FORM + BOUNDARY))
    try:
        return transport.exchange(server, method, TARGET, headers, body)
    except Closed:
        return None


def n_of_file(sample, n_chunks):
    """So much of the file has so many chunks in it, and the first bytes of the next one."""
    n = file_size(0, armor=False) - TAG + n_chunks * (CHUNK + TAG) + 200
    return n * 4 // 3 * 65 // 64 + 200 if sample.kind == ARMORED else n


@pytest.mark.parametrize("as_form", [False, True], ids=["put", "form"])
@each_kind
@each_lasting
def test_a_whole_file_comes_back(server, transport, kind, as_form):
    sample = sample_of(kind, N)
    assert_decrypted(release(server, transport, sample, as_form=as_form), sample, declared=False)


@each_kind
@each_lasting
@pytest.mark.parametrize("n", [0, 1, 1000, 40_000])
def test_a_file_that_is_within_the_hold_comes_with_its_length(server, transport, kind, n):
    sample = sample_of(kind, n)
    assert_decrypted(release(server, transport, sample), sample, declared=True)


@each_kind
@each_lasting
def test_chunks_come_before_the_rest_of_the_file_is_sent(server, transport, kind):
    sample = sample_of(kind, N)
    decryption = begin(server, transport, RELEASED, sample)
    for n_chunks in range(5, 9):
        decryption.send_up_to(n_of_file(sample, n_chunks))
        decryption.read_up_to(n_chunks * CHUNK - 1)
        assert sample.plaintext.startswith(bytes(decryption.received))
        assert len(decryption.received) <= n_chunks * CHUNK
    assert decryption.response.header("Content-Length") is None
    decryption.finish()
    decryption.close()


@each_kind
@each_lasting
def test_nothing_comes_of_what_is_within_the_hold(server, transport, kind):
    sample = sample_of(kind, N)
    decryption = begin(server, transport, HELD, sample)
    with pytest.raises(TimeoutError):
        if transport in WITH_HTTP_2:
            decryption.client.run(lambda: decryption.stream.response, 0.3)
        else:
            decryption.client.socket.settimeout(0.3)
            decryption.client.socket.recv(1)
    decryption.close()


def chunk_of(sample, offset):
    """Of which chunk a byte of the file is; below zero if it is before them."""
    n_before = AgeFile.parse(sample.file).n_header + NONCE if sample.kind == BINARY else 0
    if sample.kind == ARMORED:
        offset, n_before = offset // 65 * 48 - 100, file_size(0) - TAG
    return (offset - n_before) // (CHUNK + TAG)


def assert_cut_or_refused(response, sample, n_chunks_most):
    """A clean 422, or a cut behind authentic chunks, of which there are at the most so many."""
    if response is None:
        return None
    if response.status != 200:
        code = response.json()["code"]
        assert code in ("decryption_failed", "unrecognized_format")
        return assert_error(response, 422, code)
    assert not response.complete
    assert sample.plaintext.startswith(response.body)
    assert len(response.body) <= min(n_chunks_most * CHUNK, len(sample.plaintext) - 1)
    return None


@each_kind
@transports.each([HTTP_1_1, TLS, transports.H2])
def test_damage_anywhere_cuts_before_the_chunk_that_it_is_in(server, transport, kind):
    sample = sample_of(kind, N)
    files = damages_at_edges(sample, seed=5)
    for file in itertools.islice(files, 0, None, 4 if transport is HTTP_1_1 else 17):
        where = next((i for i, (a, b) in enumerate(zip(file, sample.file)) if a != b), len(file))
        response = release(server, transport, sample, file)
        n_chunks = chunk_of(sample, where) + (sample.kind == ARMORED)
        assert_cut_or_refused(response, sample, max(0, n_chunks))


def damaged_in(sample, chunk):
    """The file with a bit changed in the middle of one of its chunks."""
    return damage.flip(sample.file, n_of_file(sample, chunk) + 20_000, 1)


@each_kind
@pytest.mark.parametrize("as_form", [False, True], ids=["put", "form"])
@each_lasting
def test_damage_within_the_hold_is_a_clean_error(server, transport, kind, as_form):
    sample = damage.make(kind, telltale(N))
    with Questioner(server, transport, sample.plaintext) as questioner:
        for file in [damaged_in(sample, 0), damage.flip(sample.file, 150, 0), sample.file[:60_000]]:
            headers, body = sample.headers, file
            if as_form:
                headers, body = [*headers, ("Content-Type", FORM + BOUNDARY)], form(part(file))
            response = questioner.ask("POST", TARGET, headers, body)
            assert_error(response, 422, "decryption_failed")


@each_kind
@each_lasting
def test_damage_after_the_hold_is_a_cut(server, transport, kind):
    sample = sample_of(kind, N)
    response = release(server, transport, sample, damaged_in(sample, 6))
    assert (response.status, response.complete) == (200, False)
    assert sample.plaintext.startswith(response.body)
    assert len(response.body) <= 6 * CHUNK


@each_kind
@pytest.mark.parametrize("as_form", [False, True], ids=["put", "form"])
@each_lasting
def test_a_file_that_was_cut_between_chunks_has_no_clean_end(server, transport, kind, as_form):
    sample = sample_of(kind, 8 * CHUNK + 1)
    binary = AgeFile.parse(sample.file) if kind == BINARY else None
    for n_chunks in range(1, 8):
        n = binary.n_header + NONCE + n_chunks * (CHUNK + TAG) if binary else n_of_file(
            sample, n_chunks) // 65 * 65
        response = release(server, transport, sample, sample.file[:n], as_form=as_form)
        assert_cut_or_refused(response, sample, n_chunks)


@each_kind
@pytest.mark.parametrize("transport, how", [
    (HTTP_1_1, "half-closed"), (HTTP_1_1, "short"), (TLS, "short")])
@pytest.mark.parametrize("n_chunks", [0, 3, 7])
def test_an_upload_that_ends_early_has_no_clean_end(server, transport, kind, how, n_chunks):
    sample = sample_of(kind, N)
    with connect(server, transport) as client:
        chunked = how == "short"  # its last chunk comes early
        framing = ("Transfer-Encoding", "chunked") if chunked else (
            "Content-Length", str(len(sample.file)))
        piece = sample.file[:n_of_file(sample, n_chunks)]
        client.send(request("PUT", TARGET, [*sample.headers, framing]))
        client.send_meanwhile(b"%x\r\n%s\r\n0\r\n\r\n" % (len(piece), piece) if chunked else piece
                              ).join(20)
        if not chunked:
            client.half_close()
        try:
            response = client.read_response()
        except Closed:
            return
    if response.status == 400:
        return assert_error(response, 400, "truncated_body")
    assert_cut_or_refused(response, sample, n_chunks)


@each_kind
@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("n_chunks", [0, 3, 7])
@transports.each(WITH_HTTP_2)
def test_a_stream_that_ends_early_has_no_clean_end(server, transport, kind, declared, n_chunks):
    sample = sample_of(kind, N)
    headers = [*sample.headers, *[("content-length", str(len(sample.file)))] * declared]
    with transport.connect(server) as client:
        piece = sample.file[:n_of_file(sample, n_chunks)]
        stream = client.request("PUT", TARGET, headers, iter([piece]))
        try:
            response = client.read_response(stream)
        except Closed:
            return
        if response.status == 400:
            return assert_error(response, 400, "truncated_body")
        assert_cut_or_refused(response, sample, n_chunks)


@each_lasting
def test_it_has_no_spool_and_needs_none(spooling, transport):
    server = spooling(spool_request_max="0")
    for state in (RELEASED, PUSHED_BACK):
        decryption = begin(server, transport, state, sample_of(BINARY, size_for(transport, state)))
        wait_for_disk(server, [decryption])
        assert process.spool_files(server) == []
        decryption.finish()
        decryption.close()


@each_lasting
def test_it_needs_no_descriptor(spooling, transport):
    server = spooling(**SETTINGS)
    decryption = begin(server, transport, RELEASED, sample_of(BINARY, N))
    with Idle(server):
        decryption.finish()
    decryption.close()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not the service's")
@each_lasting
def test_a_client_that_does_not_read_is_pushed_back(spooling, transport):
    server = spooling()
    before = process.reset_peaks(server)
    decryption = begin(server, transport, PUSHED_BACK, sample_of(BINARY, N_PUSHED_BACK))
    process.assert_peaks_grew_little(server, before)
    assert process.spool_files(server) == []
    decryption.close()


@each_lasting
def test_a_client_that_never_reads_is_cut(spooling, transport):
    server = spooling(send_timeout="1s")
    sample = sample_of(BINARY, size_for(transport, PUSHED_BACK))
    decryption = begin(server, transport, PUSHED_BACK, sample)
    assert process.wait_until(lambda: " cut " in "".join(server.access_lines()))
    body = decryption.read_cut()
    assert sample.plaintext.startswith(body) and len(body) < len(sample.plaintext)
    decryption.close()


def in_the_other_mode(transport, header=None):
    return pytest.param(transport, [header] if header else [],
                        id=f"{transport.name} {header[0] if header else ''}".strip())


MODES = [in_the_other_mode(HTTP_1_0)] + [
    in_the_other_mode(transport, header) for transport in LASTING for header in PROXIES.items()]


@each_kind
@pytest.mark.parametrize("transport, headers", MODES)
def test_through_a_proxy_and_over_http_1_0_all_is_verified_first(server, transport, headers, kind):
    sample = damage.make(kind, telltale(N))
    with Questioner(server, transport, sample.plaintext) as questioner:
        files = [sample.file[:-1], damaged_in(sample, 6), sample.file[:n_of_file(sample, 7)],
                 sample.file + b"x"]
        for file in files:
            if damage.is_accepted(sample, file):
                continue
            response = questioner.ask("PUT", TARGET, [*sample.headers, *headers], file)
            assert_error(response, 422, "decryption_failed")
    response = release(server, transport, sample, headers=headers)
    assert_decrypted(response, sample, declared=True)


@each_kind
@each_lasting
def test_with_full_duplex_switched_off_all_is_verified_first(spooling, transport, kind):
    server = spooling(full_duplex="off")
    sample = sample_of(kind, N)
    response = release(server, transport, sample, damaged_in(sample, 6))
    assert_error(response, 422, "decryption_failed")
    assert_decrypted(release(server, transport, sample), sample, declared=True)


def test_many_at_once_do_not_mix(server):
    samples = [damage.make(kind, os.urandom(N)) for kind in AGE_KINDS * 4]
    begun = [begin(server, LASTING[i % len(LASTING)], RELEASED, sample)
             for i, sample in enumerate(samples)]
    for decryption in reversed(begun):
        decryption.finish()
        decryption.close()


def test_what_is_pipelined_behind_it_has_its_turn(server):
    sample = sample_of(BINARY, N)
    data = request("PUT", TARGET, sample.headers, sample.file)
    with RawClient(server.port) as client:
        client.send_meanwhile(data * 3)
        for _ in range(3):
            assert_decrypted(client.read_response(), sample, declared=False)
