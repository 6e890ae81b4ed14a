# SPDX-License-Identifier: Apache-2.0
"""nginx in front of the service, with conf/proxy.conf and without: files come back right, and where
the plaintext goes meanwhile."""

import contextlib
import hashlib
import http.client
import os

import pytest
import requests

from support import process
from support.answers import assert_encrypted, assert_error, assert_no_token
from support.fernet import TokenVerifier, token_size
from support.forms import BOUNDARY, FORM, form, part
from support.paced import TRANSPORTS, assert_right, paced  # noqa: F401
from support.proxy import make_proxy, n_connections_to  # noqa: F401
from support.raw_http import Closed, RawClient, chunked, request
from support.sources import LARGE_MIB, MIB, Upload
from support.transports import ALL, HTTP_1_0, HTTP_1_1, LASTING, TLS, each

PATH = "/encrypt_file"
CHUNKED = ("Transfer-Encoding", "chunked")
# In MiB. The service's buffers, and the sockets between it and the proxy, hold the first two.
SIZES = [0, 1, LARGE_MIB * 100 // 1024]
# A proxy_pass and nothing else, but for large files.
DEFAULT = "client_max_body_size 0;"
# What of conf/proxy.conf has to do with how it sends the upload, but for the headers.
STREAMING = """proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
            client_max_body_size 0;"""

each_size = pytest.mark.parametrize("mib", SIZES)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The path and the SHA-256 of a file of so many MiB."""
    made = {}

    def file(mib):
        if mib not in made:
            path = tmp_path_factory.mktemp("files") / "report.bin"
            digest = hashlib.sha256()
            with open(path, "wb") as output:
                for _ in range(mib):
                    block = os.urandom(MIB)
                    digest.update(block)
                    output.write(block)
            made[mib] = path, digest.hexdigest()
        return made[mib]

    yield file
    for path, _ in made.values():
        path.unlink()


def assert_nothing_was_buffered(proxy):
    assert "buffered to a temporary file" not in proxy.log()
    assert proxy.temp_files() == []


def assert_curl_gets_it_right(proxy, folder, file, *arguments):
    path, sha256 = file
    upload = Upload(folder, "--cacert", proxy.certificate, *arguments)
    head, found = upload.verify()
    assert (head.status, found) == (200, sha256)
    assert int(head.header("Content-Length")) == token_size(path.stat().st_size) == upload.n_answer
    assert_nothing_was_buffered(proxy)


@each_size
@pytest.mark.parametrize("option", ["--http1.0", "--http1.1", "--http2"])
@pytest.mark.parametrize("kind", ["form", "put"])
def test_curl_gets_files_of_all_sizes_encrypted(make_proxy, tmp_path, files, mib, option, kind):
    proxy = make_proxy()
    path = files(mib)[0]
    url = (proxy.tls_url if option == "--http2" else proxy.url) + PATH
    how = ["-F", f"file=@{path}", url] if kind == "form" else ["-T", path, url + "/"]
    assert_curl_gets_it_right(proxy, tmp_path, files(mib), option, *how)


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
def test_curl_gets_a_pipe_encrypted(make_proxy, tmp_path, files, option):
    proxy = make_proxy()
    path = files(SIZES[2])[0]

    class Pipe:
        n_taken = 0

        def __iter__(self):
            with open(path, "rb") as file:
                yield from iter(lambda: file.read(MIB), b"")

    upload = Upload(tmp_path, option, "--cacert", proxy.certificate, "-T", "-",
                    proxy.tls_url + PATH, feed=Pipe())
    head, found = upload.verify()
    assert (head.status, found) == (200, files(SIZES[2])[1])
    assert_nothing_was_buffered(proxy)


@each_size
@pytest.mark.parametrize("kind", ["form", "put"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_python_requests_gets_files_of_all_sizes_encrypted(make_proxy, files, mib, kind, scheme):
    proxy = make_proxy()
    path, sha256 = files(mib)
    url = (proxy.url if scheme == "http" else proxy.tls_url) + PATH
    with open(path, "rb") as file:
        body = {"files": {"file": file}} if kind == "form" else {"data": file if mib else b""}
        method = "POST" if kind == "form" else "PUT"
        answer = requests.request(method, url, stream=True, verify=str(proxy.certificate), **body)
    assert answer.status_code == 200
    verifier = TokenVerifier(answer.headers["Encryption-Key"])
    for piece in answer.iter_content(MIB):
        verifier.update(piece)
    assert verifier.finish() == sha256
    assert_nothing_was_buffered(proxy)


@pytest.mark.parametrize("read", ["last", "paced", "eager"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_clients_that_read_in_any_manner_get_the_right_answers(make_proxy, paced, transport, read):
    proxy = make_proxy(workers=2)
    assert_right(paced(proxy, transport, kind="form", bytes=f"{LARGE_MIB // 32}m", read=read,
                       parallel=4, burst="4m", pause="50ms"))
    assert_nothing_was_buffered(proxy)


def begin_upload(proxy, transport, plaintext):
    """The client of an upload that is not yet ended, and what ends it."""
    client = transport.connect(proxy)
    if transport in (HTTP_1_1, TLS):
        client.send(request("PUT", PATH, [CHUNKED], b"") + chunked(plaintext)[:-len(b"0\r\n\r\n")])
        return client, lambda: client.send(b"0\r\n\r\n") or client.read_response()
    stream = client.request("PUT", PATH, body=iter([plaintext]), ends=False)
    client.send_all(stream)
    return client, lambda: client.send(stream, b"", ends=True) or client.read_response(stream)


@each(LASTING)
@pytest.mark.parametrize("n_mib", [1, 24])
def test_no_plaintext_is_in_a_file_of_a_proxy_as_shipped(make_proxy, transport, n_mib):
    proxy = make_proxy()
    marker = os.urandom(64)
    plaintext = marker + bytes(n_mib * MIB) + marker
    client, finish = begin_upload(proxy, transport, plaintext)
    with client:
        assert process.wait_until(lambda: process.spool_bytes(proxy.service) > n_mib * MIB // 2)
        assert process.files_with(proxy, marker) == process.files_with(proxy.service, marker) == []
        assert proxy.temp_files() == []
        assert_encrypted(finish(), plaintext)
    assert_nothing_was_buffered(proxy)


@each(LASTING)
def test_a_proxy_by_default_works_but_writes_plaintext_to_its_disk(make_proxy, transport):
    proxy = make_proxy(DEFAULT)
    marker = os.urandom(64)
    plaintext = marker + bytes(24 * MIB) + marker
    client, finish = begin_upload(proxy, transport, plaintext)
    with client:
        assert process.wait_until(lambda: process.files_with(proxy, marker))
        assert process.files_with(proxy.service, marker) == []
        assert_encrypted(finish(), plaintext)
    assert "a client request body is buffered to a temporary file" in proxy.log()


@pytest.mark.parametrize("mib", SIZES[:3])
@pytest.mark.parametrize("kind", ["form", "put"])
def test_a_proxy_by_default_gets_files_of_all_sizes_encrypted(make_proxy, tmp_path, files, mib,
                                                              kind):
    proxy = make_proxy(DEFAULT)
    path, sha256 = files(mib)
    how = ["-F", f"file=@{path}"] if kind == "form" else ["-T", path]
    head, found = Upload(tmp_path, *how, proxy.url + PATH + ("/" * (kind == "put"))).verify()
    assert (head.status, found) == (200, sha256)


@pytest.mark.parametrize("header", ["Via 1.0", "X-Forwarded-For 192.0.2.1", "Forwarded for=_x"])
def test_one_header_of_a_proxy_is_enough(make_proxy, header):
    proxy = make_proxy(STREAMING + f'proxy_set_header {header};')
    plaintext = os.urandom(24 * MIB)
    assert_encrypted(HTTP_1_1.exchange(proxy, "PUT", PATH, [], plaintext), plaintext)


def test_a_proxy_that_says_nothing_needs_a_service_that_is_not_full_duplex(make_proxy):
    proxy = make_proxy(STREAMING, full_duplex="off")
    plaintext = os.urandom(24 * MIB)
    assert_encrypted(HTTP_1_1.exchange(proxy, "PUT", PATH, [], plaintext), plaintext)


def test_a_proxy_that_says_nothing_gets_a_large_answer_cut(make_proxy):
    # It stops for good when it cannot pass on more of the upload. So the service is made to push
    # back, by a client that reads nothing until all that lies between the two is full.
    proxy = make_proxy(STREAMING, client_body_timeout="1s", spool_patience="1m")
    upload = request("PUT", PATH, [], os.urandom(48 * MIB))
    with RawClient(proxy.port) as client:
        n_sent = 0
        client.socket.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while n_sent < len(upload):
                n_sent += client.socket.send(upload[n_sent:n_sent + 65536])
        client.socket.settimeout(20)
        assert n_sent < len(upload)
        sender = client.send_meanwhile(upload[n_sent:])
        response = client.read_response()
        sender.join(5)
    assert (response.status, response.complete) == (200, False)


def put_from(proxy, address, body, headers=()):
    """Begins a request from an address of the loopback's; returns its connection."""
    client = http.client.HTTPConnection("127.0.0.1", proxy.port, 20, source_address=(address, 0))
    client.request("PUT", PATH, body, dict(headers))
    return client


def test_clients_are_counted_one_by_one_where_the_service_is_told_their_addresses(make_proxy):
    proxy = make_proxy(connections_per_address=1, edits=[("location / {", """
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Forwarded-For;
        location / {""")])
    begun = put_from(proxy, "127.0.0.2", b"x", [("Content-Length", "2")])
    assert process.wait_until(lambda: n_connections_to(proxy.service) == 1)
    answers = [put_from(proxy, address, b"x").getresponse()
               for address in ("127.0.0.2", "127.0.0.3")]
    assert [answer.status for answer in answers] == [429, 200]
    begun.send(b"x")
    assert begun.getresponse().status == 200


BAD_FORM = (FORM + BOUNDARY, form(part(b"x", name="other")))
LARGE_FORM = (FORM + BOUNDARY, form(part(os.urandom(6 * MIB))))


@each(ALL)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
@pytest.mark.parametrize("settings, body, status, code", [
    ({}, BAD_FORM, 400, "missing_file"),
    ({"body_limit": "4m"}, LARGE_FORM, 413, "payload_too_large"),
    ({"spool_request_max": "4m"}, LARGE_FORM, 507, "insufficient_storage"),
], ids=["400", "413", "507"])
def test_errors_of_the_service_come_through(make_proxy, transport, declared, settings, body, status,
                                            code):
    if transport is HTTP_1_0 and not declared:
        pytest.skip("it has no chunks")
    content_type, content = body
    proxy = make_proxy(**settings)
    response = transport.exchange(proxy, "POST", PATH, [("Content-Type", content_type)], content,
                                  declared=declared)
    assert_error(response, status, code)
    assert response.header("Cache-Control") == "no-store"


@each(LASTING)
def test_a_connection_to_the_proxy_can_be_used_again_after_an_answer(make_proxy, transport):
    proxy = make_proxy()
    with transport.connect(proxy) as client:
        for n in (0, 100, 3 * MIB, 10):
            plaintext = os.urandom(n)
            assert_encrypted(transport.ask(client, "PUT", PATH, [], plaintext), plaintext)


def read_no_answer(proxy, transport, n_mib=24):
    """The client of an upload that was answered, but that has not read the answer."""
    window = {"gives_window": False} if transport not in (HTTP_1_1, TLS) else {}
    body = bytes(n_mib * MIB)
    client = transport.connect(proxy)
    if window:
        stream = client.request("PUT", PATH, body=body, **window)
        client.send_all(stream)
        return client, stream
    client.send(request("PUT", PATH, [], body))
    return client, None


@each(LASTING)
def test_a_cut_of_the_service_is_a_cut_for_the_client(make_proxy, transport):
    proxy = make_proxy(expected_trouble=["exited on signal 9"])
    client, stream = read_no_answer(proxy, transport)
    with client:
        head = client.read_head(stream) if stream else client.read_head()
        assert head.status == 200
        [worker] = proxy.service.workers
        process.as_root(process.kill, worker)
        if stream:
            stream.gives_window = True
            client.give_window(stream, 1 << 30)
            response = client.read_response(stream)
        else:
            response = head
            response.body = read_to_the_cut(client, head)
    assert not response.complete
    assert_no_token(response)


def read_to_the_cut(client, head):
    pieces = []
    try:
        pieces.extend(client.body_pieces(head))
    except Closed:
        pass
    return b"".join(pieces)


@each(LASTING)
@pytest.mark.parametrize("when", ["while it sends", "while it does not read"])
def test_a_client_that_goes_away_frees_the_spool(make_proxy, transport, when):
    proxy = make_proxy()
    if when == "while it sends":
        client, _ = begin_upload(proxy, transport, bytes(24 * MIB))
    else:
        client, _ = read_no_answer(proxy, transport)
    with client:
        assert process.wait_until(lambda: process.spool_bytes(proxy.service) > 8 * MIB)
    assert process.wait_until(lambda: process.spool_files(proxy.service) == [], 5)
    assert process.wait_until(lambda: n_connections_to(proxy.service) == 0)


def test_no_key_is_in_a_log_of_the_proxy(make_proxy):
    proxy = make_proxy()
    response = HTTP_1_1.exchange(proxy, "PUT", PATH, [], b"x")
    own_key = "A" * 42 + "8="
    answer = HTTP_1_1.exchange(proxy, "PUT", PATH, [("Encryption-Key", own_key)], b"x")
    assert_encrypted(answer, b"x", key=own_key)
    logs = proxy.log() + "".join(proxy.access_lines(2))
    assert "PUT /encrypt_file" in logs
    assert response.header("Encryption-Key") not in logs and own_key not in logs
