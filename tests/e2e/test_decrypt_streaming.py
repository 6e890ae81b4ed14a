# SPDX-License-Identifier: Apache-2.0
"""Large files are decrypted in constant memory, whenever the answer is read."""

import functools
import hashlib
import os
import subprocess

import pytest
from cryptography.fernet import Fernet

from support import age, process
from support.decrypting import RELEASE
from support.nginx import SANITIZED
from support.raw_http import RawClient, request
from support.sources import MIB, Plaintext

# By whom it is encrypted meanwhile is another service, so that one alone is measured.
pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not the service's")
KEY_OF = {"fernet": lambda: Fernet.generate_key().decode(), "age": lambda: age.keygen().secret}
MIB_OF_EACH = int(os.environ.get("ENCRYPTER_E2E_LARGE_MIB", 2048)) // 2


@functools.cache
def key_of(encryption_format):
    return KEY_OF[encryption_format]()


@pytest.fixture(scope="module")
def encrypted(make_module_server, tmp_path_factory):
    """Makes files: their path, their key, and the SHA-256 of the plaintext."""
    folder = tmp_path_factory.mktemp("encrypted")

    @functools.cache
    def make(encryption_format):
        server, key, path = make_module_server(), key_of(encryption_format), folder / encryption_format
        plaintext = Plaintext(MIB_OF_EACH)
        curl = subprocess.Popen(
            ["curl", "-sS", "-f", "-T", "-", "-o", path, "-H", f"Encryption-Key: {key}",
             f"{server.url}/encrypt_file?format={encryption_format}"], stdin=subprocess.PIPE)
        for block in plaintext:
            curl.stdin.write(block)
        curl.stdin.close()
        assert curl.wait(60) == 0
        return path, key, plaintext.sha256
    yield make
    for path in folder.iterdir():
        path.unlink()


def send_file(client, path, key, target):
    head = [("Encryption-Key", key), ("Content-Length", str(path.stat().st_size))]
    client.send(request("PUT", target, head))
    with open(path, "rb") as file:
        client.socket.sendfile(file)


def read_sha256(client):
    response = client.read_head()
    assert response.status == 200
    digest = hashlib.sha256()
    for piece in client.body_pieces(response):
        digest.update(piece)
    assert response.complete
    return response, digest.hexdigest()


@pytest.mark.parametrize("encryption_format", ["fernet", "age"])
def test_a_large_file_that_is_read_last_takes_constant_memory(
        make_server, encrypted, encryption_format, capsys):
    path, key, sha256 = encrypted(encryption_format)
    server = make_server(workers=2)
    before = process.reset_peaks(server)
    with RawClient(server.port, timeout=120) as client:
        send_file(client, path, key, "/decrypt_file")
        response, found = read_sha256(client)
    assert found == sha256
    assert int(response.header("Content-Length")) == MIB_OF_EACH * MIB
    growth = process.assert_peaks_grew_little(server, before)
    with capsys.disabled():
        print(f"\n{MIB_OF_EACH} MiB of {encryption_format} decrypted: a worker's peak memory grew by "
              f"{growth} KiB")


def test_a_large_file_whose_chunks_are_read_while_it_is_sent_takes_constant_memory(
        make_server, encrypted, tmp_path):
    path, key, sha256 = encrypted("age")
    server = make_server(workers=2, spool_request_max="0")
    before = process.reset_peaks(server)
    curl = subprocess.Popen(
        ["curl", "-sS", "-f", "-N", "-T", path, "-H", f"Encryption-Key: {key}",
         f"{server.url}/decrypt_file{RELEASE}"], stdout=subprocess.PIPE)
    digest = hashlib.sha256()
    while piece := curl.stdout.read1(MIB):
        digest.update(piece)
    assert (curl.wait(60), digest.hexdigest()) == (0, sha256)
    process.assert_peaks_grew_little(server, before)
