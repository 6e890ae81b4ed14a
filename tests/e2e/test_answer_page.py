# SPDX-License-Identifier: Apache-2.0
"""The answer to a form without JavaScript: a page with the encrypted file and its key in it."""

import contextlib
import os
import select
import subprocess

import pytest
from cryptography.fernet import Fernet

from support import age, process, transports
from support.answers import assert_encrypted, assert_error
from support.forms import BOUNDARY, FORM, form, part, post_form
from support.memory import assert_forgotten, fernet_needles, identity_needles, searches_memory
from support.pages import assert_refused, read_page
from support.raw_http import RawClient, chunked, exchange, request
from support.sources import MIB
from support.transports import H2, HTTP_1_1, LASTING, TLS, UNDECLARED

PATH = "/encrypt_file?answer=page"
FORM_TYPE = ("Content-Type", FORM + BOUNDARY)
FORMATS = {"": "fernet", "&format=age": "age", "&format=age&armor=true": "age"}
SIZES = [0, 1, 1000, MIB]
FORM_MAX = 64 << 10  # what may be around the file


def post(transport, server, plaintext, options="", name="report.txt", headers=()):
    body = form(part(plaintext, filename=name))
    return transport.exchange(server, "POST", PATH + options, [FORM_TYPE, *headers], body)


def decrypt(file, key, encryption_format, folder):
    if encryption_format == "age":
        return age.decrypt(file, [key], folder)
    return Fernet(key).decrypt(file)


def assert_page(response, plaintext, options, folder, name="report.txt", key=None):
    """A page whose file decrypts with its key, or with the client's own."""
    encryption_format = FORMATS[options]
    page = read_page(response, encryption_format)
    saved_as, file = page.download()
    assert saved_as == (f"encrypted_{name}" if encryption_format == "fernet" else f"{name}.age")
    assert file.startswith(b"-----BEGIN AGE") == ("armor" in options)
    assert (page.key() is None) == (key is not None)
    assert decrypt(file, key or page.key(), encryption_format, folder) == plaintext
    return page


@pytest.mark.parametrize("options", FORMATS)
@pytest.mark.parametrize("size", SIZES)
def test_a_form_gets_a_page_with_its_file_and_its_key(server, tmp_path, options, size):
    plaintext = os.urandom(size)
    assert_page(post(HTTP_1_1, server, plaintext, options), plaintext, options, tmp_path)


@transports.each()
@pytest.mark.parametrize("size", [1000, MIB])
def test_a_page_is_the_same_over_every_transport(server, tmp_path, transport, size):
    plaintext = os.urandom(size)
    assert_page(post(transport, server, plaintext), plaintext, "", tmp_path)


@transports.each(UNDECLARED)
@pytest.mark.parametrize("size", [1000, MIB])
def test_a_form_of_unknown_length_gets_its_page(server, tmp_path, transport, size):
    plaintext = os.urandom(size)
    response = transport.exchange(server, "POST", PATH, [FORM_TYPE], form(part(plaintext)),
                                  declared=False)
    assert_page(response, plaintext, "", tmp_path, "file.txt")


def test_a_form_that_comes_byte_by_byte_gets_its_page(server, tmp_path):
    with RawClient(server.port) as client:
        for byte in post_form(part(b"slowly"), target=PATH):
            client.send(bytes([byte]))
        assert_page(client.read_response(), b"slowly", "", tmp_path, "file.txt")


@transports.each(LASTING)
def test_a_connection_goes_on_after_a_page(server, tmp_path, transport):
    with transport.connect(server) as client:
        for plaintext in (b"one", os.urandom(MIB), b"two"):
            body = form(part(plaintext))
            response = transport.ask(client, "POST", PATH, [FORM_TYPE], body)
            assert_page(response, plaintext, "", tmp_path, "file.txt")
        response = transport.ask(client, "POST", "/encrypt_file", [FORM_TYPE], form(part(b"x")))
        assert_encrypted(response, b"x")


# As a browser sends it, and what it is called then.
NAMES = {
    "<b>bold</b>.txt": "b>.txt",
    "a&b&amp;c.txt": "a&b&amp;c.txt",
    "it's %22quoted%22.txt": "it's \"quoted\".txt",
    "'><script>alert(1)<script>.txt": "'><script>alert(1)<script>.txt",
    "' onclick='x.txt": "' onclick='x.txt",
    "$(touch x) `touch y` $HOME;&.txt": "$(touch x) `touch y` $HOME;&.txt",
    "-rf.txt": "-rf.txt",
    "{{key}}{{#age}}.txt": "{{key}}{{#age}}.txt",
    "Grüße, 世界 🔑.txt": "Grüße, 世界 🔑.txt",
    "percent %41.txt": "percent %41.txt",
}


