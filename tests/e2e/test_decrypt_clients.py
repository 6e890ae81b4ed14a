# SPDX-License-Identifier: Apache-2.0
"""The clients that people have, with files to decrypt: curl and requests, as they send them."""

import os
import subprocess

import pytest
import requests

from support.decryption import SEALS, assert_decrypted
from support.raw_http import Response
from support.sources import curl

SIZES = {"empty": 0, "200 KiB": 200 << 10, "5 MiB": 5 << 20}


@pytest.fixture(scope="module", params=[(seal, size) for seal in SEALS for size in SIZES],
                ids=lambda param: "-".join(param))
def sealed(request):
    seal, size = request.param
    return SEALS[seal](os.urandom(SIZES[size]))


@pytest.fixture
def path(tmp_path, sealed):
    path = tmp_path / sealed.named("report.pdf")
    path.write_bytes(sealed.file)
    return path


def with_key(sealed):
    return ["-H", "Encryption-Key: " + sealed.key]


def test_curl_posts_a_form(server, tmp_path, sealed, path):
    response = curl(tmp_path, *with_key(sealed), "-F", "note=x", "-F", f"file=@{path}",
                    server.url + "/decrypt_file")
    assert_decrypted(response, sealed, "report.pdf")


def test_curl_puts_a_file(server, tmp_path, sealed, path):
    response = curl(tmp_path, *with_key(sealed), "-T", path, server.url + "/decrypt_file/")
    assert_decrypted(response, sealed, "report.pdf")


@pytest.mark.parametrize("place", ["/decrypt_file", "/decrypt_file/"])
def test_curl_puts_a_pipe_without_a_name(server, tmp_path, sealed, place):
    response = curl(tmp_path, *with_key(sealed), "-T", "-", server.url + place, stdin=sealed.file)
    assert_decrypted(response, sealed)


def test_curl_posts_the_bare_file(server, tmp_path, sealed, path):
    response = curl(tmp_path, *with_key(sealed), "--data-binary", f"@{path}", "-H",
                    "Content-Type: application/octet-stream", server.url + "/decrypt_file")
    assert_decrypted(response, sealed)


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_curl_puts_a_file_over_tls(server, tmp_path, sealed, path, version):
    response = curl(tmp_path, *with_key(sealed), version, "--cacert", server.certificate, "-T",
                    path, server.tls_url + "/decrypt_file/")
    assert_decrypted(response, sealed, "report.pdf")


def test_curl_can_be_given_the_key_by_a_pipe(server, tmp_path, sealed, path):
    command = (f"printf 'Encryption-Key: {sealed.key}\\n' | curl -sS --fail-with-body -H @- "
               f"-T '{path.name}' -OJ {server.url}/decrypt_file/")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / "report.pdf").read_bytes() == sealed.plaintext


def answer_of(answer):
    return Response(answer.status_code, list(answer.headers.items()), answer.content, True)


def in_pieces(data):
    return (data[i:i + 65536] for i in range(0, len(data), 65536))


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_requests_posts_a_form_and_reads_last(server, sealed, path, tls):
    with open(path, "rb") as file:
        answer = requests.post((server.tls_url if tls else server.url) + "/decrypt_file",
                               files={"file": file}, headers=dict([sealed.header]),
                               verify=server.certificate)
    assert_decrypted(answer_of(answer), sealed, "report.pdf")


@pytest.mark.parametrize("send", [requests.post, requests.put], ids=["post", "put"])
@pytest.mark.parametrize("make", [bytes, in_pieces], ids=["bytes", "generator"])
def test_requests_sends_the_bare_file(server, sealed, send, make):
    answer = send(server.url + "/decrypt_file", data=make(sealed.file),
                  headers=dict([sealed.header]))
    assert_decrypted(answer_of(answer), sealed)


def test_a_session_of_requests_sends_one_after_the_other(server, sealed):
    with requests.Session() as session:
        session.headers["Encryption-Key"] = sealed.key
        for _ in range(3):
            answer = session.post(server.url + "/decrypt_file", files={"file": sealed.file})
            assert_decrypted(answer_of(answer), sealed, "decrypted_file")  # requests calls it file
