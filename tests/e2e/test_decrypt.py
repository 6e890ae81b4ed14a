# SPDX-License-Identifier: Apache-2.0
"""POST and PUT /decrypt_file: what the service encrypts comes back byte for byte, and so does what
Python's cryptography and the age of others encrypt, in every shape of a request and over every
transport."""

import os

import pytest
from cryptography.fernet import Fernet

from support import age, transports
from support.age_files import file_size
from support.decryption import (AGE_SEALS, CHUNKED, FERNET_KEY, PATH, RECIPIENT, SEALS, SECRET,
                                SHAPES, Sealed, as_form, as_put, ask, assert_decrypted)
from support.fernet import token_size
from support.formats import FORMATS, size_of_answer
from support.raw_http import RawClient, chunked, exchange, request

HOLD = 64 << 10
MIB = 1 << 20
NOISE = os.urandom(5 * MIB)
# Where blocks, buffers, chunks and what is kept in memory end.
EDGES = [n + more for n in (4096, 8192, 12288, 16384, 32768, 49152, 65536, 131072)
         for more in (-1, 0, 1)]

each_seal = pytest.mark.parametrize("seal", SEALS)
each_shape = pytest.mark.parametrize("shape", SHAPES)
each_format = pytest.mark.parametrize("options", FORMATS, ids=SEALS)


def encrypted_by_the_service(client, plaintext, options):
    client.send_meanwhile(request("PUT", "/encrypt_file" + options, [], plaintext))
    answer = client.read_response()
    assert (answer.status, answer.complete) == (200, True)
    return Sealed(plaintext, answer.body, answer.header("Encryption-Key"))


def decrypt(client, sealed, shape):
    data, name = SHAPES[shape](sealed)
    client.send_meanwhile(request(*data))
    assert_decrypted(client.read_response(), sealed, name)


@each_shape
@each_format
def test_every_short_length_that_the_service_encrypts_comes_back(server, options, shape):
    with RawClient(server.port) as client:
        for n in range(81):
            decrypt(client, encrypted_by_the_service(client, NOISE[:n], options), shape)


@each_format
def test_lengths_around_every_edge_come_back(server, options):
    held = max(n for n in range(HOLD) if size_of_answer(options, n) <= HOLD)
    with RawClient(server.port) as client:
        for n in [*EDGES, held - 16, held, held + 1, held + 17]:
            sealed = encrypted_by_the_service(client, NOISE[:n], options)
            for shape in SHAPES:
                decrypt(client, sealed, shape)


@each_shape
@each_format
def test_5_mib_come_back(server, options, shape):
    with RawClient(server.port) as client:
        decrypt(client, encrypted_by_the_service(client, NOISE, options), shape)


@transports.each()
@each_seal
@pytest.mark.parametrize("n", [0, 1000, MIB + 1])
def test_every_transport_carries_it(server, transport, seal, n):
    sealed = SEALS[seal](NOISE[:n])
    with transport.connect(server) as client:
        for shape in SHAPES if transport in transports.LASTING else ["put with a name"]:
            data, name = SHAPES[shape](sealed)
            assert_decrypted(transport.ask(client, *data), sealed, name)


@transports.each([transports.HTTP_1_0])
@each_shape
@each_seal
def test_http_1_0_carries_every_shape(server, transport, seal, shape):
    sealed = SEALS[seal](NOISE[:300_000])
    data, name = SHAPES[shape](sealed)
    assert_decrypted(transport.exchange(server, *data), sealed, name)


@transports.each(transports.UNDECLARED)
@each_shape
@each_seal
def test_every_transport_carries_a_body_of_unknown_length(server, transport, seal, shape):
    with transport.connect(server) as client:
        for n in (0, 1000, 300_000):
            sealed = SEALS[seal](NOISE[:n])
            data, name = SHAPES[shape](sealed)
            assert_decrypted(transport.ask(client, *data, declared=False), sealed, name)


