# SPDX-License-Identifier: Apache-2.0
"""The disk gives back something else than was written to it: a file that was found good is altered, or
shorter, when it is read to be decrypted. Then its answer is cut."""

import functools
import itertools
import os
import re
import subprocess
import sys

import pytest

from support import damage, transports
from support.answers import assert_error
from support.damage import ARMORED, BINARY, FERNET, KINDS
from support.fernet import BLOCK_BYTES
from support.lying_disk import LIBRARY, LyingDisk
from support.nginx import SANITIZED
from support.transports import H2, HTTP_1_1

N = 600_000
HOLD = 65536  # of the file: in memory, and not on the disk
# Of the disk, from its end too: below zero. It is read in pieces of up to 256 KiB.
PLACES = [0, 1, 65536, 200_000, 262_143, 262_144, 350_000, -65536, -100, -36, -17, -16, -1]
# What changes a character of base64 to another one, and what changes it to none.
BITS = {FERNET: (0, 7), BINARY: (0, 7), ARMORED: (1, 7)}

each_transport = transports.each([HTTP_1_1, H2])
# How it is read, too: from the page cache, or by a thread.
each_way = pytest.mark.parametrize("transport, cold", [
    (HTTP_1_1, False), (HTTP_1_1, True), (H2, False)], ids=["http/1.1", "http/1.1 cold", "h2"])
each_kind = pytest.mark.parametrize("kind", KINDS)


@functools.cache
def sample_of(kind):
    return damage.make(kind, os.urandom(N))


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return LyingDisk(tmp_path_factory.mktemp("disk"))


@pytest.fixture(scope="module")
def server(make_module_server, disk):
    return make_module_server(**disk.settings)


def decrypt(server, transport, sample):
    return transport.exchange(server, "PUT", "/decrypt_file", sample.headers, sample.file)


def assert_whole(response, sample):
    assert (response.status, response.complete) == (200, True), response.body[:300]
    assert response.body == sample.plaintext


def assert_cut(response):
    """Returns what came before the cut; nothing if the answer had not begun."""
    if response.status != 200:
        assert_error(response, 500, "internal_error")
        return b""
    assert not response.complete
    assert int(response.header("Content-Length")) == N
    assert len(response.body) < N
    return response.body


def assert_nothing_false(sample, body, where):
    """Of a Fernet token a changed character is two blocks that are changed, and all others are right.
    Of age there is no chunk that is not."""
    if sample.kind != FERNET:
        assert sample.plaintext.startswith(body), where
        return
    where += HOLD if where >= 0 else len(sample.file)
    first = where * 3 // 4 // BLOCK_BYTES * BLOCK_BYTES - 3 * BLOCK_BYTES
    wrong = [i for i, byte in enumerate(body) if byte != sample.plaintext[i]]
    assert all(first <= i < first + 4 * BLOCK_BYTES for i in wrong), (where, wrong[0], wrong[-1])


@each_way
@each_kind
def test_where_a_bit_changed_on_disk_the_answer_is_cut(server, disk, transport, kind, cold):
    sample = sample_of(kind)
    bodies = []
    for where, bit in itertools.product(PLACES, BITS[kind]):
        with disk.lying("flip", where, bit, cold):
            bodies.append(assert_cut(decrypt(server, transport, sample)))
        assert_nothing_false(sample, bodies[-1], where)
    assert any(bodies), "no answer had begun"


@each_way
@each_kind
@pytest.mark.parametrize("lie", ["end", "fail"])
def test_where_the_disk_gives_no_more_the_answer_is_cut(server, disk, transport, kind, lie, cold):
    sample = sample_of(kind)
    bodies = []
    for where in PLACES:
        with disk.lying(lie, where, cold=cold):
            bodies.append(assert_cut(decrypt(server, transport, sample)))
        assert sample.plaintext.startswith(bodies[-1]), where
    assert any(bodies), "no answer had begun"


@each_way
@each_kind
def test_a_disk_that_gives_little_at_a_time_is_no_trouble(server, disk, transport, kind, cold):
    sample = sample_of(kind)
    with disk.lying("short", 1000, cold=cold):
        assert_whole(decrypt(server, transport, sample), sample)


@each_transport
@each_kind
def test_after_a_lie_the_next_file_is_decrypted(server, disk, transport, kind):
    sample = sample_of(kind)
    workers = server.workers
    for lie in ("flip", "end", "fail"):
        with disk.lying(lie, 350_000, 1):
            assert_cut(decrypt(server, transport, sample))
        assert_whole(decrypt(server, transport, sample), sample)
    assert server.workers == workers


@each_kind
def test_what_is_in_memory_alone_the_disk_cannot_change(server, disk, kind):
    sample = damage.make(kind, os.urandom(30_000))
    with disk.lying("flip", 0):
        assert_whole(decrypt(server, HTTP_1_1, sample), sample)


@pytest.mark.parametrize("lie, message", [
    ("flip", "does not read as it was written"), ("end", "reading the spool"),
    ("fail", "reading the spool .* failed .*Input/output error")])
@pytest.mark.parametrize("where", [0, -1])
def test_the_log_tells_that_the_disk_is_bad(make_server, tmp_path, lie, message, where):
    disk, sample = LyingDisk(tmp_path), sample_of(BINARY)
    server = make_server(**disk.settings)
    with disk.lying(lie, where, 1):
        began = assert_cut(decrypt(server, HTTP_1_1, sample)) != b""
    assert re.search(rf"\[error\].*{message}", server.log()), server.log()
    assert bool(re.search(r"\[notice\].*answer cut", server.log())) == began
    [line] = server.access_lines(at_least=1)
    assert (" 200 cut " if began else " 500 complete ") in line


READ = """
import os, sys, tempfile
with tempfile.TemporaryFile() as file:
    file.write(bytes(100))
    file.flush()
    try:
        sys.stdout.buffer.write(os.pread(file.fileno(), 50, int(sys.argv[1])))
    except OSError as error:
        sys.exit(error.errno)
"""


@pytest.mark.parametrize("lie, at, expected", [
    ("", 20, bytes(50)), ("flip 30 1", 20, bytes(10) + b"\2" + bytes(39)),
    ("flip -70 1", 20, bytes(10) + b"\2" + bytes(39)), ("flip 70 1", 20, bytes(50)),
    ("flip 19 1", 20, bytes(50)), ("end 30", 20, bytes(10)), ("end 20", 20, b""), ("end 9", 20, b""),
    ("end 70", 20, bytes(50)), ("fail 30", 20, None), ("fail 19", 20, bytes(50)),
    ("short 7", 20, bytes(7)),
    ("cold", 20, bytes(50)), ("cold end 30", 20, bytes(10)),
])
@pytest.mark.skipif(SANITIZED, reason="Python is not preloaded with sanitizers here")
def test_the_disk_lies_as_it_is_told(tmp_path, lie, at, expected):
    (tmp_path / "lies").write_text(lie)
    environment = {**os.environ, "LD_PRELOAD": str(LIBRARY),
                   "ENCRYPTER_LIES": str(tmp_path / "lies")}
    done = subprocess.run([sys.executable, "-c", READ, str(at)], env=environment,
                          stdout=subprocess.PIPE)
    assert (done.stdout if done.returncode == 0 else None) == expected
