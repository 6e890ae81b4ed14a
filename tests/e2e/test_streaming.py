# SPDX-License-Identifier: Apache-2.0
"""Large files: whole, in constant memory, and answered while they are still on their way."""

import contextlib
import os
import signal
import time

import pytest

from support import age, process
from support.age_files import assert_age, file_size, query
from support.answers import assert_encrypted
from support.formats import FORMATS, name_of_answer
from support.forms import part, post_form
from support.fernet import TokenVerifier, token_size
from support.nginx import SANITIZED
from support.raw_http import RawClient, chunked, request
from support.sources import LARGE_MIB, MIB, Plaintext, Upload, write_file


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "large.bin"
    plaintext = Plaintext(LARGE_MIB)
    write_file(path, plaintext)
    yield path, plaintext.sha256
    path.unlink()


def test_a_large_form_by_curl_comes_back(server, tmp_path, large_file):
    path, sha256 = large_file
    upload = Upload(tmp_path, "-F", f"file=@{path}", server.url + "/encrypt_file")
    head, found = upload.verify()
    assert (head.status, found) == (200, sha256)
    assert head.header("Transfer-Encoding") == "chunked"


def test_a_large_put_by_curl_comes_back_with_its_exact_length(server, tmp_path, large_file):
    path, sha256 = large_file
    upload = Upload(tmp_path, "-T", path, server.url + "/encrypt_file/")
    head, found = upload.verify()
    assert (head.status, found) == (200, sha256)
    assert int(head.header("Content-Length")) == token_size(LARGE_MIB * MIB) == upload.n_answer