@transports.each(transports.WITH_HTTP_2)
def test_streams_of_one_connection_are_decrypted_at_the_same_time(server, transport):
    files = [SEALS[seal](NOISE[n:n + 100_000 + n]) for n in (0, 99_999) for seal in SEALS]
    with transport.connect(server) as client:
        streams = [client.request(*as_put(sealed), ends=False) for sealed in files]
        for stream in reversed(streams):
            client.send(stream, b"", ends=True)
        for stream, sealed in zip(streams, files):
            assert_decrypted(client.read_response(stream), sealed)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"], ids=["nothing", "LF", "CR LF"])
@each_shape
def test_a_token_of_pythons_comes_back_with_a_line_end_behind_it_too(server, shape, end):
    with RawClient(server.port) as client:
        for n in (0, 1, 15, 16, 17, 1000, 49_000, 65_536, MIB):
            key = Fernet.generate_key().decode()
            token = Fernet(key).encrypt(NOISE[:n])
            decrypt(client, Sealed(NOISE[:n], token + end, key), shape)


def test_a_token_whose_line_end_does_not_fit_into_the_hold_comes_back(server):
    with RawClient(server.port) as client:
        for n in range(HOLD * 3 // 4 - 80, HOLD * 3 // 4, 8):
            token = SEALS["fernet"](NOISE[:n]).file
            assert len(token) == token_size(n)
            for end in (b"\n", b"\r\n"):
                sealed = Sealed(NOISE[:n], token + end, FERNET_KEY)
                assert_decrypted(ask(client, sealed), sealed)


@pytest.mark.parametrize("timestamp", [0, 1, 2 ** 32, 2 ** 63, 2 ** 64 - 1])
def test_a_token_of_any_time_comes_back(server, timestamp):
    token = Fernet(FERNET_KEY).encrypt_at_time(b"x", timestamp)
    sealed = Sealed(b"x", token, FERNET_KEY)
    assert_decrypted(exchange(server.port, request(*as_put(sealed))), sealed)


@pytest.fixture(scope="module")
def others():
    return [age.keygen().recipient for _ in range(3)]


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
@pytest.mark.parametrize("before, after", [(0, 0), (1, 0), (0, 1), (3, 0), (2, 1)])
def test_a_file_of_debians_age_for_several_comes_back(server, others, before, after, armor):
    recipients = [*others[:before], RECIPIENT, *others[3 - after:]]
    with RawClient(server.port) as client:
        for n in (0, 1000, HOLD - file_size(0, len(recipients)), 65_536, 200_000):
            sealed = Sealed(NOISE[:n], age.encrypt(NOISE[:n], recipients, armor), SECRET)
            assert_decrypted(ask(client, sealed), sealed)


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_a_file_of_npms_age_comes_back(server, tmp_path, others, armor):
    for n in (0, 70_000):
        file = age.npm_encrypt(NOISE[:n], tmp_path, recipients=[*others, RECIPIENT], armor=armor)
        sealed = Sealed(NOISE[:n], file, SECRET)
        assert_decrypted(exchange(server.port, request(*as_put(sealed))), sealed)


ARMOR_EDITS = {
    "CR LF": lambda text: text.replace(b"\n", b"\r\n"),
    "no line end at the end": lambda text: text.rstrip(b"\n"),
    "empty lines behind": lambda text: text + b"\n\r\n \t\n",
    "empty lines before": lambda text: b"\n\r\n \t\n" + text,
    "white space on all sides": lambda text: b" \r\n" + text.replace(b"\n", b"\r\n") + b" \n",
}


@pytest.mark.parametrize("edit", ARMOR_EDITS.values(), ids=ARMOR_EDITS)
def test_armor_may_have_white_space_around_it_and_any_line_ends(server, edit):
    with RawClient(server.port) as client:
        for n in (0, 1000, 200_000):
            armored = SEALS["armored age"](NOISE[:n])
            sealed = Sealed(armored.plaintext, edit(armored.file), SECRET)
            assert_decrypted(ask(client, sealed), sealed)


@each_seal
def test_the_answer_has_these_headers_and_no_others(server, seal):
    response = exchange(server.port, request(*as_put(SEALS[seal](b"x"))))
    names = sorted(name for name, _ in response.headers)
    assert names == ["Cache-Control", "Connection", "Content-Disposition", "Content-Length",
                     "Content-Type", "Date", "Encryption-Format", "Server",
                     "X-Accel-Buffering", "X-Content-Type-Options"]


@each_seal
@pytest.mark.parametrize("n", [100, MIB])
def test_a_client_that_sends_everything_before_it_reads_gets_everything(server, seal, n):
    sealed = SEALS[seal](NOISE[:n])
    with RawClient(server.port, receive_buffer=4096) as client:
        client.send(request(*as_put(sealed)))
        assert_decrypted(client.read_response(), sealed)


@each_seal
def test_a_body_in_chunks_of_any_size_is_the_same(server, seal):
    sealed = SEALS[seal](NOISE[:1000])
    with RawClient(server.port) as client:
        for size in (1, 2, 3, 100, 4096):
            client.send(request("PUT", PATH, [sealed.header, CHUNKED], chunked(sealed.file, size)))
            assert_decrypted(client.read_response(), sealed)


@each_seal
def test_a_file_that_comes_byte_by_byte_is_whole(server, seal):
    sealed = SEALS[seal](b"slowly")
    with RawClient(server.port) as client:
        for byte in request(*as_form(sealed, filename=sealed.named("slow.txt"))):
            client.send(bytes([byte]))
        assert_decrypted(client.read_response(), sealed, "slow.txt")


@each_seal
@pytest.mark.parametrize("n", [100, 200_000])
def test_a_client_that_expects_100_continue_gets_it(server, seal, n):
    sealed = SEALS[seal](NOISE[:n])
    data = request(*as_put(sealed, headers=[("Expect", "100-continue")]))
    with RawClient(server.port) as client:
        client.send(data[:-len(sealed.file)])
        assert client.socket.recv(25, 0) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send_meanwhile(sealed.file)
        assert_decrypted(client.read_response(), sealed)


@pytest.mark.parametrize("transport", transports.LASTING, ids=lambda transport: transport.name)
def test_a_connection_is_of_use_after_a_good_file_and_after_a_bad_one(server, transport):
    with transport.connect(server) as client:
        for n in (0, 1000, 60_000, 200_000):
            for seal in SEALS:
                sealed = SEALS[seal](NOISE[:n])
                assert_decrypted(transport.ask(client, *as_put(sealed)), sealed)
                bad = Sealed(b"", sealed.file[:-3], sealed.key)
                response = transport.ask(client, *as_put(bad))
                assert (response.status, response.json()["code"]) == (422, "decryption_failed")


def test_a_connection_encrypts_and_decrypts_in_turn(server):
    with RawClient(server.port) as client:
        for n in (0, 1000, 200_000):
            for options in FORMATS:
                sealed = encrypted_by_the_service(client, NOISE[:n], options)
                assert_decrypted(ask(client, sealed), sealed)


@pytest.mark.parametrize("n", [10, 60_000, 300_000])
def test_pipelined_requests_are_answered_in_order(server, n):
    files = [SEALS[seal](NOISE[i:n + i]) for i in range(2) for seal in SEALS]
    with RawClient(server.port) as client:
        client.send_meanwhile(b"".join(request(*as_put(sealed)) for sealed in files))
        for sealed in files:
            assert_decrypted(client.read_response(), sealed)


@pytest.mark.parametrize("seal", AGE_SEALS)
def test_a_bad_file_between_two_good_ones_of_a_pipeline_is_answered_in_its_place(server, seal):
    sealed = SEALS[seal](NOISE[:1000])
    bad = Sealed(b"", sealed.file[:-40], sealed.key)
    with RawClient(server.port) as client:
        client.send(b"".join(request(*as_put(each)) for each in (sealed, bad, sealed)))
        assert_decrypted(client.read_response(), sealed)
        assert client.read_response().status == 422
        assert_decrypted(client.read_response(), sealed)
