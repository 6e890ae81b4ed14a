# SPDX-License-Identifier: Apache-2.0
"""Fernet tokens against the published vectors and against Python's cryptography."""

import datetime
import json
import os
import pathlib
import random
import subprocess

import cryptography_vectors
import pytest
from cryptography.fernet import Fernet

FERNET_TOKENS = os.environ["FERNET_TOKENS"]
VECTORS = pathlib.Path(cryptography_vectors.__file__).parent / "fernet"

# Around what the code handles in one piece, and what a client or a network may hand over.
SIZES = [12288, 16384, 65536]
LENGTHS = [
    *range(81),
    *(size + delta for size in SIZES for delta in (-17, -16, -15, -1, 0, 1, 15, 16, 17)),
    5 * 1024 * 1024 - 1,
    5 * 1024 * 1024,
    5 * 1024 * 1024 + 1,
]


def make_tokens(requests):
    """The tokens for (key, time, iv, plaintext) tuples, made by the C program."""
    lines = "".join(
        f"{key} {time} {iv.hex()} {plain.hex()}\n" for key, time, iv, plain in requests
    )
    done = subprocess.run(
        [FERNET_TOKENS], input=lines.encode(), stdout=subprocess.PIPE, check=True, timeout=120
    )
    tokens = done.stdout.decode().splitlines()
    assert len(tokens) == len(requests)
    return tokens


def test_the_published_vectors_come_out():
    vectors = json.loads((VECTORS / "generate.json").read_text())
    assert vectors
    requests = [
        (
            vector["secret"],
            int(datetime.datetime.fromisoformat(vector["now"]).timestamp()),
            bytes(vector["iv"]),
            vector["src"].encode(),
        )
        for vector in vectors
    ]
    assert make_tokens(requests) == [vector["token"] for vector in vectors]


@pytest.mark.parametrize("seed", [1, 2])
def test_python_decrypts_every_length(seed):
    rng = random.Random(seed)
    requests = [
        (
            Fernet.generate_key().decode(),
            rng.randrange(1 << 33),
            rng.randbytes(16),
            rng.randbytes(length),
        )
        for length in LENGTHS
    ]
    for (key, time, _, plain), token in zip(requests, make_tokens(requests)):
        fernet = Fernet(key)
        assert fernet.decrypt(token.encode()) == plain, f"length {len(plain)}"
        assert fernet.extract_timestamp(token.encode()) == time


def test_python_makes_the_same_tokens():
    rng = random.Random(3)
    key = Fernet.generate_key()
    requests = [
        (key.decode(), 1_700_000_000 + length, rng.randbytes(16), rng.randbytes(length))
        for length in LENGTHS
    ]
    for (_, time, iv, plain), token in zip(requests, make_tokens(requests)):
        expected = Fernet(key)._encrypt_from_parts(plain, time, iv)
        assert token.encode() == expected, f"length {len(plain)}"


@pytest.mark.parametrize("damaged", ["key", "iv", "plain"])
def test_a_line_that_is_none_is_refused(damaged):
    parts = {"key": Fernet.generate_key().decode(), "time": "1", "iv": "00" * 16, "plain": "00"}
    parts[damaged] = parts[damaged][:-1] + "!"
    done = subprocess.run(
        [FERNET_TOKENS], input=" ".join(parts.values()).encode(), stdout=subprocess.PIPE, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == b""
