# SPDX-License-Identifier: Apache-2.0
"""Clients that go away while they have a file decrypted, and workers that leave or are killed: nothing
is left of it, nobody else is harmed, and no plaintext is ever on a disk."""

import contextlib
import functools
import os
import random
import signal
import socket

import pytest

from support import damage, process, transports
from support.answers import assert_encrypted
from support.damage import BINARY, KINDS
from support.decrypt_states import (
    IN_ITS_HEAD, ON_DISK, OPEN, PUSHED_BACK, READING, SPOOLING, STATES, STATES_OF_RELEASE, UNREAD,
    WAYS, begin, kinds_of, sample_of, size_for, wait_for_disk)
from support.leaving import is_alive, tell_to_leave
from support.nginx import SANITIZED
from support.owners import only, owner_of
from support.raw_http import exchange, request
from support.sources import MIB
from support.spool import disk, spool_on, spooling, used_bytes  # noqa: F401
from support.transports import H2C, HTTP_1_0, HTTP_1_1, LASTING, WITH_HTTP_2
from support.unfinished import connect

SMALL = 1000


def decrypt(server, sample, transport=HTTP_1_1, headers=()):
    return transport.exchange(server, "PUT", "/decrypt_file", [*sample.headers, *headers],
                              sample.file)


def assert_decrypts(server, sample):
    response = decrypt(server, sample)
    assert (response.status, response.complete) == (200, True), response.body[:300]
    assert response.body == sample.plaintext


def states_of(transport):
    return STATES if transport is HTTP_1_0 else STATES + STATES_OF_RELEASE


def leave(decryption, how):
    client = decryption.client
    if how == "one stream":
        client.n_allowed = None
        client.reset_stream(decryption.stream)
    elif how == "half-closed":
        client.half_close()
        with contextlib.suppress(TimeoutError, BlockingIOError):  # TLS is over then
            client.socket.settimeout(0.05)
            client.read_to_end()
    elif how == "reset" and decryption.transport in WITH_HTTP_2:
        client.abort()
    elif how == "reset":
        # A thread that sends would keep the socket open.
        if decryption.state == PUSHED_BACK:
            client.socket.shutdown(socket.SHUT_RDWR)
        client.reset()
    client.close()


def is_at_rest(server, n_fds):
    return (process.spool_files(server) == []
            and all(process.count_fds(pid) <= n_fds for pid in server.workers))


def count_fds_at_rest(server):
    """Of the only worker, once it has answered somebody who has gone."""
    [worker] = server.workers
    assert_decrypts(server, sample_of(BINARY, SMALL))
    assert process.wait_until(lambda: "socket" not in str(
        [file for file in process.as_root(process.open_files, worker) if file["fd"] > 40]))
    return process.count_fds(worker)


def ways_to_leave(transport):
    return ["one stream" if transport in WITH_HTTP_2 else "half-closed", "reset", "closed"]


# Nearly all of what all may have together: what others left would be missing.
ROOM = {"spool_request_max": "24m", "spool_max": "24m"}
N_OF_ROOM = 22 * MIB


@transports.each()
def test_a_client_that_goes_away_in_any_state_leaves_nothing_and_harms_nobody(spooling, transport):
    server = spooling(**ROOM)
    workers, n_fds = server.workers, count_fds_at_rest(server)
    for state in states_of(transport):
        for i, how in enumerate(ways_to_leave(transport)):
            kinds = kinds_of(state)
            decryption = begin(server, transport, state,
                               sample_of(kinds[i % len(kinds)], size_for(transport, state)))
            wait_for_disk(server, [decryption])
            leave(decryption, how)
            assert process.wait_until(lambda: is_at_rest(server, n_fds)), (decryption, how)
            assert_decrypts(server, sample_of(BINARY, SMALL))
    assert_decrypts(server, sample_of(BINARY, N_OF_ROOM))
    assert (server.workers, server.temp_files()) == (workers, [])


