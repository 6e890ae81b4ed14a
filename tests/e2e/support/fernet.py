# SPDX-License-Identifier: Apache-2.0
"""Verifies a Fernet token of any size in constant memory, strictly."""

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HEADER_BYTES = 1 + 8 + 16
MAC_BYTES = 32
BLOCK_BYTES = 16
# Larger ones cost ten times as much: each copy of theirs is new memory from the kernel.
PIECE_CHARS = 64 << 10
# The URL's alphabet to the standard one; the standard one's own characters to none.
ALPHABET = bytes.maketrans(b"-_+/", b"+/!!")


class InvalidToken(Exception):
    pass


def token_size(n):
    """The characters of the token of a file of n bytes."""
    return 4 * ((57 + 16 * (n // 16 + 1) + 2) // 3)


class TokenVerifier:
    """update() with the token as it comes, then finish(): returns the SHA-256 of the plaintext."""

    def __init__(self, key):
        raw = base64.urlsafe_b64decode(key)
        self._mac = hmac.new(raw[:16], digestmod="sha256")
        self._encryption_key = raw[16:]
        self._decryptor = None
        self._text = b""
        self._raw = b""
        self._last_block = b""
        self._digest = hashlib.sha256()
        self.n_plaintext = 0

    def update(self, text):
        for start in range(0, len(text), PIECE_CHARS):
            self._update(text[start:start + PIECE_CHARS])

    def _update(self, text):
        text = self._text + text
        usable = len(text) // 4 * 4
        if b"=" in text[max(0, usable - 4):usable] and len(text) > usable:
            raise InvalidToken("text after the padding")
        self._text = text[usable:]
        self._take(self._decode(text[:usable]))

    def finish(self):
        if self._text or len(self._raw) != MAC_BYTES or not self._last_block:
            raise InvalidToken("cut")
        if not hmac.compare_digest(self._mac.digest(), self._raw):
            raise InvalidToken("HMAC")
        self._unpad()
        return self._digest.hexdigest()

    def _decode(self, text):
        try:
            return binascii.a2b_base64(text.translate(ALPHABET), strict_mode=True)
        except binascii.Error as error:
            raise InvalidToken(str(error)) from error

    def _take(self, raw):
        self._raw += raw
        if self._decryptor is None:
            if len(self._raw) < HEADER_BYTES:
                return
            self._begin(self._raw[:HEADER_BYTES])
            self._raw = self._raw[HEADER_BYTES:]
        usable = max(0, len(self._raw) - MAC_BYTES) // BLOCK_BYTES * BLOCK_BYTES
        if usable:
            self._decrypt(self._raw[:usable])
            self._raw = self._raw[usable:]

    def _begin(self, header):
        if header[0] != 0x80:
            raise InvalidToken("version")
        self._mac.update(header)
        mode = modes.CBC(header[9:])
        self._decryptor = Cipher(algorithms.AES(self._encryption_key), mode).decryptor()

    def _decrypt(self, ciphertext):
        self._mac.update(ciphertext)
        plaintext = self._last_block + self._decryptor.update(ciphertext)
        self._release(plaintext[:-BLOCK_BYTES])
        self._last_block = plaintext[-BLOCK_BYTES:]

    def _release(self, plaintext):
        self._digest.update(plaintext)
        self.n_plaintext += len(plaintext)

    def _unpad(self):
        n = self._last_block[-1]
        if not 1 <= n <= BLOCK_BYTES or self._last_block[-n:] != bytes([n]) * n:
            raise InvalidToken("padding")
        self._release(self._last_block[:-n])
