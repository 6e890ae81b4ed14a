# SPDX-License-Identifier: Apache-2.0
"""The clients that people have, with large files too: none hangs, and none gets a wrong answer."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from support import go
from support.answers import assert_headers_of_success
from support.fernet import TokenVerifier, token_size
from support.raw_http import Response
from support.sources import LARGE_MIB, MIB, Plaintext, Upload, write_file

CLIENTS = Path(__file__).parent / "clients"
SIZES_MIB = {"empty": 0, "1 MiB": 1, "50 MiB": 50 * LARGE_MIB // 1024,
             "300 MiB": 300 * LARGE_MIB // 1024}
TIMEOUT_SECONDS = 120

each_size = pytest.mark.parametrize("size", SIZES_MIB)
each_kind = pytest.mark.parametrize("kind", ["form", "body"])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    made = {}
    for name, mib in SIZES_MIB.items():
        plaintext = Plaintext(mib)
        made[name] = (folder / f"{mib}.bin", plaintext)
        write_file(*made[name])
    yield made
    shutil.rmtree(folder)


class Expected:
    """What must come back for one of the files."""

    def __init__(self, path, plaintext):
        self.path = path
        self.sha256 = plaintext.sha256
        self.n_token = token_size(plaintext.mib * MIB)

    def judge(self, head, pieces):
        """Takes the answer's body piece by piece, and holds none of it."""
        assert head.status == 200, (head.status, b"".join(pieces)[:300])
        assert_headers_of_success(head)
        verifier = TokenVerifier(head.header("Encryption-Key"))
        n_token = 0
        for piece in pieces:
            verifier.update(piece)
            n_token += len(piece)
        self.judge_end(head, verifier.finish(), n_token)

    def judge_end(self, head, sha256, n_token):
        assert (sha256, n_token) == (self.sha256, self.n_token)
        assert int(head.header("Content-Length") or n_token) == n_token


@pytest.fixture
def expected(files, size):
    return Expected(*files[size])


@each_kind
@each_size
def test_requests(server, expected, kind):
    with open(expected.path, "rb") as file:
        sent = {"files": {"file": file}} if kind == "form" else {"data": file}
        answer = requests.post(server.url + "/encrypt_file", stream=True, timeout=TIMEOUT_SECONDS,
                               **sent)
    with answer:
        head = Response(answer.status_code, list(answer.headers.items()))
        expected.judge(head, answer.iter_content(1 << 20))


def curl_uploads(folder, expected, kind, url, *options):
    sent = ["-F", f"file=@{expected.path}"] if kind == "form" else ["-T", expected.path]
    upload = Upload(folder, *options, *sent, url + "/encrypt_file")
    head, sha256 = upload.verify()
    assert head.status == 200
    assert_headers_of_success(head)
    expected.judge_end(head, sha256, upload.n_answer)


@each_kind
@each_size
def test_curl(server, tmp_path, expected, kind):
    curl_uploads(tmp_path, expected, kind, server.url)


@pytest.mark.parametrize("version, line", [
    ("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200"),
], ids=["HTTP 1.1", "HTTP 2"])
@each_kind
@each_size
def test_curl_over_tls(server, tmp_path, expected, kind, version, line):
    curl_uploads(tmp_path, expected, kind, server.tls_url, version, "--cacert", server.certificate)
    assert line in (tmp_path / "headers").read_text()


def run_client(folder, expected, *command):
    """A client that writes the answer to its standard output and the head to a file."""
    head_path = folder / "head.json"
    words = ["setpriv", "--pdeathsig", "KILL", *command, expected.path, head_path]
    client = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE)
    try:
        first = client.stdout.read1(1 << 20)
        head = json.loads(head_path.read_text())
        response = Response(head["status"], [tuple(header) for header in head["headers"]])
        expected.judge(response, pieces_of(first, client.stdout))
        assert client.wait(TIMEOUT_SECONDS) == 0
    finally:
        client.kill()
        client.communicate()


def pieces_of(first, file):
    yield first
    while piece := file.read1(1 << 20):
        yield piece


@pytest.mark.parametrize("means", ["fetch", "http"])
@each_kind
@each_size
def test_node(server, tmp_path, expected, kind, means):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    run_client(tmp_path, expected, "timeout", TIMEOUT_SECONDS, "node", CLIENTS / "large.mjs", means,
               kind, server.url + "/encrypt_file")


@pytest.fixture(scope="module")
def go_client(tmp_path_factory):
    return go.built("large.go", tmp_path_factory)


@each_kind
@each_size
def test_go(server, tmp_path, go_client, expected, kind):
    run_client(tmp_path, expected, "timeout", TIMEOUT_SECONDS, go_client, kind,
               server.url + "/encrypt_file")