@transports.each([HTTP_1_1, H2C])
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_goes_right_after_its_upload_is_not_missed(spooling, transport, kind):
    server = spooling(**ROOM)
    workers, n_fds = server.workers, count_fds_at_rest(server)
    for i in range(15):  # at a point that few of them hit
        sample = sample_of(kind, 300_000)
        decryption = begin(server, transport, UNREAD, sample)
        leave(decryption, ways_to_leave(transport)[i % 3])
    assert process.wait_until(lambda: is_at_rest(server, n_fds)), process.spool_files(server)
    assert_decrypts(server, sample_of(BINARY, N_OF_ROOM))
    assert server.workers == workers


@transports.each([HTTP_1_1, H2C])
def test_a_client_that_goes_anywhere_in_a_small_upload_or_its_answer_is_not_missed(
        spooling, transport):
    server = spooling(**ROOM)
    workers, n_fds = server.workers, count_fds_at_rest(server)
    dice = random.Random(1)
    for i in range(60):
        decryption = begin(server, transport, IN_ITS_HEAD if i % 9 == 0 else "",
                           sample_of(dice.choice(KINDS), 200_000))
        if decryption.state != IN_ITS_HEAD:
            n = len(decryption.sample.file)
            decryption.send_up_to(dice.choice([n, dice.randrange(n), n - dice.randrange(1, 99)]))
        leave(decryption, dice.choice(ways_to_leave(transport)))
    assert process.wait_until(lambda: is_at_rest(server, n_fds)), process.spool_files(server)
    assert_decrypts(server, sample_of(BINARY, N_OF_ROOM))
    assert server.workers == workers


def begin_all(server, ways=WAYS):
    """In every state over every transport, and of HTTP/2 many on one connection too."""
    begun = []
    for i, (transport, state) in enumerate(ways):
        kinds = kinds_of(state)
        begun.append(begin(server, transport, state,
                           sample_of(kinds[i % len(kinds)], size_for(transport, state))))
    return begun


def begin_all_on_one_connection(server, transport):
    client = connect(server, transport)
    return [begin(server, transport, state, client=client)
            for state in STATES + STATES_OF_RELEASE if state != IN_ITS_HEAD]


def assert_all_finish(decryptions, leaving, seed=1):
    random.Random(seed).shuffle(decryptions)
    for decryption in decryptions:
        try:
            decryption.finish()
        except Exception as error:
            raise AssertionError(f"{decryption} was not finished") from error
    for client in {decryption.client for decryption in decryptions}:
        client.close()
    assert process.wait_until(lambda: not any(map(is_alive, leaving)))


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT], ids=["reload", "quit"])
def test_workers_that_leave_finish_every_decryption_in_whatever_state_it_is(
        make_server, disk, number):
    server = make_server(workers=2, edits=[spool_on(disk)])
    unused = used_bytes(disk)
    ways = WAYS[::2] if number == signal.SIGHUP else WAYS[1::2]
    begun = begin_all(server, ways) + begin_all_on_one_connection(server, H2C)
    wait_for_disk(server, begun)
    leaving = tell_to_leave(server, number)
    if number == signal.SIGHUP:
        assert_decrypts(server, sample_of(BINARY, SMALL))
    assert_all_finish(begun, leaving)
    assert process.wait_until(lambda: used_bytes(disk) == unused)
    if number == signal.SIGQUIT:
        assert server.master.wait(10) == 0
    else:
        assert process.wait_until(lambda: len(server.workers) == 2)


def test_a_killed_worker_takes_only_its_own_decryptions_with_it_and_leaves_no_file(
        make_server, disk):
    server = make_server(workers=2, edits=[spool_on(disk)], spool_max="400m",
                         expected_trouble=["exited on signal 9"])
    unused = used_bytes(disk)
    victim, other = server.workers
    with only(server, victim):
        lost = begin_all(server)
        assert {owner_of(server, one.client.socket) for one in lost} == {victim}
    with only(server, other):
        kept = begin_all(server, [(transport, UNREAD) for transport in LASTING])
    wait_for_disk(server, lost + kept)
    process.as_root(process.kill, victim)
    assert process.wait_until(lambda: len(server.workers) == 2 and victim not in server.workers)
    for decryption in lost:
        with_answer = decryption.read_cut()
        assert decryption.sample.plaintext.startswith(with_answer)
        assert len(with_answer) < len(decryption.sample.plaintext)
        decryption.close()
    for decryption in kept:
        decryption.finish()
        decryption.close()
    assert other in server.workers
    assert process.wait_until(lambda: used_bytes(disk) == unused)
    assert server.temp_files() == [] and os.listdir(disk / "spool") == []


