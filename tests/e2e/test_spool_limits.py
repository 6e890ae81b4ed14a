# SPDX-License-Identifier: Apache-2.0
"""What ends a spool: the cap of a request, the cap of the service, and a disk that is really full.
Each time a clean error or a cut, and each time the room is free again."""

import json
import os
import time

import pytest

from support import process
from support.answers import assert_encrypted
from support.fernet import token_size
from support.paced import TRANSPORTS, Peak, assert_right, only, paced  # noqa: F401
from support.raw_http import RawClient, chunked, request
from support.sources import MIB
from support.spool import small_disk, spool_on, spooling  # noqa: F401

CHUNKED = ("Transfer-Encoding", "chunked")
ROUNDS = 4

each_transport = pytest.mark.parametrize("transport", TRANSPORTS)


def assert_no_room(upload):
    """The clean refusal: nothing of the answer was sent before it."""
    assert (upload["status"], upload["complete"]) == (507, True), upload
    assert json.loads(upload["text"])["code"] == "insufficient_storage"
    assert "Encryption-Key" not in upload["headers"]


def assert_cut(upload):
    """The answer had begun, and ended before its end."""
    assert (upload["status"], upload["complete"], upload["ok"]) == (200, False, False), upload
    assert upload["error"] and upload["answer"] < token_size(upload["sent"])


def is_free(server, n_left=0):
    """All spools but so many are given up. The count of them follows a moment after the files."""
    found = process.wait_until(lambda: len(process.spool_files(server)) <= n_left, 5)
    time.sleep(0.05)
    return found


# The service would have room for what the request may not take. A leak would fill it in a few rounds.
SMALL_CAPS = {"spool_request_max": "8m", "spool_max": "30m"}


@pytest.mark.parametrize("kind", ["form", "put"])
def test_over_the_cap_of_a_request_http_1_0_is_refused_cleanly(spooling, paced, kind):
    server = spooling(**SMALL_CAPS, full_duplex="off")
    for _ in range(ROUNDS):
        assert_no_room(only(paced(server, kind=kind, bytes="20m", read="last", http10=True)))
        assert is_free(server)
        assert_right(paced(server, kind=kind, bytes="4m", read="last", http10=True))


@each_transport
def test_over_the_cap_of_a_request_an_answer_that_has_not_begun_is_refused_cleanly(
        spooling, paced, transport):
    server = spooling(**SMALL_CAPS, full_duplex="off")
    for read in ["eager", "last"] * (ROUNDS // 2):
        assert_no_room(only(paced(server, transport, kind="form", bytes="20m", read=read)))
        assert is_free(server)
        assert_right(paced(server, transport, kind="form", bytes="4m", read=read))


@pytest.mark.parametrize("kind", ["put", "chunked", "form"])
@each_transport
def test_over_the_cap_of_a_request_an_answer_that_has_begun_is_cut(
        spooling, paced, transport, kind):
    server = spooling(**SMALL_CAPS)
    for _ in range(ROUNDS):
        running = paced.start(server, transport, kind=kind, bytes="20m", read="last", rcvbuf="64k",
                              h2_window="64k")
        peak = Peak(server).watch(running)
        assert_cut(only(running.result()))
        assert peak.bytes <= 8 * MIB
        assert is_free(server)
        assert_right(paced(server, transport, kind=kind, bytes="5m", read="last"))
    through_a_proxy = [("Via", "1.1 proxy")]  # where all of it is spooled
    assert_right(paced(server, transport, kind=kind, bytes="5m", headers=through_a_proxy))


def test_one_that_reads_as_it_sends_is_not_bound_by_the_cap(spooling, paced):
    server = spooling(spool_request_max="1m", spool_max="1m", spool_patience="10s")
    assert_right(paced(server, kind="form", bytes="64m"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_client_that_finds_the_service_full_is_refused_until_it_is_free_again(
        spooling, paced, workers):
    server = spooling(workers=workers, spool_max="48m", full_duplex="off")
    first = os.urandom(20 * MIB)
    for _ in range(2):
        with RawClient(server.port) as client:
            client.send(request("PUT", "/encrypt_file", [CHUNKED], b""))
            client.send(chunked(first)[:-len("0\r\n\r\n")])
            assert process.wait_until(lambda: process.spool_bytes(server) > 24 * MIB)
            n_files = len(process.spool_files(server))
            for _ in range(ROUNDS):
                assert_no_room(only(paced(server, bytes="20m", read="last")))
                assert is_free(server, n_files)
                assert_right(paced(server, bytes="10m", read="last"))
                assert is_free(server, n_files)
            client.send(b"0\r\n\r\n")
            assert_encrypted(client.read_response(), first)
        assert is_free(server)
        assert_right(paced(server, bytes="30m", read="last"))


def test_two_that_do_not_both_fit_do_not_harm_each_other(spooling, paced):
    server = spooling(workers=2, spool_max="48m", full_duplex="off")
    n_refused = 0  # of one round it cannot be told: one may be through before the other begins
    for seed in range(ROUNDS):
        result = paced(server, bytes="24m", read="last", parallel=2, seed=seed)
        refused = [upload for upload in result["uploads"] if not upload["ok"]]
        for upload in refused:
            assert_no_room(upload)
        n_refused += len(refused)
        assert is_free(server)
        assert_right(paced(server, bytes="24m", read="last"))
    assert n_refused > 0


@pytest.fixture
def on_small_disk(small_disk, spooling):  # in this order: the disk goes last
    """A server whose spools have a disk of 8 MiB, and caps that know nothing of it."""
    def make(**settings):
        # That the disk is full is for whoever runs the service to know.
        return spooling(edits=[spool_on(small_disk)], expected_trouble=["No space left"],
                        **settings)
    return make


def test_on_a_full_disk_an_answer_that_has_not_begun_is_refused_cleanly(on_small_disk, paced):
    server = on_small_disk(full_duplex="off")
    for kind in ["form", "put"] * (ROUNDS // 2):
        assert_no_room(only(paced(server, kind=kind, bytes="20m", read="last")))
        assert is_free(server)
        assert_right(paced(server, kind=kind, bytes="4m", read="last"))
        assert is_free(server)
        assert_no_room(only(paced(server, kind=kind, bytes="20m", http10=True)))
        assert is_free(server)
    assert "No space left" in server.log()


@each_transport
def test_on_a_full_disk_an_answer_that_has_begun_is_cut(on_small_disk, paced, transport):
    server = on_small_disk()
    for _ in range(ROUNDS):
        assert_cut(only(paced(server, transport, kind="form", bytes="64m", read="last",
                              rcvbuf="64k", h2_window="64k")))
        assert is_free(server)
        assert_right(paced(server, transport, kind="form", bytes="5m", read="last"))


def test_a_full_disk_is_no_matter_for_one_that_reads_as_it_sends(small_disk, on_small_disk, paced):
    server = on_small_disk(spool_patience="10s")
    (small_disk / "full").write_bytes(bytes(8 * MIB - (64 << 10)))
    assert_right(paced(server, kind="form", bytes="64m"))
