# SPDX-License-Identifier: Apache-2.0
"""The room of a spool comes back: at once, and all of it, however often answers are cut."""

import os

import pytest

from support import process, transports
from support.answers import assert_encrypted, assert_error
from support.forms import BOUNDARY, FORM, form, part
from support.paced import TRANSPORTS, only, paced  # noqa: F401
from support.raw_http import request
from support.sources import MIB
from support.spool import spooling  # noqa: F401
from support.transports import WITH_HTTP_2

# One request may take up all that there is, so that nothing can be lost unnoticed.
TIGHT = {"spool_request_max": "8m", "spool_max": "8m"}
# An answer to this one is spooled whole, and has not begun when it is refused.
HELD = [("Via", "1.1 proxy")]
ROUNDS = 10
STEP = 16 << 10
SIZES = range(5 * MIB, 7 * MIB, STEP)  # their tokens are smaller and larger than the room


def is_free(server, seconds=5):
    return process.wait_until(lambda: process.spool_files(server) == [], seconds)


def fits(server, paced, n_bytes):
    """Whether an answer has room. What a thread is just about to give back gets its time."""
    for _ in range(3):
        assert is_free(server)
        upload = only(paced(server, bytes=n_bytes, headers=HELD, read="last"))
        assert upload["status"] in (200, 507)
        if upload["ok"]:
            return True
    return False


def largest_that_fits(server, paced):
    low, high = 0, len(SIZES) - 1
    assert fits(server, paced, SIZES[low]) and not fits(server, paced, SIZES[high])
    while high - low > 1:
        middle = (low + high) // 2
        if fits(server, paced, SIZES[middle]):
            low = middle
        else:
            high = middle
    return SIZES[low]


@pytest.mark.parametrize("flags", [{"transport": t} for t in TRANSPORTS] + [{"http10": True}],
                         ids=[*TRANSPORTS, "http/1.0"])
def test_ten_refused_answers_leave_all_the_room_that_there_was(spooling, paced, flags):
    server = spooling(**TIGHT)
    largest = largest_that_fits(server, paced)
    for _ in range(ROUNDS):
        assert is_free(server)
        upload = only(paced(server, kind="form", bytes="20m", read="last", headers=HELD, **flags))
        assert (upload["status"], upload["complete"]) == (507, True), upload
    assert fits(server, paced, largest)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ten_cut_answers_leave_all_the_room_that_there_was(spooling, paced, transport):
    server = spooling(**TIGHT)
    largest = largest_that_fits(server, paced)
    for _ in range(ROUNDS):
        assert is_free(server)
        upload = only(paced(server, transport, kind="form", bytes="64m", read="last", rcvbuf="64k",
                            h2_window="64k"))
        assert (upload["status"], upload["complete"]) == (200, False), upload
    assert fits(server, paced, largest)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ten_answers_that_came_whole_leave_all_the_room_that_there_was(spooling, paced, transport):
    server = spooling(**TIGHT)
    largest = largest_that_fits(server, paced)
    for _ in range(ROUNDS):
        assert is_free(server)
        assert fits(server, paced, largest)


def answer_before_the_end(client, transport, method, headers, body):
    """The answer to an upload of which more is to come than body; it does not come."""
    if transport in WITH_HTTP_2:
        stream = client.request(method, "/encrypt_file", headers, iter([body]), ends=False)
        return client.read_response(stream)
    headers = [*headers, ("Content-Length", str(len(body) + MIB))]
    client.send(request(method, "/encrypt_file", headers, version=transport.version))
    client.send_meanwhile(body)
    return client.read_response()


FORM_TYPE = ("Content-Type", FORM + BOUNDARY)
REFUSED = {
    "no room": ("PUT", [], bytes(20 * MIB), 507, "insufficient_storage"),
    "two files": ("POST", [FORM_TYPE], form(part(bytes(4 * MIB)), part(b"x")), 400,
                  "too_many_files"),
}


@pytest.mark.parametrize("method, headers, body, status, code", REFUSED.values(), ids=REFUSED)
@transports.each()
def test_a_refused_client_that_stays_and_could_send_more_holds_no_room(
        spooling, transport, method, headers, body, status, code):
    server = spooling(**TIGHT, full_duplex="off")
    with transport.connect(server) as client:
        response = answer_before_the_end(client, transport, method, headers, body)
        assert_error(response, status, code)
        assert is_free(server, seconds=3)
        plaintext = os.urandom(5 * MIB)
        another = transport.exchange(server, "PUT", "/encrypt_file", [], plaintext)
        assert_encrypted(another, plaintext)
