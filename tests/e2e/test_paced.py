# SPDX-License-Identifier: Apache-2.0
"""The load client notices what it is there to notice."""

import base64

import pytest
from cryptography.fernet import Fernet

from support.fernet import token_size
from support.paced import TRANSPORTS, assert_right, only, paced  # noqa: F401

KEY = Fernet.generate_key().decode()
SIZE = 1030  # its token ends with one "=", so that two bits of the last character mean nothing
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("crypto", ["go", "openssl"])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 1000, 300_001])
def test_a_right_token_is_found_right(paced, n, crypto):
    plaintext = paced.plaintext(bytes=n, seed=5)
    assert len(plaintext) == n
    token = Fernet(KEY).encrypt(plaintext)
    assert paced.check(token, KEY, bytes=n, seed=5, crypto=crypto) is None


@pytest.fixture(scope="module")
def token(paced):
    return Fernet(KEY).encrypt(paced.plaintext(bytes=SIZE))


def flipped(token, i):
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[i] ^= 1
    return base64.urlsafe_b64encode(raw)


def with_stray_bits(token):
    assert token[-1:] == b"=" and token[-2:] != b"=="
    last = ALPHABET.index(token[-2])
    return token[:-2] + ALPHABET[last + 1:last + 2] + b"="


DAMAGES = {
    "empty": lambda token: b"",
    "cut by a character": lambda token: token[:-1],
    "cut by four": lambda token: token[:-4],
    "cut by a block": lambda token: token[:-64],
    "a newline behind it": lambda token: token + b"\n",
    "four characters behind it": lambda token: token + b"AAAA",
    "a line end inside": lambda token: token[:8] + b"\r\n\r\n" + token[8:],
    "a line end in the last group": lambda token: token[:-4] + b"\n" + token[-4:],
    "another alphabet": lambda token: token[:40] + b"+///" + token[44:],
    "bits after the last byte": lambda token: with_stray_bits(token),
    "another version": lambda token: flipped(token, 0),
    "another time": lambda token: flipped(token, 5),
    "another IV": lambda token: flipped(token, 10),
    "another ciphertext": lambda token: flipped(token, 100),
    "another last block": lambda token: flipped(token, -33),
    "another HMAC": lambda token: flipped(token, -1),
}


@pytest.mark.parametrize("crypto", ["go", "openssl"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_token_is_found_so(paced, token, damage, crypto):
    assert paced.check(damage(token), KEY, bytes=SIZE, crypto=crypto)


@pytest.mark.parametrize("n", [SIZE - 1, SIZE + 1, SIZE + 16])
def test_a_token_of_another_file_is_found_so(paced, token, n):
    assert paced.check(token, KEY, bytes=n)
    assert paced.check(token, KEY, bytes=SIZE, seed=2)


@pytest.mark.parametrize("kind", ["put", "chunked", "form"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_it_speaks_every_transport(server, paced, transport, kind):
    result = paced(server, transport, kind=kind, bytes="3m", read="paced", pause="5ms",
                   burst="256k", parallel=2)
    assert_right(result)
    for upload in result["uploads"]:
        assert (upload["bytes"], upload["answer"]) == (3 << 20, token_size(3 << 20))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_it_reports_an_error_of_the_service(server, paced, transport):
    upload = only(paced(server, transport, target="/encrypt_file?unknown=1", bytes="100k"))
    assert (upload["ok"], upload["status"]) == (False, 400)
    assert "unknown_parameter" in upload["text"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_answer_with_a_key_that_is_not_its_own_is_not_right(server, paced, transport):
    upload = only(paced(server, transport, key=KEY, bytes="100k"))
    assert upload["ok"] and "Encryption-Key" not in upload["headers"]
    other = only(paced(server, transport, bytes="1m", crypto="go",
                       headers=[("Encryption-Key", KEY)]))
    assert not other["ok"] and "key" in other["error"]


def test_its_probes_are_answered(server, paced):
    result = paced(server, probe=True, seconds=0.5, rate=40)
    assert result["ok"] and result["n"] == 20
    assert 0 < result["p50_ms"] <= result["p99_ms"] <= result["max_ms"]