def test_what_a_killed_worker_had_spooled_is_free_again(spooling):
    server = spooling(**ROOM, expected_trouble=["exited on signal 9"])
    [worker] = server.workers
    decryption = begin(server, HTTP_1_1, UNREAD)
    wait_for_disk(server, [decryption])
    assert decrypt(server, sample_of(BINARY, N_OF_ROOM)).status == 507
    process.as_root(process.kill, worker)
    assert process.wait_until(lambda: server.workers not in ([], [worker]))
    decryption.close()
    assert_decrypts(server, sample_of(BINARY, N_OF_ROOM))


MARKER = b"plaintext-that-must-not-reach-a-disk"


@functools.cache
def marked(kind, n):
    return damage.make(kind, (MARKER + b"\n") * (n // (len(MARKER) + 1)))


def files_with(server, needle):
    """Files without a name, files that are open, and all that are below the server's folder."""
    named = [path for path in server.directory.rglob("*") if path.is_file()]
    return process.files_with(server, needle) + [
        str(path) for path in named if process.holds(path, needle)]


def assert_is_on_disk(server, decryption):
    """So that the search is known to find what there is."""
    n = len(decryption.sample.file) // 4
    piece = decryption.sample.file[n:n + 100]
    assert process.wait_until(lambda: files_with(server, piece)), decryption


def assert_no_plaintext_is_on_disk(server, decryption):
    assert files_with(server, MARKER) == [], decryption
    assert server.temp_files() == []
    body = server.runtime / "temp" / "body"
    assert not any(path.is_file() for path in body.rglob("*"))


@pytest.mark.parametrize("kind", KINDS)
@transports.each([HTTP_1_1, HTTP_1_0, transports.TLS, H2C])
def test_what_is_on_disk_in_any_state_is_ciphertext_alone(spooling, transport, kind):
    server = spooling()
    for state in states_of(transport):
        if kind not in kinds_of(state):
            continue
        n = size_for(transport, state)
        decryption = begin(server, transport, state, marked(kind, n))
        wait_for_disk(server, [decryption])
        if state in ON_DISK:
            assert_is_on_disk(server, decryption)
        assert_no_plaintext_is_on_disk(server, decryption)
        if state in OPEN:
            decryption.read_up_to(n // 2)
            assert_no_plaintext_is_on_disk(server, decryption)
            decryption.finish()
        decryption.close()
        assert process.wait_until(lambda: process.spool_files(server) == [])
        assert files_with(server, MARKER) == []


def test_a_file_that_is_encrypted_meanwhile_is_not_harmed(spooling):
    server = spooling(spool_max="100m")
    begun = [begin(server, HTTP_1_1, state) for state in (SPOOLING, UNREAD, READING)]
    wait_for_disk(server, begun)
    plaintext = os.urandom(4 * MIB)
    for headers in ([], [("Via", "1.1 proxy")]):  # with a spool of its own too
        answer = exchange(server.port, request("PUT", "/encrypt_file", headers, plaintext))
        assert_encrypted(answer, plaintext)
    for decryption in begun:
        decryption.finish()
        decryption.close()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not the service's")
@transports.each([HTTP_1_1, H2C])
def test_clients_that_go_away_leave_the_memory_as_it_was(spooling, transport):
    server = spooling()
    [worker] = server.workers

    def abort(times):
        for i in range(times):
            for state in (SPOOLING, READING, *STATES_OF_RELEASE[:1]):
                decryption = begin(server, transport, state, sample_of(kinds_of(state)[0], MIB))
                leave(decryption, ways_to_leave(transport)[i % 3])

    abort(20)
    kib = process.memory_kib(worker, "RssAnon")
    abort(40)
    assert process.memory_kib(worker, "RssAnon") - kib < 1024