@pytest.mark.parametrize("sent, name", NAMES.items(), ids=range(len(NAMES)))
@pytest.mark.parametrize("options", ["", "&format=age"])
def test_whatever_the_file_is_called_the_page_and_its_commands_hold(server, tmp_path, options, sent,
                                                                    name):
    plaintext = os.urandom(100)
    response = post(HTTP_1_1, server, plaintext, options, sent)
    page = assert_page(response, plaintext, options, tmp_path, name)
    run_commands(page, tmp_path, plaintext, FORMATS[options])


def test_a_long_name_is_cut(server, tmp_path):
    response = post(HTTP_1_1, server, b"x", "", "'" * 5000 + ".txt")
    page = read_page(response)
    name, _ = page.download()
    assert name == "encrypted_" + "'" * 136 + ".txt"
    run_commands(page, tmp_path, b"x", "fernet")


def run_commands(page, folder, plaintext, encryption_format):
    """The lines of the page, as somebody would copy them, in a folder with the file and its key."""
    place = folder / "place"
    place.mkdir(exist_ok=True)
    name, file = page.download()
    (place / name).write_bytes(file)
    (place / "key.txt").write_text(page.key() + "\n")
    before = sorted(p.name for p in place.iterdir())
    with contextlib.chdir(place):
        if encryption_format == "fernet":
            exec(page.commands(), {})
        else:
            subprocess.run(["/bin/sh", "-ec", page.commands()], check=True, timeout=60)
    assert (place / "decrypted_file").read_bytes() == plaintext
    assert sorted(p.name for p in place.iterdir()) == sorted([*before, "decrypted_file"])
    (place / "decrypted_file").unlink()


def test_with_recipients_there_is_no_key_on_the_page(server, tmp_path):
    identities = [age.keygen() for _ in range(2)]
    options = "&format=age" + "".join(f"&recipient={i.recipient}" for i in identities)
    page = read_page(post(HTTP_1_1, server, b"for two", options), "age")
    assert page.key() is None
    assert "recipients" in page.text("p") and "key.txt" not in page.text("main")
    _, file = page.download()
    for identity in identities:
        assert age.decrypt(file, [identity.secret], tmp_path) == b"for two"
        assert identity.secret not in page.text("main")


@pytest.mark.parametrize("options", FORMATS)
def test_with_the_clients_own_key_there_is_no_key_on_the_page(server, tmp_path, options):
    key = Fernet.generate_key().decode() if options == "" else age.keygen().secret
    response = post(HTTP_1_1, server, b"mine", options, headers=[("Encryption-Key", key)])
    assert key.encode() not in response.body
    page = assert_page(response, b"mine", options, tmp_path, key=key)
    assert "key that you sent" in page.text("p")


def assert_too_large(response):
    page = assert_refused(response, 413, "payload_too_large", "1 MiB")
    assert "JavaScript" in page.text("li") and "curl " in page.text("pre")


@transports.each()
def test_a_file_that_is_too_large_for_a_page_is_a_413_that_says_what_to_do(server, transport):
    assert_too_large(post(transport, server, bytes(MIB + 1)))


@transports.each(UNDECLARED)
def test_so_is_one_of_unknown_length(server, transport):
    body = form(part(bytes(MIB + 1)))
    assert_too_large(transport.exchange(server, "POST", PATH, [FORM_TYPE], body, declared=False))


@pytest.mark.parametrize("transport, declared", [(HTTP_1_1, True), (TLS, False), (H2, True)],
                         ids=["http/1.1", "tls, not declared", "h2"])
def test_so_is_one_that_goes_on_for_long(server, transport, declared):
    body = form(part(bytes(20 * MIB)))
    assert_too_large(transport.exchange(server, "POST", PATH, [FORM_TYPE], body, declared=declared))


def test_a_file_that_is_too_large_is_refused_by_what_its_form_declares(server):
    with RawClient(server.port) as client:
        client.send(request("POST", PATH, [FORM_TYPE, ("Content-Length", str(10 ** 9))]))
        assert_refused(client.read_response(), 413, "payload_too_large", "1 MiB")


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "not declared"])
def test_what_is_around_the_file_has_a_limit_too(server, tmp_path, declared):
    def ask(n):
        body = form(part(bytes(n), name="comment", filename=None), part(bytes(MIB)))
        return HTTP_1_1.exchange(server, "POST", PATH, [FORM_TYPE], body, declared=declared)

    assert_page(ask(FORM_MAX - 1000), bytes(MIB), "", tmp_path, "file.txt")
    assert_refused(ask(FORM_MAX), 413, "payload_too_large", "1 MiB")


