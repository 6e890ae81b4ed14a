# SPDX-License-Identifier: Apache-2.0
"""Clients that send before they read, or read in bursts: right answers, by way of a bounded disk."""

import base64
import contextlib
import os
import signal
import string
import time

import pytest

from support import process
from support.age_files import assert_age, query
from support.answers import assert_encrypted
from support.fernet import TokenVerifier, token_size
from support.h2_client import H2Client
from support.nginx import SANITIZED
from support.paced import TRANSPORTS, Peak, assert_right, only, paced  # noqa: F401
from support.raw_http import RawClient, chunked, request
from support.sources import LARGE_MIB, MIB
from support.spool import spooling  # noqa: F401
from support.transports import HTTP_1_0, HTTP_1_1, TLS

CHUNKED = ("Transfer-Encoding", "chunked")
PUT = request("PUT", "/encrypt_file", [CHUNKED], b"")
LAST_CHUNK = b"0\r\n\r\n"

each_transport = pytest.mark.parametrize("transport", TRANSPORTS)


def mib_of_token(mib):
    return token_size(mib * MIB) // MIB + 1


@each_transport
@pytest.mark.parametrize("kind", ["put", "form"])
def test_a_client_that_sends_everything_before_it_reads_gets_the_right_answer(
        spooling, paced, transport, kind):
    server = spooling()
    mib = LARGE_MIB // 32
    upload = only(paced(server, transport, kind=kind, bytes=f"{mib}m", read="last"))
    assert upload["ok"], upload
    assert (upload["bytes"], upload["answer"]) == (mib * MIB, token_size(mib * MIB))


@pytest.mark.parametrize("transport", ["h1", "h2-tls"])
def test_a_large_file_that_is_sent_before_the_answer_is_read_takes_little_memory_and_a_bounded_disk(
        spooling, paced, capsys, transport):
    mib = LARGE_MIB if transport == "h1" else LARGE_MIB // 4
    cap_mib = mib_of_token(mib) + 16
    server = spooling(spool_request_max=f"{cap_mib}m")
    before = process.reset_peaks(server)
    running = paced.start(server, transport, kind="form", bytes=f"{mib}m", read="last")
    peak = Peak(server).watch(running)
    result = running.result()
    assert_right(result)
    assert mib * MIB / 2 < peak.bytes <= cap_mib * MIB
    growth = 0 if SANITIZED else process.assert_peaks_grew_little(server, before)
    with capsys.disabled():
        print(f"\n{mib} MiB sent before the answer was read, {transport}: "
              f"{result['mb_per_s']:.0f} MB/s, {peak.bytes / MIB:.0f} MiB of disk at the most, "
              f"a worker's peak memory grew by {growth} KiB")


def test_sixteen_clients_at_once_that_send_everything_before_they_read_get_the_right_answers(
        spooling, paced):
    server = spooling(workers=2)
    before = process.reset_peaks(server)
    mib = LARGE_MIB // 16
    running = paced.start(server, kind="form", bytes=f"{mib}m", read="last", parallel=16)
    peak = Peak(server).watch(running)
    assert_right(running.result())
    assert peak.bytes <= 16 * (mib_of_token(mib) + 1) * MIB
    assert SANITIZED or max(process.memory_kib(pid, "VmHWM") - kib
                            for pid, kib in before.items()) <= 16 * 1024 + 16 * 2048


@each_transport
def test_a_client_that_never_reads_is_ended_and_its_disk_is_free_again(
        spooling, paced, transport):
    server = spooling(send_timeout="1s")
    running = paced.start(server, transport, bytes="64m", read="never", rcvbuf="64k")
    peak = Peak(server).watch(running)
    upload = only(running.result())
    assert upload["ended"], upload
    assert 0.5 < upload["seconds"] - upload["seconds_sent"] < 8
    assert peak.bytes > 16 * MIB
    assert process.wait_until(lambda: process.spool_files(server) == [], 5)


def test_a_client_that_goes_away_leaves_no_disk_in_use(spooling, paced):
    server = spooling()
    running = paced.start(server, bytes="64m", read="never", rcvbuf="64k")
    assert process.wait_until(lambda: process.spool_bytes(server) > 32 * MIB)
    running.stop()
    assert process.wait_until(lambda: process.spool_files(server) == [], 5)


