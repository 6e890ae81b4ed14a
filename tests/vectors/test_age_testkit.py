# SPDX-License-Identifier: Apache-2.0
"""age files against the test kit of C2SP (npm's cctv-age): what is a file, how the others fail, and
what may leave before that. The plaintexts that come out are the sources of the tests of encryption."""

import base64
import hashlib
import random
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from age_core import passphrase, run_files, run_parts
from support import age

KINDS = {
    "ok": "success",
    "age_no_match": "no match",
    "age_needs_passphrase": "no match",
    "age_header": "header failure",
    "age_header_too_large": "header failure",
    "age_work_factor": "header failure",
    "age_header_mac": "HMAC failure",
    "age_payload": "payload failure",
    "age_armor": "armor failure",
}
# The kit says of a file whether it is meant to be armored. Here its first byte says so: a file that
# begins otherwise than armor does is a binary one, and has no header.
NOT_SEEN_AS_ARMOR = ["armor_garbage_leading"]  # "garbage" goes before it
KIT_IDENTITY = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"
SMALL = 1 << 18  # bytes of a file that can be fed byte by byte


@dataclass
class Vector:
    name: str
    path: Path  # of the age file
    file: bytes
    expect: str = None
    payload: str = hashlib.sha256(b"").hexdigest()  # nothing may leave
    file_key: str = None
    armored: bool = False
    keys: list = field(default_factory=list)

    def read(self, line):
        key, value = line.split(": ", 1)
        if key == "identity":
            self.keys.append(value)
        elif key == "passphrase":
            self.keys.append(passphrase(value))
        elif key == "compressed":
            assert value == "zlib"
            self.file = zlib.decompress(self.file)
        elif key == "armored":
            self.armored = value == "yes"
        elif key != "comment":
            assert key in ("expect", "payload", "file key"), line
            setattr(self, key.replace(" ", "_"), value)

    @property
    def kind(self):
        return "header failure" if self.name in NOT_SEEN_AS_ARMOR else self.expect

    @property
    def outcome(self):
        return self.kind, self.payload

    def binary(self):
        """The file without its armor, which is right."""
        if not self.armored:
            return self.file
        lines = self.file.strip().splitlines()
        return base64.b64decode(b"".join(lines[1:-1]), validate=True)


class Kit:
    def __init__(self, folder):
        self.folder = folder
        script = Path(__file__).with_name("age_testkit.mjs")
        (folder / "kit").mkdir()
        subprocess.run(["node", script, folder / "kit"], check=True, timeout=60)
        vectors = [self._parse(path) for path in sorted((folder / "kit").iterdir())]
        self.n_post_quantum = sum(is_post_quantum(vector) for vector in vectors)
        self.vectors = [vector for vector in vectors if not is_post_quantum(vector)]
        self.by_name = {vector.name: vector for vector in self.vectors}

    def _parse(self, path):
        head, _, file = path.read_bytes().partition(b"\n\n")
        vector = Vector(path.name, self.folder / f"{path.name}.age", file)
        for line in head.decode().splitlines():
            vector.read(line)
        vector.path.write_bytes(vector.file)
        return vector

    def of(self, *kinds):
        return [vector for vector in self.vectors if vector.kind in kinds]

    def out(self, vector, what="out"):
        return self.folder / f"{vector.name}.{what}"

    def decrypt(self, vectors, pieces):
        """The outcome of each: its kind, and the SHA-256 of what left."""
        lines = [["decrypt", vector.path, self.out(vector, "plain"), sizes, *vector.keys]
                 for vector, sizes in zip(vectors, pieces)]
        outcomes = {}
        for vector, status in zip(vectors, run_files(lines)):
            released = self.out(vector, "plain").read_bytes()
            outcomes[vector.name] = KINDS[status], hashlib.sha256(released).hexdigest()
        return outcomes

    def assert_outcomes(self, vectors, pieces):
        outcomes = self.decrypt(vectors, pieces)
        wrong = [f"{vector.name}: {outcomes[vector.name]}, not {vector.outcome}"
                 for vector in vectors if outcomes[vector.name] != vector.outcome]
        assert wrong == [], "\n".join(wrong)


