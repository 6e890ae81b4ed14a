# SPDX-License-Identifier: Apache-2.0
"""age files that go to other implementations and come from them: Debian's age, and npm's
age-encryption. A pass through the programs and through Node takes all files at once."""

import functools
import itertools
import os
import random

import pytest

from age_core import passphrase, run_files
from support import age

MIB = 1 << 20
SIZES = [0, 1, 65535, 65536, 65537, 131072, 10 * MIB]
COUNTS = [1, 2, 20]  # recipients
CASES = list(itertools.product(SIZES, COUNTS, ["binary", "armor"]))
PIECES = ["0", "1000,1,70000", "65536", "4096", "65537,3"]
ROOMS = [256, 5000, 65536, 200_000]
# One byte, the most bytes, and what is more bytes than characters. log2 of work that is none, and
# the most that is accepted.
PASSPHRASES = [("x", 1), ("x" * 256, 10), ("correct horse, Batterie, \N{SNOWMAN}", 12), ("18", 18)]


@functools.cache
def identities():
    return [age.keygen() for _ in range(20)]


def recipients(count):
    return [identity.recipient for identity in identities()[:count]]


def one_of(count, rng):
    return rng.choice(identities()[:count]).secret


@pytest.fixture(scope="module")
def plaintexts(tmp_path_factory):
    """A file of each size."""
    folder = tmp_path_factory.mktemp("plaintexts")
    for size in SIZES:
        (folder / str(size)).write_bytes(os.urandom(size))
    return {size: folder / str(size) for size in SIZES}


@pytest.fixture(scope="module")
def ours(tmp_path_factory, plaintexts):
    """A file for each case, made by the core."""
    folder, rng = tmp_path_factory.mktemp("ours"), random.Random(1)
    files = {case: folder / str(i) for i, case in enumerate(CASES)}
    lines = [["encrypt", plaintexts[size], files[size, count, form], rng.choice(PIECES),
              rng.choice(ROOMS), form, "random", *recipients(count)]
             for size, count, form in CASES]
    assert set(run_files(lines)) == {"ok"}
    return files


def paths(folder, n):
    return [folder / str(i) for i in range(n)]


def assert_same(files, expected):
    wrong = [i for i, (a, b) in enumerate(zip(files, expected, strict=True))
             if a.read_bytes() != b.read_bytes()]
    assert wrong == []


def decrypt_all(files, keys, folder):
    """Decrypts each with its key by the core; returns where the plaintexts are."""
    rng, outs = random.Random(2), paths(folder, len(files))
    lines = [["decrypt", file, out, rng.choice(PIECES), key]
             for file, out, key in zip(files, outs, keys)]
    assert run_files(lines) == ["ok"] * len(files)
    return outs


def test_debians_age_decrypts_ours(tmp_path, plaintexts, ours):
    rng = random.Random(3)
    for (size, count, form), file in ours.items():
        plain = age.decrypt(file.read_bytes(), [one_of(count, rng)], tmp_path)
        assert plain == plaintexts[size].read_bytes(), (size, count, form)


def test_npms_age_decrypts_ours(tmp_path, plaintexts, ours):
    rng, outs = random.Random(4), paths(tmp_path, len(CASES))
    jobs = [{"do": "decrypt", "in": file, "out": out, "identities": [one_of(count, rng)]}
            for ((_, count, _), file), out in zip(ours.items(), outs)]
    assert age.npm(jobs) == [None] * len(CASES)
    assert_same(outs, [plaintexts[size] for size, _, _ in CASES])


def test_we_decrypt_ours(tmp_path, plaintexts, ours):
    rng = random.Random(5)
    outs = decrypt_all(ours.values(), [one_of(count, rng) for _, count, _ in CASES], tmp_path)
    assert_same(outs, [plaintexts[size] for size, _, _ in CASES])


def test_we_decrypt_what_debians_age_encrypts(tmp_path, plaintexts):
    rng, files = random.Random(6), []
    for size, count, form in CASES:
        files.append(tmp_path / f"{len(files)}.age")
        plain = plaintexts[size].read_bytes()
        files[-1].write_bytes(age.encrypt(plain, recipients(count), armor=form == "armor"))
    outs = decrypt_all(files, [one_of(count, rng) for _, count, _ in CASES], tmp_path)
    assert_same(outs, [plaintexts[size] for size, _, _ in CASES])


def test_we_decrypt_what_npms_age_encrypts(tmp_path, plaintexts):
    rng, files = random.Random(7), [tmp_path / f"{i}.age" for i in range(len(CASES))]
    jobs = [{"do": "encrypt", "in": plaintexts[size], "out": file, "armor": form == "armor",
             "recipients": recipients(count)} for (size, count, form), file in zip(CASES, files)]
    assert age.npm(jobs) == [None] * len(CASES)
    outs = decrypt_all(files, [one_of(count, rng) for _, count, _ in CASES], tmp_path)
    assert_same(outs, [plaintexts[size] for size, _, _ in CASES])


