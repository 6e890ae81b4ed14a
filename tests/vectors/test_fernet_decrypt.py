# SPDX-License-Identifier: Apache-2.0
"""The core's reader of Fernet tokens against the published vectors and Python's cryptography."""

import base64
import datetime
import json
import os
import pathlib
import random
import subprocess

import cryptography_vectors
import pytest
from cryptography.fernet import Fernet, InvalidToken

FERNET_PLAINTEXTS = os.environ["FERNET_PLAINTEXTS"]
VECTORS = pathlib.Path(cryptography_vectors.__file__).parent / "fernet"

SIZES = [12288, 16384, 65536]
LENGTHS = [
    *range(81),
    *(size + delta for size in SIZES for delta in range(-33, 34)),
    5 * 1024 * 1024 - 1,
    5 * 1024 * 1024,
    5 * 1024 * 1024 + 1,
]

# How each of invalid.json has to fail, by its "desc".
FAILURES = {
    "incorrect mac": "fernet_mac",
    "too short": "fernet_token",
    "invalid base64": "fernet_token",
    "payload size not multiple of block size": "fernet_token",
    "payload padding error": "fernet_padding",
    "far-future TS (unacceptable clock skew)": "fernet_expired",
    "expired TTL": "fernet_expired",
    "incorrect IV (causes padding error)": "fernet_padding",
}


def decrypt(requests):
    """What the C program says to (key, ttl, now, token): (status, time, plaintext) each."""
    lines = "".join(
        f"{key} {'-' if ttl is None else ttl} {now} {token.hex()}\n"
        for key, ttl, now, token in requests
    )
    done = subprocess.run(
        [FERNET_PLAINTEXTS], input=lines.encode(), stdout=subprocess.PIPE, check=True, timeout=120
    )
    answers = [line.split(" ") for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(requests)
    return [
        (status, int(rest[0]), bytes.fromhex(rest[1])) if rest else (status, None, None)
        for status, *rest in answers
    ]


def request_of(vector):
    now = int(datetime.datetime.fromisoformat(vector["now"]).timestamp())
    return vector["secret"], vector["ttl_sec"], now, vector["token"].encode()


def test_the_published_tokens_decrypt():
    vectors = json.loads((VECTORS / "verify.json").read_text())
    assert vectors
    answers = decrypt([request_of(vector) for vector in vectors])
    assert [answer[0] for answer in answers] == ["ok"] * len(vectors)
    assert [answer[2] for answer in answers] == [vector["src"].encode() for vector in vectors]


def test_the_published_invalid_tokens_fail_as_they_should():
    vectors = json.loads((VECTORS / "invalid.json").read_text())
    answers = decrypt([request_of(vector) for vector in vectors])
    failures = {vector["desc"]: answer[0] for vector, answer in zip(vectors, answers)}
    assert failures == FAILURES


def test_what_python_encrypts_decrypts():
    rng = random.Random(1)
    key = Fernet.generate_key().decode()
    fernet = Fernet(key)
    plains = [rng.randbytes(length) for length in LENGTHS]
    times = [rng.randrange(1 << 33) for _ in plains]
    requests = [
        (key, None, 0, fernet.encrypt_at_time(plain, time)) for plain, time in zip(plains, times)
    ]
    for plain, time, answer in zip(plains, times, decrypt(requests)):
        assert answer == ("ok", time, plain), f"length {len(plain)}"


def python_accepts(key, ttl, now, token):
    try:
        if ttl is None:
            Fernet(key).decrypt(token)
        else:
            Fernet(key).decrypt_at_time(token, ttl, now)
    except InvalidToken:
        return False
    return True


@pytest.mark.parametrize("seed", [2, 3])
def test_altered_raw_tokens_are_refused_as_python_refuses_them(seed):
    """Altered below base64, of which Python is less strict: bytes changed, added, left out."""
    rng = random.Random(seed)
    key = Fernet.generate_key().decode()
    requests = []
    for _ in range(2000):
        now = 1_700_000_000
        made = now + rng.choice([-61, -60, -59, 0, 59, 60, 61, 1000])
        raw = bytearray(
            base64.urlsafe_b64decode(Fernet(key).encrypt_at_time(rng.randbytes(rng.randrange(70)), made))
        )
        match rng.randrange(5):
            case 0:
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            case 1:
                del raw[rng.randrange(len(raw)) :]
            case 2:
                raw.insert(rng.randrange(len(raw) + 1), rng.randrange(256))
            case 3:
                raw += rng.randbytes(16)
        ttl = rng.choice([None, 0, 60])
        requests.append((key, ttl, now, base64.urlsafe_b64encode(raw)))
    answers = decrypt(requests)
    accepted = [answer[0] == "ok" for answer in answers]
    assert accepted == [python_accepts(*request) for request in requests]
    assert 100 < sum(accepted) < 1900


def test_a_line_that_is_none_is_refused():
    done = subprocess.run(
        [FERNET_PLAINTEXTS], input=b"no-key - 0 00", stdout=subprocess.PIPE, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == b""
