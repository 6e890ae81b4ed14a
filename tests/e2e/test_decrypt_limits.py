# SPDX-License-Identifier: Apache-2.0
"""Decryptions at the limits: of the spool, of the disk, of descriptors, of patience and of memory. Each
is a clean error or a cut, and nobody else is harmed meanwhile."""

import contextlib
import os
import time

import pytest

from support import damage, process, transports
from support.answers import assert_encrypted, assert_error
from support.damage import ARMORED, BINARY, FERNET, KINDS
from support.decrypt_states import SPOOLING, UNREAD, begin, sample_of, wait_for_disk
from support.descriptors import SETTINGS, Idle
from support.forms import BOUNDARY, FORM, form, part
from support.nginx import SANITIZED
from support.owners import owner_of
from support.raw_http import exchange, request
from support.sources import MIB
from support.spool import small_disk, spool_on, spooling  # noqa: F401
from support.transports import H2, H2C, HTTP_1_1

ROUNDS = 2
SMALL = 20_000  # within the hold, whatever the format

each_kind = pytest.mark.parametrize("kind", KINDS)


def decrypt(server, sample, transport=HTTP_1_1, as_form=False):
    if as_form:
        headers = [*sample.headers, ("Content-Type", FORM + BOUNDARY)]
        return transport.exchange(server, "POST", "/decrypt_file", headers, form(part(sample.file)))
    return transport.exchange(server, "PUT", "/decrypt_file", sample.headers, sample.file)


def assert_decrypts(server, sample, transport=HTTP_1_1, as_form=False):
    response = decrypt(server, sample, transport, as_form)
    assert (response.status, response.complete) == (200, True), response.body[:300]
    assert response.body == sample.plaintext


def assert_encrypts(server, n=200_000):
    plaintext = os.urandom(n)
    assert_encrypted(exchange(server.port, request("PUT", "/encrypt_file", [], plaintext)),
                     plaintext)


def is_free(server, n_left=0):
    return process.wait_until(lambda: len(process.spool_files(server)) == n_left)


@each_kind
@transports.each()
def test_over_the_cap_of_a_request_a_file_is_refused_cleanly(spooling, transport, kind):
    server = spooling(spool_request_max="1m", spool_max="3m")
    for as_form in (False, True):
        for _ in range(ROUNDS):
            response = decrypt(server, sample_of(kind, 2 * MIB), transport, as_form)
            assert_error(response, 507, "insufficient_storage")
            assert is_free(server)
        assert_decrypts(server, sample_of(kind, 500_000), transport, as_form)
        assert_decrypts(server, sample_of(kind, SMALL), transport, as_form)
    assert_encrypts(server)


@pytest.mark.parametrize("state", [SPOOLING, UNREAD])
@transports.each([HTTP_1_1, H2C])
def test_a_file_that_finds_the_service_full_is_refused_until_it_is_free_again(
        spooling, transport, state):
    server = spooling(workers=2, spool_max="13m")
    first = begin(server, HTTP_1_1, state, sample_of(BINARY, 8 * MIB))
    wait_for_disk(server, [first])
    if state == SPOOLING:
        first.send_up_to(len(first.sample.file) - 1)
        assert process.wait_until(lambda: process.spool_bytes(server) > 7 * MIB)
    for _ in range(ROUNDS):
        response = decrypt(server, sample_of(BINARY, 8 * MIB), transport)
        assert_error(response, 507, "insufficient_storage")
        assert is_free(server, 1)
        assert_decrypts(server, sample_of(BINARY, SMALL), transport)
        # What is counted follows a moment after the files.
        sample = sample_of(BINARY, MIB)
        assert process.wait_until(lambda: decrypt(server, sample, transport).status == 200)
        assert_encrypts(server)
    first.finish()
    first.close()
    assert is_free(server)
    assert_decrypts(server, sample_of(BINARY, 8 * MIB), transport)


@each_kind
@transports.each()
def test_without_a_spool_what_is_within_the_hold_is_decrypted(spooling, transport, kind):
    server = spooling(spool_request_max="0")
    for _ in range(ROUNDS):
        assert_decrypts(server, sample_of(kind, SMALL), transport)
        response = decrypt(server, sample_of(kind, 500_000), transport)
        assert_error(response, 507, "insufficient_storage")
    assert_encrypts(server)


