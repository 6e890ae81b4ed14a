# SPDX-License-Identifier: Apache-2.0
"""What every answer of the contract must look like."""

import re
import urllib.parse

from cryptography.fernet import Fernet, InvalidToken

from support.fernet import token_size

KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
TOKEN = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
DISPOSITION = re.compile(
    r'attachment; filename="((?:[ !#-\[\]-~]|\\["\\])*)"'
    r"(?:; filename\*=UTF-8''((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})+))?"
)


def assert_encrypted(response, plaintext, name="encrypted_file.txt", key=None):
    """A whole, good answer that decrypts to plaintext; key is the client's own, if it sent one."""
    assert response.status == 200, (response.status, response.body[:300])
    assert response.complete
    assert_headers_of_success(response)
    assert file_name_of(response) == name
    if key is None:
        key = response.header("Encryption-Key")
        assert KEY.fullmatch(key), key
    else:
        assert response.header("Encryption-Key") is None
    assert TOKEN.fullmatch(response.body)
    assert len(response.body) == token_size(len(plaintext))
    assert Fernet(key).decrypt(response.body) == plaintext


def assert_headers_of_success(response, encryption_format="fernet",
                              content_type="text/plain; charset=utf-8"):
    assert response.header("Content-Type") == content_type
    assert response.header("Encryption-Format") == encryption_format
    assert response.header("Cache-Control") == "no-store"
    assert response.header("X-Content-Type-Options") == "nosniff"
    for name in ("Content-Encoding", "Accept-Ranges", "ETag", "Last-Modified", "Content-Range"):
        assert response.header(name) is None, name


def file_name_of(response):
    """The name under which a browser saves the answer."""
    value = response.header("Content-Disposition")
    match = DISPOSITION.fullmatch(value)
    assert match, value
    if match[2] is not None:
        return urllib.parse.unquote(match[2], errors="strict")
    return re.sub(r"\\(.)", r"\1", match[1])


def assert_error(response, status, code, sentence=""):
    """An error of the table: JSON with a sentence that a person can act on."""
    assert (response.status, response.complete) == (status, True), response.body[:300]
    media_type = response.header("Content-Type").split(";")[0]
    assert media_type == "application/json"
    assert response.header("Encryption-Key") is None
    error = response.json()
    assert error["code"] == code, error
    assert len(error["error"].split()) >= 3, "not a sentence: " + error["error"]
    assert re.search(sentence, error["error"], re.IGNORECASE), error["error"]


def assert_no_whole_token(received):
    """Whatever came before a cut: no part of it may pass for an encrypted file."""
    assert b"\r\n0\r\n" not in received, "the chunked answer was ended properly"
    key = re.search(rb"(?i)\r\nEncryption-Key: (\S+)", received)
    if key is None:
        return
    assert_no_token_begins(unchunk(received.partition(b"\r\n\r\n")[2]), key[1])


def assert_no_token(response):
    """The same for an answer whose head came."""
    assert not response.complete
    assert_no_token_begins(response.body, response.header("Encryption-Key"))


def assert_no_token_begins(body, key):
    for end in range(len(body) // 4 * 4, max(0, len(body) - 400), -4):
        try:
            Fernet(key).decrypt(body[:end])
        except InvalidToken:
            continue
        raise AssertionError("a whole token was sent")


def unchunk(body):
    """The content of a chunked body that may be cut; any other body as it is."""
    content = b""
    rest = body
    while match := re.match(rb"([0-9a-f]+)\r\n", rest):
        size = int(match[1], 16)
        content += rest[match.end():match.end() + size]
        rest = rest[match.end() + size + 2:]
    return content or body