def typed(body, content_type=FORM + BOUNDARY, query=""):
    return request("POST", PATH + query, [("Content-Type", content_type)], body)


ERRORS = {
    "no file": (typed(form()), 400, "missing_file"),
    "nothing chosen": (typed(form(part(filename=""))), 400, "missing_file"),
    "two files": (typed(form(part(b"x"), part(b"y"))), 400, "too_many_files"),
    "no end": (typed(form(part(b"x"), close=False)), 400, "truncated_body"),
    "no boundary": (typed(form(part(b"x")), "multipart/form-data"), 400, "malformed_multipart"),
    "a bare file": (typed(b"x", "text/plain"), 400, "invalid_parameter"),
    "a urlencoded form": (typed(b"file=x", "application/x-www-form-urlencoded"), 415,
                          "unsupported_media_type"),
    "an unknown parameter": (typed(form(part(b"x")), query="&x=1"), 400, "unknown_parameter"),
    "answer twice": (typed(form(part(b"x")), query="&answer=page"), 400, "invalid_parameter"),
    "an unknown format": (typed(form(part(b"x")), query="&format=x"), 400, "unknown_format"),
    "a bad recipient": (typed(form(part(b"x")), query="&format=age&recipient=x"), 400,
                        "invalid_recipient"),
    "a large header": (request("POST", PATH, [FORM_TYPE, ("X", "x" * 100_000)]), 431,
                       "headers_too_large"),
    "a bad header": (request("POST", PATH, [FORM_TYPE, ("bad header", "x")]), 400, "bad_request"),
    "a percent-encoded question": (request("POST", "/encrypt_file?%61nswer=pag%65&x", [FORM_TYPE]),
                                   400, "unknown_parameter"),
}


@pytest.mark.parametrize("data, status, code", ERRORS.values(), ids=ERRORS)
def test_an_error_of_such_a_form_is_a_page(server, data, status, code):
    assert_refused(exchange(server.port, data), status, code)


@transports.each()
def test_an_error_is_a_page_over_every_transport(server, transport):
    response = transport.exchange(server, "POST", PATH, [FORM_TYPE], form())
    assert_refused(response, 400, "missing_file", "The form has no file")


@transports.each()
def test_the_limit_of_nginx_is_a_page_too(make_server, transport):
    server = make_server(body_limit="40k")
    response = transport.exchange(server, "POST", PATH, [FORM_TYPE], bytes(40_961))
    page = assert_refused(response, 413, "payload_too_large", "The limit here is 40 KiB")
    assert page.text("li") is None