@each_kind
@transports.each([HTTP_1_1, H2C])
def test_on_a_full_disk_a_file_is_refused_cleanly(small_disk, spooling, transport, kind):
    # That the disk is full is for whoever runs the service to know.
    server = spooling(edits=[spool_on(small_disk)], expected_trouble=["No space left"])
    for _ in range(ROUNDS):
        response = decrypt(server, sample_of(kind, 10 * MIB), transport)
        assert_error(response, 507, "insufficient_storage")
        assert is_free(server)
        assert_decrypts(server, sample_of(kind, 4 * MIB), transport)
        assert is_free(server)
    assert "No space left" in server.log()


@contextlib.contextmanager
def begun(server, transport, sample):
    """A request of which nothing but the head is sent, and what goes on with it."""
    decryption = begin(server, transport, "", sample)
    assert process.wait_until(lambda: owner_of(server, decryption.client.socket))
    try:
        yield decryption
    finally:
        decryption.close()


@transports.each()
def test_without_a_descriptor_for_its_spool_a_file_is_refused_cleanly(spooling, transport):
    server = spooling(**SETTINGS)
    for kind in KINDS:
        with begun(server, transport, sample_of(kind, 500_000)) as decryption:
            with Idle(server):
                decryption.read_error(503, "overloaded")
            assert int(decryption.response.header("Retry-After")) > 0
        assert is_free(server)
        assert_decrypts(server, sample_of(kind, 500_000), transport)
    assert "Too many open files" in server.log()


@transports.each()
def test_a_file_that_needs_no_spool_needs_no_descriptor(spooling, transport):
    server = spooling(**SETTINGS)
    for kind in KINDS:
        with begun(server, transport, sample_of(kind, SMALL)) as decryption, Idle(server):
            decryption.finish()


@transports.each()
def test_a_client_that_stops_reading_is_cut_and_takes_no_memory_meanwhile(spooling, transport):
    server = spooling(send_timeout="1s")
    for kind in (FERNET, BINARY):
        sample = sample_of(kind, 10 * MIB)  # one file on disk
        assert_decrypts(server, sample, transport)  # its worker has all it needs from now on
        before = process.reset_peaks(server)
        decryption = begin(server, transport, UNREAD, sample)
        wait_for_disk(server, [decryption])
        assert is_free(server), "it was not cut"
        body = decryption.read_cut()
        assert sample.plaintext.startswith(body) and len(body) < len(sample.plaintext)
        decryption.close()
        if not SANITIZED:
            growth = process.assert_peaks_grew_little(server, before)
            assert growth < 2 << 10, growth


@transports.each([HTTP_1_1, H2])
def test_a_client_that_reads_slowly_gets_everything(spooling, transport):
    server = spooling(send_timeout="1s")
    decryption = begin(server, transport, UNREAD, sample_of(BINARY, 12 * MIB))
    for i in range(1, 6):
        time.sleep(0.3)  # in all longer than the timeout
        decryption.read_up_to(i * 2 * MIB)
    decryption.finish()
    decryption.close()


def test_many_at_once_do_not_mix(spooling):
    server = spooling(workers=2)
    samples = [damage.make(kind, os.urandom(MIB)) for kind in KINDS * 3]
    begun = [begin(server, transport, UNREAD, sample) for i, sample in enumerate(samples)
             for transport in [transports.ALL[i % len(transports.ALL)], HTTP_1_1]]
    for decryption in reversed(begun):
        decryption.finish()
        decryption.close()


def test_streams_of_one_connection_do_not_mix(spooling):
    server = spooling()
    first = begin(server, H2, UNREAD, sample_of(FERNET, MIB))
    begun = [first] + [begin(server, H2, UNREAD, sample_of(kind, MIB), client=first.client)
                       for kind in (BINARY, ARMORED, FERNET)]
    for decryption in reversed(begun):
        decryption.finish()
    first.close()
