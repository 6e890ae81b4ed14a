# SPDX-License-Identifier: Apache-2.0
"""What stands in a worker's memory: the search for secrets, and what they look like there."""

import base64

import pytest
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from support import bech32, process
from support.age_files import derive
from support.nginx import SANITIZED

searches_memory = pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is terabytes wide")


def text_needles(text):
    """Text as it is, and as HTTP/2 encodes it: in bits, which may begin anywhere in a byte."""
    codes = [f"{REQUEST_CODES[byte]:0{REQUEST_CODES_LENGTH[byte]}b}" for byte in text.encode()]
    bits = "".join(codes)
    needles = {"text": text.encode()}
    for shift in range(8):
        n = (len(bits) - shift) // 8
        needles[f"huffman {shift}"] = int(bits[shift:shift + 8 * n], 2).to_bytes(n, "big")
    return needles


def fernet_needles(key):
    """The key as text, its raw bytes, and each half: the one that signs, the one that encrypts."""
    raw = base64.urlsafe_b64decode(key)
    return {**text_needles(key), "raw": raw, "signing": raw[:16], "encrypting": raw[16:]}


def identity_needles(secret):
    """The identity as text, its raw bytes, and those as X25519 takes them."""
    raw = bech32.decode(secret)
    clamped = bytes([raw[0] & 248, *raw[1:31], raw[31] & 127 | 64])
    # Of the text what stands before it is no secret.
    return {**text_needles(secret[len("AGE-SECRET-KEY-1"):]), "raw": raw, "clamped": clamped}


def file_needles(parts, secret):
    """The keys of one file of age, which an identity leads to."""
    needles = {"file key": parts.file_key(secret), "payload key": parts.payload_key(secret),
               "MAC key": derive(parts.file_key(secret), b"", b"header")}
    for i, stanza in enumerate(parts.stanzas):
        if stanza.file_key(secret):
            needles[f"shared {i}"], needles[f"wrapping {i}"] = stanza.keys(secret)
    return needles


def found_in(worker, needles):
    names = {needle.hex(): name for name, needle in needles.items()}
    return [names[n] for n in process.as_root(process.find_in_memory, worker, list(names))]


def assert_forgotten(worker, needles):
    """The client may have its answer a moment before the worker is done with the request."""
    found = []

    def is_forgotten():
        found[:] = found_in(worker, needles)
        return not found

    assert process.wait_until(is_forgotten, seconds=2), found