def test_too_many_requests_are_a_page_too(make_server):
    server = make_server(connections_per_address=1)
    with RawClient(server.port) as first:
        first.send(b"PUT /encrypt_file HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                   b"Content-Length: 1\r\n\r\n")
        assert first.socket.recv(100).startswith(b"HTTP/1.1 100 ")
        response = post(HTTP_1_1, server, b"x")
        assert_refused(response, 429, "rate_limited")
        assert response.header("Retry-After") == "1"


FORM_OF_ONE = form(part(b"x"))
IN_JSON = {
    "without the parameter": (request("POST", "/encrypt_file", [FORM_TYPE], form()), 400,
                              "missing_file"),
    "another answer": (request("POST", "/encrypt_file?answer=json", [FORM_TYPE], FORM_OF_ONE), 400,
                       "invalid_parameter"),
    "an empty answer": (request("POST", "/encrypt_file?answer=", [FORM_TYPE], FORM_OF_ONE), 400,
                        "invalid_parameter"),
    "PUT": (request("PUT", PATH, [], b"x"), 400, "invalid_parameter"),
    "PUT of a form": (request("PUT", PATH, [FORM_TYPE], FORM_OF_ONE), 400, "invalid_parameter"),
    "PUT with a name": (request("PUT", "/encrypt_file/x?answer=page", [], b"x"), 400,
                        "invalid_parameter"),
    "GET": (request("GET", PATH), 405, "method_not_allowed"),
    "another path": (request("POST", "/encrypt?answer=page", [FORM_TYPE], FORM_OF_ONE), 404,
                     "not_found"),
    "a path with a name": (request("POST", "/encrypt_file/x?answer=page", [FORM_TYPE], FORM_OF_ONE),
                           405, "method_not_allowed"),
    "decryption": (request("POST", "/decrypt_file?answer=page",
                           [FORM_TYPE, ("Encryption-Key", "x")], FORM_OF_ONE), 400,
                   "unknown_parameter"),
    "a key": (request("POST", "/generate_key?answer=page"), 400, "unknown_parameter"),
}


@pytest.mark.parametrize("data, status, code", IN_JSON.values(), ids=IN_JSON)
def test_an_error_of_anything_else_stays_json(server, data, status, code):
    assert_error(exchange(server.port, data), status, code)


@pytest.mark.parametrize("name", ["encrypted.html", "refused.html", "page/encrypted.html",
                                  "page/../encrypted.html"])
def test_a_template_is_not_served(server, name):
    assert exchange(server.port, request("GET", f"/{name}")).status == 404


@pytest.mark.parametrize("options", ["", "&format=age"])
def test_no_key_of_a_page_is_in_a_log(make_server, options):
    server = make_server()
    key = read_page(post(HTTP_1_1, server, b"x", options), FORMATS[options]).key()
    text = "\n".join(server.access_lines(at_least=1)) + server.log()
    assert "encrypt_file POST 200 complete" in text
    assert key not in text and "answer=page" not in text and "report" not in text


def test_nothing_of_a_page_is_on_a_disk(make_server, tmp_path):
    server = make_server(spool_patience="1ms")
    plaintext = os.urandom(MIB)
    with RawClient(server.port, receive_buffer=4096) as client:
        client.send(post_form(part(plaintext), target=PATH))
        head = client.read_head()  # the page is made, and nginx waits for its client
        key = b'<output class="key"'
        assert process.files_with(server, key) == []
        assert process.spool_files(server) == [] and server.temp_files() == []
        head.body = b"".join(client.body_pieces(head))
    assert_page(head, plaintext, "", tmp_path, "file.txt")


@pytest.fixture(scope="module")
def one_worker(make_module_server):
    return make_module_server()


@searches_memory
@pytest.mark.parametrize("options, size", [("", MIB), ("&format=age", 16)], ids=["large", "small"])
@transports.each(LASTING)
def test_no_key_of_a_page_is_in_a_workers_memory_after_its_request(one_worker, transport, size,
                                                                   options):
    server = one_worker
    body = form(part(os.urandom(size)))
    with transport.connect(server) as client:
        response = transport.ask(client, "POST", PATH + options, [FORM_TYPE], body)
        key = read_page(response, FORMATS[options]).key()
        needles = identity_needles(key) if options else fernet_needles(key)
        assert_forgotten(server.workers[0], needles)


@searches_memory
def test_no_key_is_in_a_workers_memory_after_a_page_that_was_not_read(one_worker):
    key = Fernet.generate_key().decode()
    with RawClient(one_worker.port, receive_buffer=4096) as client:
        own_key = ("Encryption-Key", key)
        client.send(request("POST", PATH, [FORM_TYPE, own_key], form(part(os.urandom(MIB)))))
        client.read_head()
        client.reset()
    assert_forgotten(one_worker.workers[0], fernet_needles(key))


PAGES_MAX = 128 * MIB  # of a worker's memory


def test_forms_that_do_not_end_hold_so_much_memory_and_no_more(make_server):
    server = make_server()
    begun = request("POST", PATH, [FORM_TYPE, ("Transfer-Encoding", "chunked")])
    begun += chunked(form(part(b"x")))[:-len("0\r\n\r\n") - 20]
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(RawClient(server.port)) for _ in range(PAGES_MAX // MIB)]
        for client in waiting:
            client.send(begun)
        # Each may become a token of 1 MiB.
        refused = select.select([client.socket for client in waiting], [], [], 30)[0]
        assert refused
        response = post(HTTP_1_1, server, b"x" * MIB)
        assert_refused(response, 503, "overloaded", "busy")
        assert response.header("Retry-After") == "1"
        # What does not ask for a page goes on.
        body = form(part(b"x"))
        assert_encrypted(HTTP_1_1.exchange(server, "POST", "/encrypt_file", [FORM_TYPE], body),
                         b"x")
    process.wait_until(lambda: post(HTTP_1_1, server, b"x" * MIB).status == 200, 30)


def test_a_page_that_was_read_or_refused_makes_room_for_others(make_server):
    server = make_server()
    good = form(part(b"x"))
    bad = form(part(bytes(100_000)), part(b"y"))  # found when there is a block already
    for body, status in [(good, 200), (bad, 400)] * (PAGES_MAX // MIB):
        response = HTTP_1_1.exchange(server, "POST", PATH, [FORM_TYPE], body, declared=False)
        assert response.status == status


def test_a_form_that_breaks_off_gets_no_page(server):
    with RawClient(server.port) as client:
        client.send(request("POST", PATH, [FORM_TYPE, ("Transfer-Encoding", "chunked")], b""))
        client.send(chunked(form(part(b"x")))[:-len("0\r\n\r\n") - 20])
        client.half_close()
        assert client.read_to_end() == b""
