# SPDX-License-Identifier: Apache-2.0
"""What must not be found once a file was decrypted, or was not: the key and the plaintext in a
worker's memory, in a log, or on a disk."""

import os

import pytest
from cryptography.fernet import Fernet

from support import age, process, transports
from support.age_files import AgeFile, unarmor
from support.decryption import (CHUNKED, FORM_TYPE, PATH, RELEASE, Sealed, as_form, as_put,
                                assert_decrypted)
from support.forms import form, part
from support.memory import (assert_forgotten, fernet_needles, file_needles, found_in,
                            identity_needles, searches_memory)
from support.raw_http import RawClient, exchange, request
from support.sources import MIB

each_lasting = transports.each(transports.LASTING)


@pytest.fixture(scope="module")
def server(make_module_server):
    """With one worker, which all tests here look into: each looks for secrets of its own."""
    return make_module_server()


def worker_of(server):
    [worker] = server.workers
    return worker


def sealed_for(kind, n):
    """A new file under a new key, and what is secret about it; the plaintext is marked all over."""
    marker = os.urandom(48)
    plaintext = marker * (n // len(marker) + 1)
    marks = {"plaintext": marker[:24], "its end": marker[24:]}
    if kind == "fernet":
        key = Fernet.generate_key().decode()
        return Sealed(plaintext, Fernet(key).encrypt(plaintext), key), marks, fernet_needles(key)
    identity = age.keygen()
    file = age.encrypt(plaintext, [age.keygen().recipient, identity.recipient],
                       armor=kind == "armored age")
    parts = AgeFile.parse(unarmor(file) if kind == "armored age" else file)
    keys = {**identity_needles(identity.secret), **file_needles(parts, identity.secret)}
    return Sealed(plaintext, file, identity.secret), marks, keys


MODES = {
    "fernet": ("fernet", ""),
    "age": ("age", ""),
    "armored age": ("armored age", ""),
    "age in chunks": ("age", RELEASE),
    "armored age in chunks": ("armored age", RELEASE),
}
each_mode = pytest.mark.parametrize("kind, query", MODES.values(), ids=MODES)


@searches_memory
@pytest.mark.parametrize("kind", ["fernet", "age", "armored age"])
def test_the_search_finds_a_key_that_is_in_use(server, kind):
    sealed, _, keys = sealed_for(kind, 1000)
    with RawClient(server.port) as client:
        client.send(request(*as_put(sealed))[:-1])
        assert process.wait_until(lambda: found_in(worker_of(server), keys))


@searches_memory
@each_mode
def test_the_search_finds_plaintext_that_is_on_its_way(server, kind, query):
    sealed, marks, _ = sealed_for(kind, 8 * MIB)
    with RawClient(server.port, receive_buffer=4096) as client:
        client.send_meanwhile(request(*as_put(sealed, query)))
        assert process.wait_until(lambda: found_in(worker_of(server), marks))


@searches_memory
@each_mode
@pytest.mark.parametrize("make, n", [(as_form, 100), (as_put, 300_000)], ids=["small", "large"])
@each_lasting
def test_nothing_is_in_a_workers_memory_after_a_good_file(server, transport, make, n, kind, query):
    sealed, marks, keys = sealed_for(kind, n)
    with transport.connect(server) as client:
        response = transport.ask(client, *make(sealed, query))
        assert_decrypted(response, sealed, streamed=query == RELEASE and n > 100_000)
        # HTTP/2's table of headers keeps one as long as the client may refer to it.
        if transport not in transports.WITH_HTTP_2:
            assert_forgotten(worker_of(server), {**marks, **keys})
    assert_forgotten(worker_of(server), {**marks, **keys})


# What a client does wrong with a good file.
FAULTS = {
    "cut": lambda sealed: as_put(Sealed(b"", sealed.file[:-20], sealed.key)),
    "added to": lambda sealed: as_put(Sealed(b"", sealed.file + b"x", sealed.key)),
    "altered at its end": lambda sealed: as_put(Sealed(
        b"", sealed.file[:-50] + bytes([sealed.file[-50] ^ 0x80]) + sealed.file[-49:], sealed.key)),
    "in a form with a second file": lambda sealed: (
        "POST", PATH, [sealed.header, FORM_TYPE], form(part(sealed.file), part(b"x"))),
    "in a form without an end": lambda sealed: (
        "POST", PATH, [sealed.header, FORM_TYPE], form(part(sealed.file), close=False)),
}


@searches_memory
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("kind", ["fernet", "age", "armored age"])
@transports.each([transports.TLS, transports.H2C])
def test_nothing_is_in_a_workers_memory_after_a_bad_file(server, transport, kind, fault):
    sealed, marks, keys = sealed_for(kind, 300_000)
    with transport.connect(server) as client:
        response = transport.ask(client, *fault(sealed))
        assert response.status in (400, 422)
    assert_forgotten(worker_of(server), {**marks, **keys})


# Requests that carry a key to where none is wanted, or are refused before the file is looked at.
STRAYS = {
    "for another file": lambda key: ("PUT", PATH, [key], b"gAAAAAB" + b"A" * 93),
    "for no encrypted file": lambda key: ("PUT", PATH, [key], b"x"),
    "for nothing": lambda key: ("PUT", PATH, [key], b""),
    "of which there are two": lambda key: ("PUT", PATH, [key, key], b"x"),
    "with more behind it": lambda key: ("PUT", PATH, [(key[0], key[1] + "x")], b"x"),
    "with an unknown parameter": lambda key: ("PUT", PATH + "?x=1", [key], b"x"),
    "with a bad ttl": lambda key: ("PUT", PATH + "?ttl=x", [key], b"x"),
    "with a bad release": lambda key: ("PUT", PATH + "?release=x", [key], b"x"),
    "with another method": lambda key: ("DELETE", PATH, [key], None),
    "to a path that has no such method": lambda key: ("POST", PATH + "/x", [key], b"x"),
    "to the root": lambda key: ("GET", "/", [key], None),
    "as a parameter": lambda key: ("PUT", f"{PATH}?key={key[1]}", [], b"x"),
    "as the ttl": lambda key: ("PUT", f"{PATH}?ttl={key[1]}", [key], b"x"),
    "as a file's name": lambda key: ("PUT", f"{PATH}/{key[1]}", [key], b"x"),
    "of a file that is too large": lambda key: ("PUT", PATH, [key], bytes(30_000)),
    "with a Content-Encoding": lambda key: ("PUT", PATH, [key, ("Content-Encoding", "gzip")], b"x"),
    "urlencoded": lambda key: (
        "POST", PATH, [key, ("Content-Type", "application/x-www-form-urlencoded")], b"x"),
}
each_stray = pytest.mark.parametrize("make", STRAYS.values(), ids=STRAYS)


@pytest.fixture(scope="module")
def small_server(make_module_server):
    return make_module_server(body_limit="20k")


@searches_memory
@each_stray
@transports.each([transports.HTTP_1_1, transports.H2])
def test_no_key_is_in_a_workers_memory_after_a_request_that_has_no_use_for_it(small_server,
                                                                             transport, make):
    fernet, identity = Fernet.generate_key().decode(), age.keygen().secret
    for key in (fernet, identity):
        response = transport.exchange(small_server, *make(("Encryption-Key", key)))
        assert response.status in (200, 400, 404, 405, 413, 415, 422)
    assert_forgotten(worker_of(small_server),
                     {**identity_needles(identity), **fernet_needles(fernet)})


# How many bytes of a file of 300 kB came before its client went.
POINTS = [0, 10, 1000, 65_536, 65_537, 200_000, 299_999]


@searches_memory
@each_mode
@each_lasting
def test_nothing_is_in_a_workers_memory_after_an_upload_that_was_cut_off(server, transport, kind,
                                                                       query):
    sealed, marks, keys = sealed_for(kind, 300_000)
    method, target, headers, file = as_put(sealed, query)
    for n in POINTS:
        with transport.connect(server) as client:
            if transport in transports.WITH_HTTP_2:
                stream = client.request(method, target, headers, file[:n], ends=False,
                                        declared=False)
                client.send_all(stream)
                client.abort()
            else:
                client.send(request(method, target, [*headers, ("Content-Length", str(len(file)))]))
                client.send_meanwhile(file[:n]).join(5)
    assert_forgotten(worker_of(server), {**marks, **keys})


@searches_memory
@each_mode
@each_lasting
def test_nothing_is_in_a_workers_memory_after_an_answer_that_nobody_read_to_its_end(
        server, transport, kind, query):
    sealed, marks, keys = sealed_for(kind, 4 * MIB)
    with transport.connect(server) as client:
        if transport in transports.WITH_HTTP_2:
            stream = client.request(*as_put(sealed, query))
            client.read_head(stream)
            client.abort()
        else:
            client.send_meanwhile(request(*as_put(sealed, query)))
            response = client.read_head()
            next(client.body_pieces(response))
    assert_forgotten(worker_of(server), {**marks, **keys})


@each_mode
def test_no_plaintext_is_on_disk_while_a_client_does_not_read(server, kind, query):
    sealed, marks, _ = sealed_for(kind, 8 * MIB)
    with RawClient(server.port, receive_buffer=4096) as client:
        client.send_meanwhile(request(*as_put(sealed, query)))
        response = client.read_head()
        assert response.status == 200
        for mark in marks.values():
            assert process.files_with(server, mark) == []
        assert server.temp_files() == []


def test_neither_key_nor_plaintext_is_in_a_log(make_server):
    server = make_server()
    found, n_requests = [], 0
    for kind, query in MODES.values():
        sealed, marks, _ = sealed_for(kind, 200_000)
        found += [sealed.key, sealed.key[-20:]]
        found += [mark.decode("latin-1") for mark in marks.values()]
        faults = [fault(sealed) for fault in FAULTS.values()]
        strays = [make(sealed.header) for make in STRAYS.values()]
        for data in (as_put(sealed, query), as_form(sealed, query), *faults, *strays):
            exchange(server.port, request(*data), data[0])
            n_requests += 1
        with RawClient(server.port) as client:  # one that is cut
            client.send(request("PUT", PATH + query, [sealed.header, CHUNKED]) + b"5\r\ngAAAA")
    text = "\n".join(server.access_lines(at_least=n_requests)) + server.log()
    assert len(server.access_lines()) >= n_requests and "decrypt_file" in text
    assert [word for word in found if word in text] == []
