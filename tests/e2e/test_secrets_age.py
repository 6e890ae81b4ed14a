# SPDX-License-Identifier: Apache-2.0
"""What must not be found in a worker once it is done: identities, wherever a client put them, the keys
of a file of age, keys that were made for keeping, plaintext."""

import os
import time

import pytest

from support import age, transports
from support.age_files import AgeFile, IDENTITY, query, unarmor
from support.forms import BOUNDARY, FORM, form, part
from support.memory import (assert_forgotten, fernet_needles, file_needles, found_in,
                            identity_needles, searches_memory)
from support.raw_http import RawClient, chunked, exchange, request
from support.sources import MIB

PATH = "/encrypt_file"
CHUNKED = ("Transfer-Encoding", "chunked")
UPLOADS = [b"Attack at dawn.\n", os.urandom(300_000)]
pytestmark = searches_memory
each_armor = pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
each_lasting = transports.each(transports.LASTING)
# Not HTTP/2: its frames stay in the worker's one buffer for them until something else is read.
each_with_buffers = transports.each([transports.HTTP_1_1, transports.TLS])


@pytest.fixture(scope="module")
def server(make_module_server):
    """With one worker, which all tests here look into: each looks for secrets of its own."""
    return make_module_server()


@pytest.fixture
def identity():
    return age.keygen()


def worker_of(server):
    [worker] = server.workers
    return worker


def test_the_search_finds_the_keys_of_a_file_that_is_on_its_way(server, identity):
    own = ("Encryption-Key", identity.secret)
    with RawClient(server.port) as client:
        client.send(request("PUT", PATH + query(), [own, CHUNKED], b""))
        client.send(chunked(bytes(300_000))[:-len("0\r\n\r\n")])
        response = client.read_head()
        pieces = client.body_pieces(response)
        parts = AgeFile.parse(next(pieces) + next(pieces))
        assert "payload key" in found_in(worker_of(server), file_needles(parts, identity.secret))


def test_the_search_finds_an_identity_in_a_head_that_is_not_whole(server, identity):
    with RawClient(server.port) as client:
        client.send(request("PUT", PATH + query([identity.secret]))[:-2])
        time.sleep(0.2)
        assert "text" in found_in(worker_of(server), identity_needles(identity.secret))


def needles_after(response, armor, identity, way):
    secret = response.header("Encryption-Key") if way == "made" else identity.secret
    parts = AgeFile.parse(unarmor(response.body) if armor else response.body)
    return {**identity_needles(secret), **file_needles(parts, secret)}


@each_armor
@pytest.mark.parametrize("way", ["made", "own", "recipients"])
@each_lasting
def test_no_key_is_in_a_workers_memory_after_a_good_request(server, identity, transport, way,
                                                            armor):
    recipients = [identity.recipient] * 2 if way == "recipients" else []
    headers = [("Encryption-Key", identity.secret)] if way == "own" else []
    for plaintext in UPLOADS:
        with transport.connect(server) as client:
            response = transport.ask(client, "PUT", PATH + query(recipients, armor), headers,
                                     plaintext)
            assert (response.status, response.complete) == (200, True)
            needles = needles_after(response, armor, identity, way)
            # HTTP/2's table of headers keeps one as long as the client may refer to it.
            if not (way == "own" and transport in transports.WITH_HTTP_2):
                assert_forgotten(worker_of(server), needles)
        assert_forgotten(worker_of(server), needles)


BAD = {
    "as a recipient": (PATH + "?format=age&recipient={}", False),
    "as the second recipient": (PATH + "?format=age&recipient={0}&recipient={0}", False),
    "escaped": (PATH + "?format=age&recipient=%41{}", False),
    "as a parameter": (PATH + "?format=age&identity={}", False),
    "as armor": (PATH + "?format=age&armor={}", False),
    "as the format": (PATH + "?format={}", False),
    "of Fernet": (PATH + "?recipient={}", False),
    "at a wrong path": ("/nothing?recipient={}", False),
    "as a file's name": (PATH + "/{}?format=age", False),
    "for a key": ("/generate_key?recipient={}", False),
    "in the header, for Fernet": (PATH, True),
    "in the header, twice": (PATH + "?format=age", True),
    "in the header, with a bad parameter": (PATH + "?format=age&x=1", True),
    "in the header, at a wrong path": ("/nothing", True),
    "in the header, for a key": ("/generate_key", True),
}


