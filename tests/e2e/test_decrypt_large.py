# SPDX-License-Identifier: Apache-2.0
"""Large files come back by curl, whatever their size, in constant memory."""

import hashlib

import pytest

from support import process
from support.age_files import query
from support.decryption import RELEASE
from support.nginx import SANITIZED
from support.sources import LARGE_MIB, MIB, Plaintext, Upload

FORMATS = {"fernet": "", "age": query(), "armored age": query(armor=True)}
AGE_FORMATS = ["age", "armored age"]


class Feed:
    """A file's content, for a pipe."""

    def __init__(self, path):
        self.path = path
        self.n_taken = 0

    def __iter__(self):
        with open(self.path, "rb") as file:
            while block := file.read(MIB):
                self.n_taken += len(block)
                yield block


class ToFile:
    """Keeps an answer on disk."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.update = self.file.write

    def finish(self):
        self.file.close()


class ToDigest:
    """Keeps an answer's SHA-256 alone."""

    def __init__(self):
        self.digest = hashlib.sha256()
        self.update = self.digest.update

    def finish(self):
        return self.digest.hexdigest()


def encrypt(server, folder, path, plaintext, options):
    """Has it encrypted by the service; returns the header with the key."""
    upload = Upload(folder, "-T", "-", server.url + "/encrypt_file" + options, feed=plaintext,
                    make_verifier=lambda key: ToFile(path))
    head, _ = upload.verify()
    assert head.status == 200
    return "Encryption-Key: " + head.header("Encryption-Key")


def decrypt(server, folder, *arguments, feed=None):
    """The answer's head and SHA-256, judged by what the service's memory grew by, too."""
    before = process.reset_peaks(server)
    upload = Upload(folder, *arguments, feed=feed, make_verifier=lambda key: ToDigest())
    head, sha256 = upload.verify()
    assert head.status == 200
    if not SANITIZED:
        process.assert_peaks_grew_little(server, before)
    return head, sha256, upload.n_answer


@pytest.mark.parametrize("name", ["fernet", "age"])
def test_a_large_file_comes_back_by_curl(server, tmp_path, name):
    path, plaintext = tmp_path / "large", Plaintext(LARGE_MIB // 2)
    key = encrypt(server, tmp_path, path, plaintext, FORMATS[name])
    head, sha256, n = decrypt(server, tmp_path, "-H", key, "-T", path,
                              server.url + "/decrypt_file/")
    path.unlink()
    assert (sha256, n) == (plaintext.sha256, plaintext.mib * MIB)
    assert head.header("Content-Length") == str(n)


@pytest.fixture(scope="module", params=FORMATS)
def file(request, server, tmp_path_factory):
    """Smaller, since it goes many ways: its path, its key and its plaintext."""
    folder = tmp_path_factory.mktemp("large")
    path, plaintext = folder / "file.age", Plaintext(LARGE_MIB // 16)
    yield path, encrypt(server, folder, path, plaintext, FORMATS[request.param]), plaintext
    path.unlink()


def assert_large(answer, plaintext, streamed=False):
    head, sha256, n = answer
    assert (sha256, n) == (plaintext.sha256, plaintext.mib * MIB)
    assert head.header("Content-Length") == (None if streamed else str(n))


def test_a_large_form_comes_back(server, tmp_path, file):
    path, key, plaintext = file
    answer = decrypt(server, tmp_path, "-H", key, "-F", f"file=@{path}",
                     server.url + "/decrypt_file")
    assert_large(answer, plaintext)


def test_a_large_pipe_of_unknown_length_comes_back(server, tmp_path, file):
    path, key, plaintext = file
    answer = decrypt(server, tmp_path, "-H", key, "-T", "-", server.url + "/decrypt_file",
                     feed=Feed(path))
    assert_large(answer, plaintext)


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_a_large_file_comes_back_over_tls(server, tmp_path, file, version):
    path, key, plaintext = file
    answer = decrypt(server, tmp_path, "-H", key, version, "--cacert", server.certificate, "-T",
                     path, server.tls_url + "/decrypt_file/")
    assert_large(answer, plaintext)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("file", AGE_FORMATS, indirect=True)
def test_large_verified_chunks_come_back_over_tls(server, tmp_path, file, version):
    path, key, plaintext = file
    answer = decrypt(server, tmp_path, "-H", key, version, "--cacert", server.certificate, "-T",
                     path, server.tls_url + "/decrypt_file/" + RELEASE)
    assert_large(answer, plaintext, streamed=True)