@pytest.mark.parametrize("settings", [
    {}, {"spool_patience": "0"}, {"spool_patience": "100ms"},
    {"spool_request_max": f"{mib_of_token(LARGE_MIB // 16) + 1}m"},
], ids=["as shipped", "without patience", "with much patience", "with a spool just large enough"])
@each_transport
def test_a_client_that_reads_in_bursts_gets_the_right_answer(spooling, paced, transport, settings):
    server = spooling(**settings)
    mib = LARGE_MIB // 16
    assert_right(paced(server, transport, kind="form", bytes=f"{mib}m", read="paced", parallel=2,
                       burst="8m", pause="60ms", rcvbuf="128k"))


@each_transport
def test_a_spool_that_is_emptied_now_and_then_takes_more_than_its_cap_in_all(
        spooling, paced, transport):
    server = spooling(spool_request_max="64m")
    running = paced.start(server, transport, kind="chunked", bytes="128m", read="paced",
                          send_rate="40m", burst="32m", pause="250ms", rcvbuf="128k",
                          h2_window="128k")
    peak = Peak(server).watch(running)
    assert_right(running.result())
    assert 4 * MIB < peak.bytes <= 64 * MIB
    assert peak.n_emptied > 1, "it was to alternate between the disk and none"


def test_eight_clients_that_read_in_bursts_at_once_do_not_mix(spooling, paced):
    server = spooling(workers=2)
    assert_right(paced(server, kind="form", bytes="24m", read="paced", parallel=8, burst="2m",
                       pause="100ms", rcvbuf="128k"))


def test_requests_that_wait_while_an_answer_is_spooled_have_their_turn_after_it(spooling):
    server = spooling()
    plaintexts = [os.urandom(10 * MIB), os.urandom(100_000), b"a small one"]
    with RawClient(server.port, receive_buffer=65536) as client:
        for plaintext in plaintexts:  # the socket buffers hold what is behind the first
            client.send(request("PUT", "/encrypt_file", [], plaintext))
        time.sleep(0.2)
        assert process.spool_bytes(server) > 0
        for plaintext in plaintexts:
            assert_encrypted(client.read_response(), plaintext)


def test_a_stream_that_is_not_read_holds_up_no_other_of_its_connection(spooling):
    server = spooling()
    plaintexts = [os.urandom(8 * MIB), os.urandom(5 * MIB)]
    with H2Client(server.h2c_port, window=1 << 16) as client:
        unread = [client.request("PUT", f"/encrypt_file/{i}", body=p, gives_window=False)
                  for i, p in enumerate(plaintexts)]
        for stream in unread:
            client.send_all(stream)
        assert process.spool_bytes(server) > sum(map(len, plaintexts))
        for n in (0, 100, 3 * MIB):
            plaintext = os.urandom(n)
            response = client.exchange("PUT", "/encrypt_file", body=plaintext)
            assert_encrypted(response, plaintext)
        for i, stream in reversed(list(enumerate(unread))):
            client.give_window(stream, 1 << 30)
            assert_encrypted(client.read_response(stream), plaintexts[i], f"encrypted_{i}")


MARKER = b"plaintext-that-must-not-reach-a-disk"
BASE64URL = (string.ascii_letters + string.digits + "-_").encode()
N_SKIPPED = 4  # characters at each end that what stands beside the marker has a say in


def disguises(marker):
    """The marker, and what base64 makes of it wherever it stands."""
    plain = [marker]
    for shift in range(3):
        text = base64.urlsafe_b64encode(bytes(shift) + marker)
        plain.append(text[N_SKIPPED:-N_SKIPPED])
    return plain


def found_in_files(server):
    return [file for text in disguises(MARKER) for file in process.files_with(server, text)]


@contextlib.contextmanager
def unread_upload(server, transport, plaintext):
    """All of it is sent, and nothing of the answer is read."""
    tls = transport.endswith("-tls")
    certificate = server.certificate if tls else None
    if transport.startswith("h2"):
        port = server.tls_port if tls else server.h2c_port
        with H2Client(port, certificate=certificate, window=1 << 16) as client:
            stream = client.request("PUT", "/encrypt_file", body=plaintext, gives_window=False)
            client.send_all(stream)
            yield
        return
    port = server.tls_port if tls else server.port
    with RawClient(port, certificate=certificate, receive_buffer=65536) as client:
        client.send(request("PUT", "/encrypt_file", [], plaintext))
        yield