@pytest.mark.parametrize("target, in_header", BAD.values(), ids=BAD)
@each_lasting
def test_no_identity_is_in_a_workers_memory_that_was_sent_by_mistake(server, transport, target,
                                                                    in_header):
    secret = age.keygen().secret
    headers = [("Encryption-Key", secret)] * (2 if "format=age" in target else 1)
    method = "POST" if "generate" in target else "PUT"
    with transport.connect(server) as client:
        response = transport.ask(client, method, target.format(secret),
                                 headers if in_header else [], b"x")
        assert response.status in (200, 400, 404)
        if transport not in transports.WITH_HTTP_2:
            assert_forgotten(worker_of(server), identity_needles(secret))
    assert_forgotten(worker_of(server), identity_needles(secret))


@pytest.mark.parametrize("name", ["fernet", "age"])
@each_lasting
def test_no_key_that_was_made_for_keeping_is_in_a_workers_memory(server, transport, name):
    with transport.connect(server) as client:
        for body in (None, b"x", bytes(100_000)):
            key = transport.ask(client, "POST", f"/generate_key?format={name}", [], body).json()["key"]
            assert (IDENTITY.fullmatch(key) is not None) == (name == "age")
            needles = identity_needles(key) if name == "age" else fernet_needles(key)
            assert_forgotten(worker_of(server), needles)
    assert_forgotten(worker_of(server), needles)


def marked(n):
    """A plaintext of about n bytes, and a piece of it that stands in it over and over."""
    marker = os.urandom(48)
    return marker * (n // len(marker) + 1), {"plaintext": marker[:24], "its end": marker[24:]}


@pytest.mark.parametrize("options", ["", "?format=age", "?format=age&armor=true"])
@pytest.mark.parametrize("as_form", [False, True], ids=["put", "form"])
@each_with_buffers
def test_no_plaintext_is_in_a_workers_memory_after_its_request(server, transport, options, as_form):
    for n in (100, 70_000, MIB):
        plaintext, needles = marked(n)
        headers = [("Content-Type", FORM + BOUNDARY)] if as_form else []
        body = form(part(plaintext)) if as_form else plaintext
        with transport.connect(server) as client:
            response = transport.ask(client, "POST" if as_form else "PUT", PATH + options, headers,
                                     body)
            assert (response.status, response.complete) == (200, True)
        assert_forgotten(worker_of(server), needles)


# How many bytes of a file of 300 kB came before its client went.
POINTS = [0, 1000, 65536, 65537, 200_000, 299_999]


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
@each_lasting
def test_neither_key_nor_plaintext_is_in_a_workers_memory_after_an_abort(server, identity, transport,
                                                                        armor):
    plaintext, marks = marked(300_000)
    needles = identity_needles(identity.secret)
    if transport not in transports.WITH_HTTP_2:
        needles |= marks
    headers = [("Encryption-Key", identity.secret)]
    for n in POINTS:
        if transport in transports.WITH_HTTP_2:
            with transport.connect(server) as client:
                stream = client.request("PUT", PATH + query(armor=armor), headers, plaintext[:n],
                                        ends=False, declared=False)
                client.send_all(stream)
                client.abort()
        else:
            with transport.connect(server) as client:
                client.send(request("PUT", PATH + query(armor=armor),
                                    [*headers, ("Content-Length", "300000")]) + plaintext[:n])
                client.discard_meanwhile()
                time.sleep(0.02)
    assert_forgotten(worker_of(server), needles)


def test_neither_key_nor_plaintext_is_in_a_workers_memory_after_an_answer_that_was_cut(server,
                                                                                       identity):
    plaintext, needles = marked(300_000)
    headers = [("Content-Type", FORM + BOUNDARY), ("Encryption-Key", identity.secret)]
    body = form(part(plaintext), part(b"a second file"))
    response = exchange(server.port, request("POST", PATH + query(), headers, body))
    assert (response.status, response.complete) == (200, False)
    parts = AgeFile.parse(response.body)
    assert_forgotten(worker_of(server), {
        **needles, **identity_needles(identity.secret), **file_needles(parts, identity.secret)})
