# SPDX-License-Identifier: Apache-2.0
"""What an operator may write around the service: it works, or it fails loudly, and never halfway."""

import os
import socket
import time

import pytest
from cryptography.fernet import Fernet

from support.answers import assert_encrypted, assert_error
from support.h2_client import H2Client
from support.raw_http import RawClient, chunked, exchange, request

LOCATION = "location / {\n            encrypter on;"


def test_a_body_that_another_module_took_is_an_error_and_not_an_empty_file(make_server):
    server = make_server(edits=[(LOCATION, "location /m { internal; return 204; }\n"
                                 + LOCATION + " mirror /m;")])
    response = exchange(server.port, request("PUT", "/encrypt_file", [], os.urandom(300_000)))
    assert_error(response, 500, "internal_error")
    assert "another module took the body" in server.log()


def test_a_subrequest_to_the_service_does_not_harm_the_worker(make_server):
    server = make_server(edits=[(LOCATION, "location /x { mirror /encrypt_file; "
                                 "mirror_request_body off; return 204; }\n" + LOCATION)])
    workers = server.workers
    exchange(server.port, request("POST", "/x", [], b"x"))
    assert exchange(server.port, request("GET", "/healthz")).status == 200
    assert server.workers == workers


def test_an_error_page_that_is_the_service_does_not_harm_the_worker(make_server):
    server = make_server(body_limit="10", edits=[
        (LOCATION, "error_page 413 @again; location @again { encrypter on; }\n" + LOCATION)])
    workers = server.workers
    response = exchange(server.port, request("PUT", "/encrypt_file", [], b"x" * 100))
    assert response.status == 500
    assert server.workers == workers


def test_the_service_is_there_in_a_location_within_its_location(make_server):
    server = make_server(edits=[(LOCATION, LOCATION + """
            location /encrypt_file/small/ { client_max_body_size 10; }""")])
    response = exchange(server.port, request("PUT", "/encrypt_file/small/a.txt", [], b"x"))
    assert_encrypted(response, b"x", "encrypted_a.txt")
    response = exchange(server.port, request("PUT", "/encrypt_file/small/a.txt", [], b"x" * 11))
    assert_error(response, 413, "payload_too_large")


def test_the_rest_of_a_bad_body_may_arrive_while_an_error_page_is_on_its_way(make_server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        upstream = silent.getsockname()[1]
        server = make_server(edits=[
            (LOCATION, "error_page 400 @page; location @page { proxy_ignore_client_abort on; "
             f"proxy_pass http://127.0.0.1:{upstream}; }}\n" + LOCATION)])
        workers = server.workers
        body = chunked(b"--b\r\nno header\r\n\r\n" + bytes(100_000), size=1000)
        data = request("POST", "/encrypt_file", [("Transfer-Encoding", "chunked"),
                                                 ("Content-Type", "multipart/form-data; boundary=b")],
                       body)
        with RawClient(server.port) as client:
            for i in range(0, len(data), 10_000):
                client.send(data[i:i + 10_000])
                time.sleep(0.02)
        assert server.workers == workers


def test_a_large_hold_takes_a_body_in_pieces_of_any_size(make_server):
    server = make_server(hold="4m")
    plaintext = os.urandom(6 << 20)
    data = request("PUT", "/encrypt_file", [("Transfer-Encoding", "chunked")],
                   chunked(plaintext, size=24_406))
    with RawClient(server.port) as client:
        client.send_meanwhile(data)
        assert_encrypted(client.read_response(), plaintext)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("directives", [
    "client_body_buffer_size 8k;",
    "client_body_buffer_size 8k; client_body_in_file_only on;",
    "client_body_buffer_size 1m; client_body_in_single_buffer on;"])
def test_an_http_2_body_that_came_before_its_turn_does_not_go_to_a_disk(make_server, declared,
                                                                        directives):
    server = make_server(edits=[
        ("client_body_buffer_size 60k;", directives
         + " limit_req_zone $server_port zone=slow:32k rate=2r/s;"),
        (LOCATION, LOCATION + " limit_req zone=slow burst=9;")])
    plaintext = os.urandom(60_000)
    with H2Client(server.h2c_port) as client:
        streams = [client.request("PUT", "/encrypt_file", [], plaintext, declared=declared)
                   for _ in range(2)]
        for stream in streams:  # nginx has the second one wait, and reads it meanwhile
            assert_encrypted(client.read_response(stream), plaintext)
    assert server.temp_files() == []


def test_a_request_that_is_passed_on_has_no_key_and_no_header_without_a_name(make_server):
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        server = make_server(edits=[
            (LOCATION, "error_page 400 @page; location @page { proxy_pass_request_body off; proxy_pass "
             f"http://127.0.0.1:{upstream.getsockname()[1]}; }}\n" + LOCATION)])
        key = Fernet.generate_key().decode()
        with RawClient(server.port) as client:
            client.send(request("PUT", "/encrypt_file?unknown=1", [("Encryption-Key", key)], b"x"))
            connection, _ = upstream.accept()
            with connection:
                head = connection.recv(65536)
    assert key.encode() not in head
    assert all(line.split(b":")[0] for line in head.split(b"\r\n\r\n")[0].split(b"\r\n")), head