@each_transport
def test_what_is_on_disk_is_ciphertext_alone(spooling, transport):
    server = spooling()
    [worker] = server.workers
    plaintext = (MARKER + b"\n") * (24 * MIB // (len(MARKER) + 1))
    with unread_upload(server, transport, plaintext):
        assert process.wait_until(lambda: process.spool_bytes(server) > 16 * MIB)
        for file in process.as_root(process.unlinked_files, worker):
            values = process.as_root(process.bytes_in, worker, file["fd"])
            assert set(values) <= set(BASE64URL + b"="), "it holds more than a token"
        assert found_in_files(server) == []
        assert server.temp_files() == []


def test_the_search_finds_a_marker_in_every_disguise(tmp_path):
    for shift in range(3):
        with open(tmp_path / "file", "w+b") as file:
            file.write(base64.urlsafe_b64encode(bytes(shift) + MARKER + b"more"))
            file.flush()
            found = [text for text in disguises(MARKER)
                     if process.as_root(process.find_in_written_files, os.getpid(), text.hex())]
        assert len(found) == 1


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
@pytest.mark.parametrize("transport", [HTTP_1_1, HTTP_1_0, TLS], ids=lambda t: t.name)
def test_a_client_that_reads_last_gets_its_file_of_age(spooling, transport, armor):
    server = spooling()
    plaintext = os.urandom(12 * MIB)
    data = request("PUT", "/encrypt_file" + query(armor=armor), [], plaintext, transport.version)
    with transport.connect(server) as client:
        client.send(data)
        assert process.spool_bytes(server) > 0
        assert_age(client.read_response(), plaintext, armor=armor)


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_a_stream_of_http_2_that_is_read_last_is_a_file_of_age(spooling, armor):
    server = spooling()
    plaintext = os.urandom(4 * MIB)
    with H2Client(server.h2c_port, window=1 << 16) as client:
        stream = client.request("PUT", "/encrypt_file" + query(armor=armor), body=plaintext,
                                gives_window=False)
        client.send_all(stream)
        assert process.wait_until(lambda: process.spool_bytes(server) > 2 * MIB)
        client.give_window(stream, 1 << 30)
        assert_age(client.read_response(stream), plaintext, armor=armor)


def start_without_reading(client, n_mib):
    """Sends so many MiB of a chunked upload and reads nothing; returns them."""
    plaintext = os.urandom(n_mib * MIB)
    client.send(PUT + chunked(plaintext)[:-len(LAST_CHUNK)])
    return plaintext


def assert_continues(client, plaintext):
    """Ends the upload, reads the whole answer, and finds it right."""
    more = os.urandom(MIB)
    client.send(chunked(more))
    response = client.read_head()
    verifier = TokenVerifier(response.header("Encryption-Key"))
    for piece in client.body_pieces(response):
        verifier.update(piece)
    assert response.complete
    verifier.finish()
    assert verifier.n_plaintext == len(plaintext) + len(more)


def test_a_reload_does_not_drop_an_answer_that_is_spooled(spooling):
    server = spooling()
    old_workers = server.workers
    with RawClient(server.port, receive_buffer=65536) as client:
        plaintext = start_without_reading(client, 24)
        assert process.wait_until(lambda: process.spool_bytes(server) > 8 * MIB)
        server.master.send_signal(signal.SIGHUP)
        assert process.wait_until(lambda: len(server.workers) == 2)
        assert_continues(client, plaintext)
    assert process.wait_until(lambda: not set(old_workers) & set(server.workers))


def test_what_a_killed_worker_had_spooled_is_free_again(spooling, paced):
    server = spooling(spool_max="40m", full_duplex="off", expected_trouble=["signal 9"])
    [old_worker] = server.workers
    with RawClient(server.port) as client:
        start_without_reading(client, 16)
        assert process.wait_until(lambda: process.spool_bytes(server) > 16 * MIB)
        assert only(paced(server, bytes="16m"))["status"] == 507
        process.as_root(process.kill, old_worker)
        assert process.wait_until(lambda: server.workers not in ([], [old_worker]))
    assert_right(paced(server, bytes="28m"))


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not the service's")
def test_many_spooled_answers_leave_the_memory_and_the_descriptors_as_they_were(spooling, paced):
    server = spooling()
    [worker] = server.workers

    def upload(times):
        for i in range(times):
            assert_right(paced(server, kind="form", bytes="12m", read="last", parallel=2, seed=i,
                               rcvbuf="64k"))

    upload(4)
    kib, n_fds = process.memory_kib(worker, "VmRSS"), process.count_fds(worker)
    upload(16)
    assert process.memory_kib(worker, "VmRSS") - kib < 2048
    assert process.wait_until(lambda: process.count_fds(worker) <= n_fds)
