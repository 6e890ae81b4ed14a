# SPDX-License-Identifier: Apache-2.0
"""A real browser posts a real form, and saves the answer as a file. It reads nothing before it has sent
everything."""

import hashlib
import importlib.util
import os

import pytest

from support import browser as browsers
from support.fernet import TokenVerifier, token_size
from support.sources import LARGE_MIB, MIB
from support.spool import spooling  # noqa: F401

SIZES = {"empty": 0, "small": 1000, "1 MiB": MIB, "50 MiB": 50 * LARGE_MIB // 1024 * MIB,
         "300 MiB": 300 * LARGE_MIB // 1024 * MIB}
each_protocol = pytest.mark.parametrize("protocol", ["http/1.1", "h2"])


@pytest.fixture(scope="module")
def browser():
    if not (browsers.CHROMIUM.exists() and browsers.DRIVER.exists()
            and importlib.util.find_spec("selenium")):
        pytest.skip("chromium, chromium-driver or python3-selenium is not installed")
    with browsers.browser() as started:
        yield started


def url_of(server, protocol):
    return server.url if protocol == "http/1.1" else server.tls_url


def write_random(path, n):
    """n bytes; returns their SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while n > 0:
            piece = os.urandom(min(n, MIB))
            file.write(piece)
            digest.update(piece)
            n -= len(piece)
    return digest.hexdigest()


def decrypt(path, key):
    verifier = TokenVerifier(key)
    with open(path, "rb") as file:
        while piece := file.read(MIB):
            verifier.update(piece)
    return verifier.finish()


@each_protocol
@pytest.mark.parametrize("n_bytes", SIZES.values(), ids=SIZES)
def test_a_form_of_a_browser_comes_back_as_a_download(
        server, browser, tmp_path, protocol, n_bytes):
    path = tmp_path / f"{protocol.replace('/', '-')}-{n_bytes}.bin"
    sha256 = write_random(path, n_bytes)
    answer = browser.send(url_of(server, protocol), path)
    assert (answer.status, answer.protocol, answer.state) == (200, protocol, "completed"), answer
    assert answer.name == f"encrypted_{path.name}"
    download = browser.downloads / answer.name
    assert download.stat().st_size == token_size(n_bytes)
    assert decrypt(download, answer.headers["encryption-key"]) == sha256
    download.unlink()


@each_protocol
@pytest.mark.parametrize("name", ["Prüfung 1.txt", "見本.pdf", "no extension", "a;b,c=d'e.txt"])
def test_a_download_has_the_name_of_the_upload(server, browser, tmp_path, protocol, name):
    path = tmp_path / name
    sha256 = write_random(path, 100)
    answer = browser.send(url_of(server, protocol), path)
    assert (answer.state, answer.name) == ("completed", f"encrypted_{name}")
    download = browser.downloads / answer.name
    assert decrypt(download, answer.headers["encryption-key"]) == sha256
    download.unlink()


@each_protocol
def test_somebody_who_has_chosen_no_file_is_told_so(server, browser, protocol):
    answer = browser.send(url_of(server, protocol), None)
    assert (answer.status, answer.state) == (400, "shown")
    assert "missing_file" in browser.text()


@each_protocol
def test_an_answer_that_is_cut_leaves_no_file_that_passes_for_a_whole_one(
        spooling, browser, tmp_path, protocol):
    server = spooling(spool_request_max="8m")
    path = tmp_path / "cut.bin"
    write_random(path, 64 * MIB)
    answer = browser.send(url_of(server, protocol), path)
    assert answer.state in ("canceled", "failed"), answer
    assert not (browser.downloads / "encrypted_cut.bin").exists()
