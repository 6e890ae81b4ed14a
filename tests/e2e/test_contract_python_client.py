# SPDX-License-Identifier: Apache-2.0
"""The first users' Python client, unchanged, and Debian's python3-cryptography to decrypt."""

import os

import pytest
import requests
from cryptography.fernet import Fernet

from support.answers import assert_encrypted
from support.raw_http import Response


def run_client(url, file_path):
    """The client as its users have it, but for the file's path and where it saves."""
    url = url + '/encrypt_file'
    with open(file_path, 'rb') as file:
        files = {'file': (file.name, file, 'text/plain')}
        response = requests.post(url, files=files)
        if response.status_code == 200:
            with open(file_path.parent / 'encrypted_file.txt', 'wb') as encrypted_file:
                encrypted_file.write(response.content)
    return response


def client_round_trip(server, folder, plaintext, name="file.txt"):
    path = folder / name
    path.write_bytes(plaintext)
    answer = run_client(server.url, path)
    response = Response(answer.status_code, list(answer.headers.items()), answer.content, True)
    assert_encrypted(response, plaintext, "encrypted_" + name)
    token = (folder / "encrypted_file.txt").read_bytes()
    assert Fernet(answer.headers["Encryption-Key"]).decrypt(token) == plaintext


@pytest.mark.parametrize("length", range(81))
def test_every_short_length_comes_back(server, tmp_path, length):
    client_round_trip(server, tmp_path, os.urandom(length))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "latin-1",
                                      "cp1252", "shift_jis", "koi8-r"])
def test_text_in_any_encoding_comes_back(server, tmp_path, encoding):
    texts = {"shift_jis": "日本語のテキスト\r\n", "koi8-r": "Привет, мир\n"}
    text = texts.get(encoding, "Grüße, façade, ñandú\r\nline two\n")
    client_round_trip(server, tmp_path, (text * 100).encode(encoding))


@pytest.mark.parametrize("length", [65535, 65536, 65537, 5 << 20],
                         ids=["64 KiB - 1", "64 KiB", "64 KiB + 1", "5 MiB"])
def test_a_file_around_the_hold_and_a_large_one_come_back(server, tmp_path, length):
    client_round_trip(server, tmp_path, os.urandom(length))


@pytest.mark.parametrize("plaintext", [
    bytes(range(256)) * 300,
    b"\0" * 100_000,
    b"\r\n--" * 30_000,
    b"--\r\n" * 30_000,
], ids=["all bytes", "zeros", "what begins a boundary", "what ends one"])
def test_binary_comes_back(server, tmp_path, plaintext):
    client_round_trip(server, tmp_path, plaintext, "data.bin")


def test_the_answer_names_the_file_after_the_upload(server, tmp_path):
    client_round_trip(server, tmp_path, b"x", "Jahresbericht für 2026.tar.gz")


def test_one_session_sends_many_files(server):
    with requests.Session() as session:
        for i in range(20):
            plaintext = os.urandom(i * 1000)
            answer = session.post(server.url + "/encrypt_file", files={"file": plaintext})
            token = Fernet(answer.headers["Encryption-Key"])
            assert token.decrypt(answer.content) == plaintext


def in_pieces(plaintext):
    return (plaintext[i:i + 65536] for i in range(0, len(plaintext), 65536))


@pytest.mark.parametrize("send", [
    lambda url, data, **how: requests.post(url, files={"file": data}, **how),
    lambda url, data, **how: requests.post(url, data=data, **how),
    lambda url, data, **how: requests.post(url, data=in_pieces(data), **how),
], ids=["form", "bare", "in chunks"])
@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("beyond", [1, 1 << 20, 8 << 20], ids=["a byte", "1 MiB", "8 MiB"])
def test_a_file_that_is_too_large_is_a_413_and_not_a_broken_pipe(make_server, send, tls, beyond):
    server = make_server(body_limit="32k")
    url = (server.tls_url if tls else server.url) + "/encrypt_file"
    for _ in range(3):
        answer = send(url, bytes((32 << 10) + beyond), verify=server.certificate)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
