# SPDX-License-Identifier: Apache-2.0
"""The clients that people have: curl, requests, Node, Go, and what Chrome and Firefox send."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from support import age, go
from support.age_files import assert_age
from support.answers import assert_encrypted, assert_error
from support.forms import FORM
from support.raw_http import Response, exchange, request
from support.sources import curl

CLIENTS = Path(__file__).parent / "clients"
PLAINTEXTS = {"empty": b"", "small": b"Attack at dawn.\n", "200 KiB": os.urandom(200 << 10)}
each_plaintext = pytest.mark.parametrize("plaintext", PLAINTEXTS.values(), ids=PLAINTEXTS)


@pytest.fixture
def report(tmp_path):
    return tmp_path / "report.pdf"


@each_plaintext
def test_curl_posts_a_form(server, tmp_path, report, plaintext):
    report.write_bytes(plaintext)
    response = curl(tmp_path, "-F", "note=x", "-F", f"file=@{report}", server.url + "/encrypt_file")
    assert_encrypted(response, plaintext, "encrypted_report.pdf")


@each_plaintext
def test_curl_puts_a_file(server, tmp_path, report, plaintext):
    report.write_bytes(plaintext)
    response = curl(tmp_path, "-T", report, server.url + "/encrypt_file/")
    assert_encrypted(response, plaintext, "encrypted_report.pdf")


@each_plaintext
@pytest.mark.parametrize("path", ["/encrypt_file", "/encrypt_file/"])
def test_curl_puts_a_pipe_without_a_name(server, tmp_path, plaintext, path):
    response = curl(tmp_path, "-T", "-", server.url + path, stdin=plaintext)
    assert_encrypted(response, plaintext)


@each_plaintext
def test_curl_posts_the_bare_file(server, tmp_path, report, plaintext):
    report.write_bytes(plaintext)
    response = curl(tmp_path, "--data-binary", f"@{report}", "-H",
                    "Content-Type: application/pdf", server.url + "/encrypt_file")
    assert_encrypted(response, plaintext)


def test_curl_is_told_when_it_says_that_a_file_is_a_urlencoded_form(server, tmp_path, report):
    report.write_bytes(b"x")
    response = curl(tmp_path, "--data-binary", f"@{report}", server.url + "/encrypt_file")
    assert_error(response, 415, "unsupported_media_type", "multipart/form-data")


@each_plaintext
@pytest.mark.parametrize("headers", [{}, {"Content-Type": "image/png"}], ids=["no type", "a type"])
def test_requests_posts_the_bare_file(server, plaintext, headers):
    answer = requests.post(server.url + "/encrypt_file", data=plaintext, headers=headers)
    response = Response(answer.status_code, list(answer.headers.items()), answer.content, True)
    assert_encrypted(response, plaintext)


def test_requests_posts_a_generator(server):
    pieces = [b"one ", b"two ", b"three"]
    answer = requests.post(server.url + "/encrypt_file", data=iter(pieces))
    response = Response(answer.status_code, list(answer.headers.items()), answer.content, True)
    assert_encrypted(response, b"".join(pieces))


@each_plaintext
@pytest.mark.parametrize("options", ["?format=age", "?format=age&armor=true"])
def test_requests_posts_a_form_for_a_file_of_age(server, plaintext, options):
    answer = requests.post(server.url + "/encrypt_file" + options,
                           files={"file": ("report.pdf", plaintext)})
    response = Response(answer.status_code, list(answer.headers.items()), answer.content, True)
    assert_age(response, plaintext, "report.pdf.age", "armor" in options)


def test_requests_names_recipients_by_its_own_means(server):
    people = [age.keygen() for _ in range(3)]
    answer = requests.post(server.url + "/encrypt_file", data=b"x", params={
        "format": "age", "recipient": [person.recipient for person in people], "armor": "true"})
    response = Response(answer.status_code, list(answer.headers.items()), answer.content, True)
    assert_age(response, b"x", armor=True, identities=[person.secret for person in people])


def run_json_client(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    headers = [tuple(header) for header in answer["headers"]]
    return Response(answer["status"], headers, answer["body"].encode("latin-1"), True)


@each_plaintext
def test_node_posts_a_form(server, report, plaintext):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    report.write_bytes(plaintext)
    script = CLIENTS / "upload.mjs"
    response = run_json_client("node", script, server.url + "/encrypt_file", report, 'a "b" é.txt')
    assert_encrypted(response, plaintext, 'encrypted_a "b" é.txt')


@each_plaintext
@pytest.mark.parametrize("options", ["?format=age", "?format=age&armor=true"])
def test_node_posts_a_form_for_a_file_of_age(server, report, plaintext, options):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    report.write_bytes(plaintext)
    url = server.url + "/encrypt_file" + options
    response = run_json_client("node", CLIENTS / "upload.mjs", url, report, 'a "b" é.txt')
    assert_age(response, plaintext, 'a "b" é.txt.age', "armor" in options)


@pytest.fixture(scope="session")
def go_client(tmp_path_factory):
    return go.built("upload.go", tmp_path_factory)


@each_plaintext
def test_go_posts_a_form(server, go_client, report, plaintext):
    report.write_bytes(plaintext)
    url = server.url + "/encrypt_file"
    response = run_json_client(go_client, url, report, 'a "b" é.txt')
    assert_encrypted(response, plaintext, 'encrypted_a "b" é.txt')


def browser_form(delimiter, filename, plaintext):
    """A form with a text field, the chosen file, and a submit button, as browsers lay it out."""
    return "".join([
        f'{delimiter}\r\nContent-Disposition: form-data; name="note"\r\n\r\nseen\r\n',
        f'{delimiter}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n',
        "Content-Type: text/plain\r\n\r\n",
    ]).encode() + plaintext + "".join([
        f'\r\n{delimiter}\r\nContent-Disposition: form-data; name="go"\r\n\r\nEncrypt\r\n',
        f"{delimiter}--\r\n",
    ]).encode()


CHROME = [
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("sec-ch-ua", '"Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"'),
    ("Upgrade-Insecure-Requests", "1"),
    ("Origin", "http://localhost:5000"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/124.0.0.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Referer", "http://localhost:5000/"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "de-DE,de;q=0.9,en;q=0.8"),
]
FIREFOX = [
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Origin", "null"),
    ("Connection", "keep-alive"),
    ("Upgrade-Insecure-Requests", "1"),
]
BROWSERS = {
    "Chrome": (CHROME, "----WebKitFormBoundaryePkpFF7tjBAqx29L"),
    "Firefox": (FIREFOX, "---------------------------9051914041544843365972754266"),
    "Firefox of 2024": (FIREFOX, "----geckoformboundary5b2ae4d6b8f33fb3a3ac4b4f0ee0a2a7"),
}


@each_plaintext
@pytest.mark.parametrize("headers, boundary", BROWSERS.values(), ids=BROWSERS)
def test_a_browser_posts_a_form(server, headers, boundary, plaintext):
    body = browser_form("--" + boundary, "h%22i%22 ü.txt", plaintext)
    typed = [*headers, ("Content-Type", FORM + boundary)]
    response = exchange(server.port, request("POST", "/encrypt_file", typed, body))
    assert_encrypted(response, plaintext, 'encrypted_h"i" ü.txt')
