# SPDX-License-Identifier: Apache-2.0
"""Many clients at once: everyone gets their own file, and a key of their own."""

import hashlib
import http.client
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import transports
from support.answers import assert_encrypted
from support.formats import FORMATS, name_of_answer
from support.forms import part, post_form
from support.raw_http import RawClient, exchange, request

N_CLIENTS = 64
N_KEYS = 10_000
N_THREADS = 8
LEVELS = ["portable", "avx2", "avx512"]


def test_64_clients_at_once_each_get_their_own_file(server):
    together = threading.Barrier(N_CLIENTS)

    def client(i):
        plaintext = hashlib.shake_128(b"%d" % i).digest(i * 20_011)
        together.wait()
        response = exchange(server.port, post_form(part(plaintext, filename=f"{i}.txt")))
        assert_encrypted(response, plaintext, f"encrypted_{i}.txt")
        return response.header("Encryption-Key")

    with ThreadPoolExecutor(N_CLIENTS) as pool:
        keys = list(pool.map(client, range(N_CLIENTS)))
    assert len(set(keys)) == N_CLIENTS


def test_64_clients_at_once_of_both_formats_each_get_their_own_file(server):
    together = threading.Barrier(N_CLIENTS)

    def client(i):
        plaintext = hashlib.shake_128(b"%d" % i).digest(i * 20_011)
        options = list(FORMATS)[i % len(FORMATS)]
        together.wait()
        data = post_form(part(plaintext, filename=f"{i}.txt"), target="/encrypt_file" + options)
        response = exchange(server.port, data)
        FORMATS[options](response, plaintext, name_of_answer(options, f"{i}.txt"))
        return response.header("Encryption-Key")

    with ThreadPoolExecutor(N_CLIENTS) as pool:
        keys = list(pool.map(client, range(N_CLIENTS)))
    assert len(set(keys)) == N_CLIENTS


def test_streams_of_both_formats_on_one_connection_do_not_mix(server):
    formats = list(FORMATS) * 5
    plaintexts = [os.urandom(150_000 + i) for i in range(len(formats))]
    with transports.H2C.connect(server) as client:
        streams = [client.request("PUT", f"/encrypt_file/{i}{options}", ends=False)
                   for i, options in enumerate(formats)]
        for start in range(0, 160_000, 20_000):
            for stream, plaintext in zip(streams, plaintexts):
                client.send(stream, plaintext[start:start + 20_000], ends=start == 140_000)
        for i, options in enumerate(formats):
            FORMATS[options](client.read_response(streams[i]), plaintexts[i],
                             name_of_answer(options, i))


def test_64_uploads_that_alternate_in_small_steps_do_not_mix(server):
    plaintexts = [bytes([i]) * 3000 + os.urandom(i) for i in range(N_CLIENTS)]
    requests = [request("PUT", f"/encrypt_file/{i}.txt", [], p) for i, p in enumerate(plaintexts)]
    clients = [RawClient(server.port) for _ in plaintexts]
    step = 501
    for start in range(0, max(map(len, requests)), step):
        for client, data in zip(clients, requests):
            client.send(data[start:start + step])
    for i, client in enumerate(clients):
        assert_encrypted(client.read_response(), plaintexts[i], f"encrypted_{i}.txt")
        client.close()


@pytest.mark.parametrize("instructions", LEVELS)
def test_files_go_abreast_through_any_instructions_and_back(make_server, instructions):
    server = make_server(workers=1, instructions=instructions, log_level="notice")
    n_clients = 20
    together = threading.Barrier(n_clients)

    def client(i):
        plaintext = hashlib.shake_128(b"%d" % i).digest(i * 10_007)
        together.wait()
        token = exchange(server.port, request("PUT", f"/encrypt_file/{i}", [], plaintext))
        assert_encrypted(token, plaintext, f"encrypted_{i}")
        together.wait()
        headers = [("Encryption-Key", token.header("Encryption-Key"))]
        answer = exchange(server.port, request("PUT", "/decrypt_file", headers, token.body))
        assert (answer.status, answer.body) == (200, plaintext)

    with ThreadPoolExecutor(n_clients) as pool:
        list(pool.map(client, range(n_clients)))
    levels = "|".join(LEVELS[:LEVELS.index(instructions) + 1])  # this processor may lack some
    assert re.search(rf"encrypter: instructions: ({levels})\n", server.log())


def keys_of(port, n):
    """The keys of n uploads over connections that are kept alive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    keys = []
    for _ in range(n):
        connection.request("PUT", "/encrypt_file", body=b"the same for everyone")
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        keys.append(response.headers["Encryption-Key"])
    connection.close()
    return keys


def test_10000_uploads_get_10000_keys(server):
    with ThreadPoolExecutor(N_THREADS) as pool:
        found = pool.map(keys_of, [server.port] * N_THREADS, [N_KEYS // N_THREADS] * N_THREADS)
        keys = [key for some in found for key in some]
    assert len(keys) == len(set(keys)) == N_KEYS


def test_small_uploads_are_answered_while_a_large_one_runs(make_server):
    server = make_server(workers=1)
    stop = threading.Event()

    def endless():
        with RawClient(server.port) as client:
            client.send(request("PUT", "/encrypt_file", [("Transfer-Encoding", "chunked")], b""))
            chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
            client.discard_meanwhile()
            while not stop.is_set():
                client.send(chunk)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(endless) for _ in range(2)]
        try:
            for i in range(50):
                plaintext = os.urandom(i)
                assert_encrypted(exchange(server.port, post_form(part(plaintext))), plaintext)
        finally:
            stop.set()
        for result in running:
            result.result(20)