@pytest.fixture
def decrypt(tmp_path):
    """Makes verifiers of age files, from the identity."""
    with contextlib.ExitStack() as stack:
        yield lambda secret: stack.enter_context(age.Decryption([secret], tmp_path))


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_a_large_put_with_age_comes_back_with_its_exact_length(server, tmp_path, decrypt, armor):
    path, plaintext = tmp_path / "large.bin", Plaintext(LARGE_MIB // 4)
    write_file(path, plaintext)
    upload = Upload(tmp_path, "-T", path, server.url + "/encrypt_file/" + query(armor=armor),
                    make_verifier=decrypt)
    head, found = upload.verify()
    assert (head.status, found) == (200, plaintext.sha256)
    assert int(head.header("Content-Length")) == upload.n_answer
    assert upload.n_answer == file_size(plaintext.mib * MIB, 1, armor)
    path.unlink()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not the service's")
@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_a_pipe_into_age_takes_constant_memory_and_is_answered_meanwhile(make_server, tmp_path,
                                                                         decrypt, armor):
    server = make_server()
    plaintext = Plaintext(LARGE_MIB // 4)
    before = process.reset_peaks(server)
    upload = Upload(tmp_path, "-T", "-", server.url + "/encrypt_file" + query(armor=armor),
                    feed=plaintext, make_verifier=decrypt)
    head, found = upload.verify()
    assert (head.status, found) == (200, plaintext.sha256)
    assert head.header("Transfer-Encoding") == "chunked"
    assert upload.taken_at_first_byte < 6 * MIB
    process.assert_peaks_grew_little(server, before)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not the service's")
def test_4_gib_through_a_pipe_take_constant_memory_and_are_answered_meanwhile(
        make_server, tmp_path, capsys):
    server = make_server()
    plaintext = Plaintext(4 * LARGE_MIB)
    before = process.reset_peaks(server)
    upload = Upload(tmp_path, "-T", "-", server.url + "/encrypt_file", feed=plaintext)
    head, found = upload.verify()
    assert (head.status, found) == (200, plaintext.sha256)
    assert upload.taken_at_first_byte < plaintext.mib * MIB / 10
    growth = process.assert_peaks_grew_little(server, before)
    with capsys.disabled():
        print(f"\n{plaintext.mib} MiB through a pipe: first byte of the answer after "
              f"{upload.first_byte_seconds * 1000:.0f} ms, when at most "
              f"{upload.taken_at_first_byte / MIB:.0f} MiB were sent; "
              f"a worker's peak memory grew by {growth} KiB")


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_a_slow_upload_to_age_is_answered_chunk_by_chunk(server, armor):
    identity = age.keygen()
    n_each, n_pieces = 2 * 65536, 8
    pieces = [os.urandom(n_each) for _ in range(n_pieces)]
    head = request("PUT", "/encrypt_file" + query([identity.recipient], armor),
                   [("Transfer-Encoding", "chunked")], b"")
    with RawClient(server.port) as client:
        client.send(head)
        received, answer = b"", None
        for i, piece in enumerate(pieces):
            client.send(chunked(piece)[:-len("0\r\n\r\n")])
            if answer is None:
                response = client.read_head()
                answer = client.body_pieces(response)
            # All chunks but the last, which may prove to be the file's, and what a line or a block
            # of armor waits for.
            n_least = file_size((i + 1) * n_each - 65536, 1, armor) - 20_000
            while len(received) < n_least:
                received += next(answer)
        client.send(b"0\r\n\r\n")
        response.body = received + b"".join(answer)
    assert_age(response, b"".join(pieces), armor=armor, identities=[identity.secret])


def test_a_slow_upload_is_answered_while_it_runs(server):
    plaintext = os.urandom(2 * MIB)
    head = request("PUT", "/encrypt_file", [("Transfer-Encoding", "chunked")], b"")
    with RawClient(server.port) as client:
        client.send(head)
        sender = client.send_meanwhile(chunked(plaintext)[:-len("0\r\n\r\n")])
        response = client.read_head()
        verifier = TokenVerifier(response.header("Encryption-Key"))
        pieces = client.body_pieces(response)
        n_answer = 0
        while n_answer < MIB:  # though the upload has not ended, and will not until this came
            piece = next(pieces)
            n_answer += len(piece)
            verifier.update(piece)
        sender.join()
        client.send(b"0\r\n\r\n")
        for piece in pieces:
            verifier.update(piece)
    verifier.finish()
    assert verifier.n_plaintext == len(plaintext)


@pytest.mark.parametrize("n_pieces, piece_bytes", [(100, 10), (12, 1000), (40, 5000)])
@pytest.mark.parametrize("as_form", [False, True], ids=["put", "form"])
@pytest.mark.parametrize("options", FORMATS)
def test_an_upload_in_small_pieces_does_not_use_up_the_buffers(server, as_form, options, n_pieces,
                                                              piece_bytes):
    plaintext = os.urandom(n_pieces * piece_bytes)
    target = "/encrypt_file" + options
    data = (post_form(part(plaintext), target=target) if as_form else
            request("PUT", target, [], plaintext))
    with RawClient(server.port) as client:
        for i in range(0, len(data), piece_bytes):
            client.send(data[i:i + piece_bytes])
            time.sleep(0.003)  # so that each piece is read alone
        FORMATS[options](client.read_response(), plaintext,
                         name_of_answer(options, "file.txt" if as_form or not options else "file"))


def test_a_client_that_reads_slowly_gets_everything(server):
    plaintext = os.urandom(8 * MIB)
    with RawClient(server.port, receive_buffer=4096) as client:
        client.send_meanwhile(request("PUT", "/encrypt_file", [], plaintext))
        time.sleep(1)  # long enough for every buffer to be full
        response = client.read_head()
        verifier = TokenVerifier(response.header("Encryption-Key"))
        for piece in client.body_pieces(response):
            verifier.update(piece)
    verifier.finish()
    assert verifier.n_plaintext == len(plaintext)


def test_without_a_spool_a_client_that_never_reads_is_ended_though_it_goes_on_sending(make_server):
    server = make_server(send_timeout="1s", spool_request_max="0")
    head = request("PUT", "/encrypt_file", [("Transfer-Encoding", "chunked")], b"")
    with RawClient(server.port, receive_buffer=4096) as client:
        client.send(head + chunked(bytes(3 * MIB))[:-len("0\r\n\r\n")])
        begun = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - begun < 10:
                client.send(b"1\r\nx\r\n")
                time.sleep(0.05)


@pytest.mark.parametrize("n_before", [1000, MIB], ids=["held", "streamed"])
def test_a_reload_does_not_drop_an_upload(make_server, n_before):
    server = make_server()
    old_workers = server.workers
    plaintext = os.urandom(2 * MIB)
    head = request("PUT", "/encrypt_file", [("Transfer-Encoding", "chunked")], b"")
    with RawClient(server.port) as client:
        client.send(head + chunked(plaintext[:n_before])[:-len("0\r\n\r\n")])
        time.sleep(0.2)
        server.master.send_signal(signal.SIGHUP)
        assert process.wait_until(lambda: len(server.workers) == 2)
        time.sleep(0.2)
        client.send_meanwhile(chunked(plaintext[n_before:]))
        assert_encrypted(client.read_response(), plaintext)
    assert process.wait_until(lambda: not set(old_workers) & set(server.workers))


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not the service's")
def test_many_uploads_leave_the_memory_as_it_was(server):
    plaintext = os.urandom(MIB)

    def upload(times):
        for _ in range(times):
            with RawClient(server.port) as client:
                client.send_meanwhile(request("PUT", "/encrypt_file", [], plaintext))
                assert client.read_response().complete

    upload(20)
    before = {pid: process.memory_kib(pid, "VmRSS") for pid in server.workers}
    upload(100)
    growth = [process.memory_kib(pid, "VmRSS") - kib for pid, kib in before.items()]
    assert max(growth) < 1024, f"memory grew by {growth} KiB"