def test_npms_age_decrypts_ours_with_a_passphrase(tmp_path, plaintexts):
    files, outs = [tmp_path / f"{i}.age" for i in range(4)], paths(tmp_path, 4)
    lines = [["encrypt", plaintexts[65537], file, "0", 5000, "armor", "random",
              passphrase(text, work_factor)]
             for file, (text, work_factor) in zip(files, PASSPHRASES)]
    assert run_files(lines) == ["ok"] * 4
    jobs = [{"do": "decrypt", "in": file, "out": out, "passphrases": [text]}
            for file, out, (text, _) in zip(files, outs, PASSPHRASES)]
    assert age.npm(jobs) == [None] * 4
    assert_same(outs, [plaintexts[65537]] * 4)


def test_we_decrypt_npms_with_a_passphrase(tmp_path, plaintexts):
    files = [tmp_path / f"{i}.age" for i in range(4)]
    jobs = [{"do": "encrypt", "in": plaintexts[65537], "out": file, "passphrase": text,
             "work_factor": work_factor} for file, (text, work_factor) in zip(files, PASSPHRASES)]
    assert age.npm(jobs) == [None] * 4
    outs = decrypt_all(files, [passphrase(text) for text, _ in PASSPHRASES], tmp_path)
    assert_same(outs, [plaintexts[65537]] * 4)


def test_more_work_than_is_accepted_is_refused(tmp_path, plaintexts):
    file, out = tmp_path / "file", tmp_path / "out"
    recipient = passphrase("x", 10)
    assert run_files([["encrypt", plaintexts[1], file, "0", 256, "binary", "random",
                       recipient]]) == ["ok"]
    # Nobody has to do work to claim that there is much.
    claimed = file.read_bytes()
    assert claimed.count(b" 10\n") == 1
    for work_factor, status in [(18, "age_no_match"), (19, "age_work_factor")]:
        file.write_bytes(claimed.replace(b" 10\n", f" {work_factor}\n".encode()))
        assert run_files([["decrypt", file, out, "0", passphrase("x")]]) == [status]


def test_whether_it_was_the_wrong_passphrase_or_none_is_told_apart(tmp_path, plaintexts):
    file, out, identity = tmp_path / "file", tmp_path / "out", identities()[0].secret
    run_files([["encrypt", plaintexts[1], file, "0", 256, "binary", "random",
                passphrase("right", 10)]])
    wrong = [passphrase("wrong"), passphrase("right ")]
    lines = [["decrypt", file, out, "0", *keys]
             for keys in [[], [identity], wrong, [identity, *wrong], [*wrong, passphrase("right")]]]
    assert run_files(lines) == ["age_needs_passphrase"] * 2 + ["age_no_match"] * 2 + ["ok"]


def test_a_stranger_decrypts_nothing(tmp_path, ours):
    file, out, stranger = ours[65537, 20, "armor"], tmp_path / "out", age.keygen().secret
    lines = [["decrypt", file, out, "0", stranger], ["decrypt", file, out, "0", passphrase("x")],
             ["decrypt", file, out, "0"]]
    assert run_files(lines) == ["age_no_match"] * 3
    with pytest.raises(age.AgeError, match="no identity matched"):
        age.decrypt(file.read_bytes(), [stranger], tmp_path)
    with pytest.raises(age.AgeError, match="no identity matched"):
        age.npm_decrypt(file.read_bytes(), tmp_path, identities=[stranger])


def test_one_seed_makes_one_file(tmp_path, plaintexts):
    seed = random.Random(8).randbytes(16 + 16 + 2 * 32).hex()
    files = paths(tmp_path, len(PIECES) * len(ROOMS))
    lines = [["encrypt", plaintexts[131072], file, pieces, room, "armor", seed, *recipients(2)]
             for file, (pieces, room) in zip(files, itertools.product(PIECES, ROOMS))]
    assert set(run_files(lines)) == {"ok"}
    assert len({file.read_bytes() for file in files}) == 1
    assert age.decrypt(files[0].read_bytes(), [identities()[1].secret],
                       tmp_path) == plaintexts[131072].read_bytes()


def test_keys_are_those_of_debians_age():
    rng = random.Random(9)
    secrets = [bytes(32), b"\xff" * 32, *(rng.randbytes(32) for _ in range(20))]
    for line in run_files([["keys", secret.hex()] for secret in secrets]):
        identity, recipient = line.split()
        assert identity.startswith("AGE-SECRET-KEY-1")
        assert age.recipient_of(identity) == recipient
