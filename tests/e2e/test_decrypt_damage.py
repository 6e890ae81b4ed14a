# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to an encrypted file, it is refused, and no byte of the plaintext leaves: looked at
on the socket, where a client may not look."""

import functools
import itertools

import pytest

from support import damage, transports
from support.answers import assert_error
from support.damage import (
    ARMORED, BINARY, FERNET, KINDS, Questioner, codes_of, cuts, damages_at_edges, flips, is_accepted,
    rearrangements, tails, telltale, witness)
from support.forms import BOUNDARY, FORM, form, part
from support.transports import HTTP_1_1

N_LARGE = 300 << 10  # more than is kept in memory


@functools.cache
def sample_of(kind, n):
    return damage.make(kind, telltale(n))


# A token that ends with =, and one with ==.
SMALL = [(FERNET, 20), (FERNET, 50), (BINARY, 20), (ARMORED, 20)]
LARGE = [(kind, N_LARGE) for kind in KINDS]

each_small = pytest.mark.parametrize("of", SMALL, ids=lambda of: f"{of[0]} of {of[1]}")
each_large = pytest.mark.parametrize("of", LARGE, ids=KINDS)
each_way = pytest.mark.parametrize("as_form", [False, True], ids=["put", "form"])


def arguments(sample, file, as_form=False):
    if as_form:
        headers = [*sample.headers, ("Content-Type", FORM + BOUNDARY)]
        return "POST", "/decrypt_file", headers, form(part(file))
    return "PUT", "/decrypt_file", sample.headers, file


def assert_all_refused(server, transport, sample, files, as_form=False):
    files = [file for file in files if not is_accepted(sample, file)]
    assert files
    with Questioner(server, transport, sample.plaintext) as questioner:
        answers = questioner.ask_all([arguments(sample, file, as_form) for file in files])
        for file, response in zip(files, answers, strict=True):
            found = response.status, response.json()["code"]
            assert found in codes_of(sample, file), (found, file[:500])
            assert_error(response, *found)


def assert_accepted(server, transport, sample, files, as_form=False):
    with transport.connect(server) as client:
        for file in files:
            response = transport.ask(client, *arguments(sample, file, as_form))
            assert (response.status, response.complete) == (200, True), response.body[:300]
            assert response.body == sample.plaintext


@each_small
def test_a_file_with_any_one_bit_flipped_is_refused(server, of):
    sample = sample_of(*of)
    assert_all_refused(server, HTTP_1_1, sample, flips(sample))


@each_small
@each_way
def test_a_file_that_is_cut_at_any_byte_is_refused(server, of, as_form):
    sample = sample_of(*of)
    assert_all_refused(server, HTTP_1_1, sample, cuts(sample), as_form)


@each_small
@each_way
def test_a_file_with_something_before_or_behind_it_is_refused(server, of, as_form):
    sample = sample_of(*of)
    assert_all_refused(server, HTTP_1_1, sample, tails(sample), as_form)


@each_small
@each_way
def test_a_file_of_which_a_piece_is_missing_doubled_or_elsewhere_is_refused(server, of, as_form):
    sample = sample_of(*of)
    assert_all_refused(server, HTTP_1_1, sample, rearrangements(sample), as_form)


@each_small
def test_a_form_with_a_bit_of_its_file_flipped_is_refused(server, of):
    sample = sample_of(*of)
    files = itertools.islice(flips(sample), 0, None, 7)
    assert_all_refused(server, HTTP_1_1, sample, files, as_form=True)


@each_small
@each_way
@transports.each()
def test_every_transport_refuses_what_is_damaged(server, transport, of, as_form):
    sample = sample_of(*of)
    for files, step in [(flips(sample), 131), (cuts(sample), 37), (tails(sample), 11),
                        (rearrangements(sample), 101)]:
        assert_all_refused(server, transport, sample, itertools.islice(files, 0, None, step),
                           as_form)


@each_small
@each_way
@transports.each(transports.LASTING)
def test_every_transport_accepts_what_is_whole(server, transport, of, as_form):
    sample = sample_of(*of)
    files = [file for file in [sample.file, *tails(sample), *cuts(sample)]
             if is_accepted(sample, file)]
    assert len(files) > 1 or sample.kind == BINARY
    assert_accepted(server, transport, sample, files, as_form)


@each_small
@transports.each()
def test_nothing_leaks_to_who_has_another_key(server, transport, of):
    sample = sample_of(*of)
    other = damage.make(of[0], b"x")
    with Questioner(server, transport, sample.plaintext) as questioner:
        response = questioner.ask("PUT", "/decrypt_file", other.headers, sample.file)
    assert_error(response, 422, "decryption_failed")


@each_large
def test_a_large_file_with_a_bit_flipped_or_cut_at_an_edge_is_refused(server, of):
    sample = sample_of(*of)
    assert_all_refused(server, HTTP_1_1, sample, damages_at_edges(sample))


@each_large
def test_a_large_form_with_a_bit_flipped_or_cut_at_an_edge_is_refused(server, of):
    sample = sample_of(*of)
    files = itertools.islice(damages_at_edges(sample, seed=2), 0, None, 3)
    assert_all_refused(server, HTTP_1_1, sample, files, as_form=True)


@each_large
@each_way
def test_a_large_file_with_a_piece_missing_doubled_or_elsewhere_is_refused(server, of, as_form):
    sample = sample_of(*of)
    assert_all_refused(server, HTTP_1_1, sample, rearrangements(sample, n_most=25), as_form)


@each_large
@transports.each()
def test_every_transport_refuses_what_is_damaged_of_a_large_file(server, transport, of):
    sample = sample_of(*of)
    files = [*itertools.islice(damages_at_edges(sample, seed=3), 0, None, 19),
             *rearrangements(sample, n_most=3), sample.file + b"x",
             sample.file[:-1] + bytes([sample.file[-1] ^ 0x80])]
    assert_all_refused(server, transport, sample, files)


@each_large
@transports.each(transports.UNDECLARED)
def test_a_large_file_whose_length_shows_at_its_end_alone_is_refused_if_damaged(
        server, transport, of):
    sample = sample_of(*of)
    with Questioner(server, transport, sample.plaintext) as questioner:
        for file in itertools.islice(damages_at_edges(sample, seed=4), 5, None, 29):
            questioner.ask(*arguments(sample, file), declared=False)


@each_large
@each_way
@transports.each()
def test_every_transport_accepts_a_large_file_that_is_whole(server, transport, of, as_form):
    sample = sample_of(*of)
    response = transport.exchange(server, *arguments(sample, sample.file, as_form))
    assert (response.status, response.complete) == (200, True)
    assert int(response.header("Content-Length")) == len(response.body)
    assert response.body == sample.plaintext


def test_the_witness_sees_a_byte_that_leaks(server):
    """So that the statements above say something."""
    for transport in transports.ALL:
        for kind in KINDS:
            sample = sample_of(kind, 50)
            with witness(server, transport) as client:
                transport.ask(client, *arguments(sample, sample.file))
                with pytest.raises(AssertionError):
                    damage.assert_nothing_leaked(client, transport, sample.plaintext)