def is_post_quantum(vector):
    return any(key.startswith("AGE-SECRET-KEY-PQ-") for key in vector.keys)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def plaintexts(kit):
    """Where the plaintext of each good file is."""
    good = kit.of("success")
    kit.assert_outcomes(good, ["0"] * len(good))
    return {vector.name: kit.out(vector, "plain") for vector in good}


def test_the_kit_has_124_files_for_us_and_19_with_post_quantum_keys(kit):
    assert (len(kit.vectors), kit.n_post_quantum) == (124, 19)
    kinds = {vector.expect for vector in kit.vectors}
    assert kinds == set(KINDS.values())


PIECES = {
    "whole": "0",
    "byte by byte": "1",
    "in pieces of a chunk": "65552",
    "in pieces of less than a chunk": "65551",
    "in pieces of odd sizes": "1,16,2,17,64,65,3,48,47,1000,7",
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_every_file_ends_as_the_kit_says(kit, pieces):
    vectors = [vector for vector in kit.vectors if pieces != "1" or len(vector.file) < SMALL]
    assert len(vectors) > 110
    kit.assert_outcomes(vectors, [pieces] * len(vectors))


@pytest.mark.parametrize("seed", range(8))
def test_every_file_ends_as_the_kit_says_however_it_is_split(kit, seed):
    rng = random.Random(seed)
    pieces = []
    for vector in kit.vectors:
        largest = rng.choice([10, 100, 1000, len(vector.file) + 2])
        pieces.append(",".join(str(rng.randrange(1, largest)) for _ in range(20)))
    kit.assert_outcomes(kit.vectors, pieces)


def test_armor_behind_something_else_is_a_binary_file_without_a_header(kit):
    vectors = [kit.by_name[name] for name in NOT_SEEN_AS_ARMOR]
    assert {vector.expect for vector in vectors} == {"armor failure"}
    outcomes = kit.decrypt(vectors, ["0"] * len(vectors))
    assert {kind for kind, _ in outcomes.values()} == {"header failure"}


def header_of(file):
    """The header that a binary file begins with."""
    end = file.index(b"\n", file.index(b"\n--- ") + 1) + 1
    return file[:end]


def test_a_header_that_is_read_is_written_the_same(kit):
    vectors = [vector for vector in kit.vectors if not vector.armored or vector.kind == "success"]
    statuses = rewrite_headers(kit, vectors, lambda vector: [])
    for vector, status in zip(vectors, statuses):
        assert status in ("ok", "age_header"), vector.name
        # What is wrong with the others may be in a stanza, which reading a header does not look at.
        assert status == "ok" or vector.kind == "header failure", vector.name
        if status == "ok":
            assert kit.out(vector).read_bytes() == header_of(vector.binary()), vector.name
    assert statuses.count("ok") > 70


def test_a_header_is_signed_as_the_kit_does(kit):
    vectors = kit.of("success", "no match", "payload failure")
    vectors = [vector for vector in vectors if not vector.armored or vector.kind == "success"]
    statuses = rewrite_headers(kit, vectors, lambda vector: [vector.file_key])
    assert set(statuses) == {"ok"}
    for vector in vectors:
        assert kit.out(vector).read_bytes() == header_of(vector.binary()), vector.name


def test_a_header_with_another_mac_is_not_verified(kit):
    vectors = kit.of("HMAC failure")
    assert vectors
    statuses = rewrite_headers(kit, vectors, lambda vector: [vector.file_key])
    assert set(statuses) == {"age_header_mac"}


def rewrite_headers(kit, vectors, arguments):
    lines = []
    for vector in vectors:
        binary = kit.out(vector, "binary")
        binary.write_bytes(vector.binary())
        lines.append(["header", binary, kit.out(vector), *arguments(vector)])
    return run_parts(lines)


def test_a_payload_is_encrypted_as_the_kit_does(kit, plaintexts):
    vectors, lines, expected = kit.of("success"), [], {}
    for vector in vectors:
        file = vector.binary()
        behind = file[len(header_of(file)):]
        nonce, expected[vector.name] = behind[:16], behind[16:]
        lines.append(["payload", plaintexts[vector.name], kit.out(vector), vector.file_key,
                      nonce.hex()])
    assert set(run_parts(lines)) == {"ok"}
    for vector in vectors:
        assert kit.out(vector).read_bytes() == expected[vector.name], vector.name


@pytest.mark.parametrize("pieces", ["0", "1", "1,47,48,49,2,100"])
def test_armor_is_read_and_written_as_the_kit_does(kit, pieces):
    vectors = [vector for vector in kit.of("success") if vector.armored]
    assert len(vectors) >= 6
    lines = []
    for vector in vectors:
        binary, text = kit.out(vector, "binary"), kit.out(vector, "text")
        lines.append(["dearmor", vector.path, binary, pieces])
        lines.append(["armor", binary, text, pieces])
    assert set(run_parts(lines)) == {"ok"}
    for vector in vectors:
        assert kit.out(vector, "binary").read_bytes() == vector.binary(), vector.name
        plainly = vector.file.strip().replace(b"\r\n", b"\n") + b"\n"
        assert kit.out(vector, "text").read_bytes() == plainly, vector.name


def kit_randomness(n):
    """The kit draws from this stream whatever has to be random in a file."""
    cipher = Cipher(algorithms.ChaCha20(b"TEST RANDOMNESS TEST RANDOMNESS!", bytes(16)), None)
    return cipher.encryptor().update(bytes(n))


def seed_of(vector, stanzas, nonce):
    """For age_files: the nonce, the file key, and 32 bytes a stanza."""
    return nonce.hex() + vector.file_key + b"".join(s.ljust(32, b"\0") for s in stanzas).hex()


def encrypt_as_the_kit(kit, plaintexts, recipes):
    lines, vectors = [], []
    for name, (stanzas, nonce, recipients) in recipes.items():
        vector = kit.by_name[name]
        vectors.append(vector)
        lines.append(["encrypt", plaintexts[name], kit.out(vector), "1,1000,100000", 5000,
                      "armor" if vector.armored else "binary", seed_of(vector, stanzas, nonce),
                      *recipients])
    assert set(run_files(lines)) == {"ok"}
    wrong = [v.name for v in vectors if kit.out(v).read_bytes() != v.file]
    assert wrong == []


def test_whole_files_for_a_recipient_come_out_as_the_kits(kit, plaintexts):
    recipient = age.recipient_of(KIT_IDENTITY)
    ephemeral, nonce = kit_randomness(48)[:32], kit_randomness(48)[32:]
    names = ["x25519", "armor_x25519", *(name for name in plaintexts if name.startswith("stream_"))]
    assert len(names) >= 10
    assert {tuple(kit.by_name[name].keys) for name in names} == {(KIT_IDENTITY,)}
    recipes = {name: ([ephemeral], nonce, [recipient]) for name in names}
    encrypt_as_the_kit(kit, plaintexts, recipes)


def test_a_whole_file_for_two_recipients_comes_out_as_the_kits(kit, plaintexts):
    drawn = kit_randomness(112)
    other, ephemerals, nonce = drawn[:32], [drawn[32:64], drawn[64:96]], drawn[96:]
    [keys] = run_files([["keys", other.hex()]])
    recipients = [keys.split()[1], age.recipient_of(KIT_IDENTITY)]
    encrypt_as_the_kit(kit, plaintexts,
                       {"x25519_multiple_recipients": (ephemerals, nonce, recipients)})


def test_whole_files_for_a_passphrase_come_out_as_the_kits(kit, plaintexts):
    salt, nonce = kit_randomness(32)[:16], kit_randomness(32)[16:]
    recipe = [salt], nonce, [passphrase("password", 10)]
    encrypt_as_the_kit(kit, plaintexts, {"scrypt": recipe, "armor_scrypt": recipe})
