# SPDX-License-Identifier: Apache-2.0
"""The tests' own tools notice what they are there to notice."""

import base64
import hashlib
import os
import socket
import threading

import pytest
from cryptography.fernet import Fernet

from support import nginx
from support.answers import assert_no_whole_token
from support.fernet import InvalidToken, TokenVerifier, token_size
from support.raw_http import Closed, RawClient, chunked

KEY = Fernet.generate_key()
PLAINTEXT = os.urandom(1000)
TOKEN = Fernet(KEY).encrypt(PLAINTEXT)


def verify(token, step):
    verifier = TokenVerifier(KEY)
    for start in range(0, len(token), step):
        verifier.update(token[start:start + step])
    return verifier.finish()


@pytest.mark.parametrize("step", [1, 3, 64, 10_000])
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 31, 32, 1000])
def test_the_verifier_finds_the_plaintext(n, step):
    plaintext = PLAINTEXT[:n]
    token = Fernet(KEY).encrypt(plaintext)
    assert verify(token, step) == hashlib.sha256(plaintext).hexdigest()
    assert len(token) == token_size(n)


def flipped(i):
    raw = bytearray(base64.urlsafe_b64decode(TOKEN))
    raw[i] ^= 1
    return base64.urlsafe_b64encode(raw)


DAMAGED = {
    "empty": b"", "cut by a character": TOKEN[:-1], "cut by four": TOKEN[:-4],
    "cut by a block": TOKEN[:-64], "a newline behind it": TOKEN + b"\n",
    "four characters behind it": TOKEN + b"AAAA", "a space inside": TOKEN[:8] + b"    " + TOKEN[8:],
    "another alphabet": TOKEN[:40] + b"+///" + TOKEN[44:],
    "another version": flipped(0), "another time": flipped(5), "another IV": flipped(10),
    "another ciphertext": flipped(100), "another HMAC": flipped(-1),
}


@pytest.mark.parametrize("step", [1, 64, 10_000])
@pytest.mark.parametrize("token", DAMAGED.values(), ids=DAMAGED)
def test_the_verifier_refuses_a_damaged_token(token, step):
    with pytest.raises(InvalidToken):
        verify(token, step)


@pytest.mark.parametrize("body, ended", [
    (TOKEN, True), (chunked(TOKEN), True), (chunked(TOKEN, 100)[:-5], True),
    (TOKEN[:-1], False), (chunked(TOKEN[:-1])[:-5], False), (chunked(TOKEN[:-1]), True),
])
def test_a_whole_token_is_noticed_before_a_cut(body, ended):
    received = b"HTTP/1.1 200 OK\r\nEncryption-Key: " + KEY + b"\r\n\r\n" + body
    if not ended:
        assert_no_whole_token(received)
        return
    with pytest.raises(AssertionError):
        assert_no_whole_token(received)


def answered(data):
    """The answer that a client reads when a server sends data and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            connection, _ = listener.accept()
            connection.sendall(data)
            connection.close()
        threading.Thread(target=serve, daemon=True).start()
        with RawClient(listener.getsockname()[1]) as client:
            return client.read_response()


@pytest.mark.parametrize("framing, whole", [
    (b"Content-Length: 3\r\n\r\nabc", True), (b"Content-Length: 4\r\n\r\nabc", False),
    (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", True),
    (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", False),
    (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", False),
    (b"Transfer-Encoding: chunked\r\n\r\n4\r\nabc", False),
])
def test_the_client_notices_a_cut(framing, whole):
    response = answered(b"HTTP/1.1 200 OK\r\n" + framing)
    assert (response.body, response.complete) == (b"abc", whole)


def test_the_client_notices_that_nothing_came():
    with pytest.raises(Closed):
        answered(b"")


@pytest.mark.parametrize("line", [
    "2026/01/01 00:00:00 [alert] 1#1: worker process 2 exited on signal 11",
    "2026/01/01 00:00:00 [crit] 1#1: open() failed", "[emerg] 1#1: bind() failed",
    "==1==ERROR: AddressSanitizer: heap-use-after-free", "a.c:1:2: runtime error: overflow",
])
def test_trouble_in_a_log_is_noticed(line):
    assert nginx.TROUBLE.search(line)


def test_an_aborted_request_in_a_log_is_no_trouble():
    assert not nginx.TROUBLE.search("[info] 1#1: *2 client prematurely closed connection")
