# SPDX-License-Identifier: Apache-2.0
"""What must not be found: plaintext on a disk, keys in a log, keys in a worker once it is done."""

import os
import tempfile
import time

import pytest
from cryptography.fernet import Fernet

from support import age, process, transports
from support.age_files import query
from support.formats import FORMATS
from support.forms import BOUNDARY, FORM, part, post_form
from support.memory import assert_forgotten, fernet_needles, found_in, searches_memory
from support.raw_http import RawClient, exchange, request
from support.sources import MIB

MARKER = b"plaintext-that-must-not-reach-a-disk"
BLOCK = (MARKER + b"\n") * (MIB // (len(MARKER) + 1))
N_BLOCKS = 64
CHUNKED = ("Transfer-Encoding", "chunked")
PUT_HEAD = request("PUT", "/encrypt_file", [CHUNKED], b"")
FORM_HEAD = request("POST", "/encrypt_file", [("Content-Type", FORM + BOUNDARY), CHUNKED], b"")
FORM_BEGIN = f"--{BOUNDARY}\r\n".encode() + part(BLOCK[:1000])


def as_chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_the_search_finds_a_marker_in_an_unlinked_file():
    with tempfile.TemporaryFile(dir="/tmp") as file:
        file.write(bytes(10 * MIB) + MARKER)
        file.flush()
        found = process.as_root(process.find_in_written_files, os.getpid(), MARKER.hex())
    assert len(found) == 1


@pytest.mark.parametrize("begin", [PUT_HEAD, FORM_HEAD + as_chunk(FORM_BEGIN)],
                         ids=["put", "form"])
def test_no_plaintext_is_on_disk_during_a_large_upload(server, begin):
    with RawClient(server.port) as client:
        client.send(begin)
        client.discard_meanwhile()
        for i in range(N_BLOCKS):
            client.send(as_chunk(BLOCK))
            if i % 8 == 0:
                assert process.files_with(server, MARKER) == []
                assert server.temp_files() == []


@pytest.mark.parametrize("begin", [PUT_HEAD, FORM_HEAD + as_chunk(FORM_BEGIN)],
                         ids=["put", "form"])
def test_no_plaintext_is_on_disk_while_a_client_does_not_read(server, begin):
    with RawClient(server.port, receive_buffer=65536) as client:
        client.send(begin)
        client.send_meanwhile(as_chunk(BLOCK) * N_BLOCKS)
        time.sleep(1)
        assert process.files_with(server, MARKER) == []
        assert server.temp_files() == []


def test_no_key_is_in_a_log(make_server):
    server = make_server()
    own = Fernet.generate_key().decode()
    keys = [exchange(server.port, post_form(part(b"x"))).header("Encryption-Key")]
    for target in ("/encrypt_file", "/encrypt_file?unknown=1", "/nothing"):
        exchange(server.port, request("PUT", target, [("Encryption-Key", own)], b"x"))
    exchange(server.port, request("PUT", "/encrypt_file", [("Encryption-Key", own + "=")], b"x"))
    text = "\n".join(server.access_lines(at_least=5)) + server.log()
    assert "encrypt_file" in text
    assert [key for key in [own, *keys] if key in text] == []


def test_no_key_of_age_is_in_a_log(make_server):
    server = make_server()
    identity = age.keygen()
    found = [identity.secret, identity.recipient]
    for options, headers in ((query(), []), (query([identity.recipient]), []),
                             (query(armor=True), [("Encryption-Key", identity.secret)])):
        response = exchange(server.port, request("PUT", "/encrypt_file" + options, headers, b"x"))
        assert response.status == 200
        found += response.all("Encryption-Key")
    text = "\n".join(server.access_lines(at_least=3)) + server.log()
    assert len(found) == 3 and "encrypt_file" in text
    assert [key for key in found if key in text] == []


@pytest.mark.parametrize("options", ["?format=age", "?format=age&armor=true"])
def test_no_plaintext_of_age_is_in_the_spool(make_server, options):
    server = make_server()
    plaintext = BLOCK * 16
    with RawClient(server.port, receive_buffer=65536) as client:
        client.send(request("PUT", "/encrypt_file" + options, [], plaintext))
        assert process.wait_until(lambda: process.spool_bytes(server) > 8 * MIB)
        assert process.files_with(server, MARKER) == []
        FORMATS[options](client.read_response(), plaintext)


def test_a_worker_leaves_no_core_file(server):
    for pid in server.workers:
        assert process.core_limits(pid) == ["0", "0"]


def test_a_worker_is_not_dumpable(server):
    for pid in server.workers:
        user, owner = process.owners(pid)
        if user == 0:
            pytest.skip("a process of root belongs to root anyway")
        assert owner == 0


@searches_memory
def test_the_search_finds_a_key_that_is_in_use(make_server):
    server = make_server()
    key = Fernet.generate_key().decode()
    with RawClient(server.port) as client:
        client.send(request("PUT", "/encrypt_file", [("Encryption-Key", key)], b"held")[:-1])
        time.sleep(0.2)
        assert "encrypting" in found_in(server.workers[0], fernet_needles(key))


UPLOADS = {
    "small": b"Attack at dawn.\n",
    "large": os.urandom(300_000),
}


@searches_memory
@pytest.mark.parametrize("alive", [True, False], ids=["kept alive", "closed"])
@pytest.mark.parametrize("own", [True, False], ids=["own key", "made key"])
@pytest.mark.parametrize("plaintext", UPLOADS.values(), ids=UPLOADS)
@transports.each(transports.LASTING)
def test_no_key_is_in_a_workers_memory_after_its_request(make_server, transport, plaintext, own,
                                                         alive):
    server = make_server()
    key = Fernet.generate_key().decode()
    headers = [("Encryption-Key", key)] if own else []
    with transport.connect(server) as client:
        response = transport.ask(client, "PUT", "/encrypt_file", headers, plaintext)
        assert (response.status, response.complete) == (200, True)
        key = key if own else response.header("Encryption-Key")
        # HTTP/2's table of headers keeps one as long as the client may refer to it.
        if alive and not (own and transport in transports.WITH_HTTP_2):
            assert_forgotten(server.workers[0], fernet_needles(key))
            return
    assert_forgotten(server.workers[0], fernet_needles(key))


@searches_memory
@pytest.mark.parametrize("plaintext", UPLOADS.values(), ids=UPLOADS)
def test_no_key_is_in_a_workers_memory_after_a_cut_off_request(make_server, plaintext):
    server = make_server()
    key = Fernet.generate_key().decode()
    with RawClient(server.port) as client:
        client.send(request("PUT", "/encrypt_file", [("Encryption-Key", key)], plaintext)[:-1])
        time.sleep(0.2)
        client.reset()
    assert_forgotten(server.workers[0], fernet_needles(key))


# Requests that carry a key to where none is wanted, or are refused before the module sees them.
STRAYS = {
    "to an unknown path": lambda key: request("PUT", "/nothing", [key], b"x"),
    "with another method": lambda key: request("GET", "/encrypt_file", [key]),
    "to the root": lambda key: request("GET", "/", [key]),
    "too large": lambda key: request("PUT", "/encrypt_file", [key, ("Content-Length", "9" * 15)]),
    "before a bad header": lambda key: request("PUT", "/encrypt_file", [key, ("bad header", "x")]),
    "with an unknown parameter": lambda key: request("PUT", "/encrypt_file?x=1", [key], b"x"),
    "of which there are two": lambda key: request("PUT", "/encrypt_file", [key, key], b"x"),
}


@searches_memory
@pytest.mark.parametrize("make", STRAYS.values(), ids=STRAYS)
def test_no_key_is_in_a_workers_memory_after_a_request_that_has_no_use_for_it(make_server, make):
    server = make_server()
    key = Fernet.generate_key().decode()
    exchange(server.port, make(("Encryption-Key", key)))
    assert_forgotten(server.workers[0], fernet_needles(key))


@searches_memory
@transports.each(transports.WITH_HTTP_2)
def test_no_key_is_in_a_workers_memory_after_http_2_requests_that_never_came_to_the_service(
        make_server, transport):
    server = make_server(body_limit="1k")
    key = Fernet.generate_key().decode()
    with transport.connect(server) as client:
        for target, n in (("/encrypt_file", 2000), ("/nothing", 10)):
            response = transport.ask(client, "PUT", target, [("Encryption-Key", key)], bytes(n))
            assert response.status in (413, 404)
    assert_forgotten(server.workers[0], fernet_needles(key))


@searches_memory
@pytest.mark.parametrize("buffer_bytes", [1 << 10, 4 << 10, 8 << 10])
def test_no_part_of_a_key_is_in_memory_where_it_began_in_one_buffer_and_ended_in_another(
        make_server, buffer_bytes):
    server = make_server()
    key = Fernet.generate_key().decode()

    def make(padding):
        return request("PUT", "/encrypt_file",
                       [("X-Padding", padding), ("Encryption-Key", key)], b"x")

    n_before = make("").index(key.encode())
    data = make("p" * (buffer_bytes - n_before - 42))  # nginx copies a header that does not fit
    assert exchange(server.port, data).status == 200
    time.sleep(0.2)
    part_of_key = key[:40].encode().hex()
    found = process.as_root(process.find_in_memory, server.workers[0], [part_of_key])
    assert found == []
