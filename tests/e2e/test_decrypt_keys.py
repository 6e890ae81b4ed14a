# SPDX-License-Identifier: Apache-2.0
"""Keys to decrypt with that are none, or are of the other format: each is told, what is no key
before the body is read, and without repeating what was sent."""

import pytest

from support import bech32, transports
from support.answers import assert_error
from support.decryption import (FERNET_KEY, FORM_TYPE, PATH, RECIPIENT, RELEASE, SEALS, SECRET,
                                SECRET_BYTES, Sealed, as_form, as_put, assert_decrypted)
from support.raw_http import RawClient, exchange, request

RAW_KEY = FERNET_KEY[:-1]


def identity_of(raw, prefix="age-secret-key-", constant=bech32.BECH32):
    return bech32.encode(prefix, raw, constant).upper()


FERNET_KEYS = {
    "nothing": "",
    "43 characters": RAW_KEY,
    "43 characters with =": FERNET_KEY[1:],
    "45 characters": FERNET_KEY + "=",
    "45 characters with one =": "A" + FERNET_KEY,
    "44 characters without =": RAW_KEY + "A",
    "40 characters": RAW_KEY[:40],
    "two = at the end": RAW_KEY[:-1] + "==",
    "= in the middle": RAW_KEY[:20] + "=" + RAW_KEY[20:],
    "bits behind the last byte, 1": RAW_KEY[:-1] + "5=",
    "bits behind the last byte, 2": RAW_KEY[:-1] + "6=",
    "bits behind the last byte, 3": RAW_KEY[:-1] + "7=",
    "the standard alphabet": FERNET_KEY.replace("_", "/").replace("-", "+"),
    "one character of the standard alphabet": FERNET_KEY.replace("-", "+"),
    "a character of no alphabet": "!" + FERNET_KEY[1:],
    "a space in it": FERNET_KEY[:10] + " " + FERNET_KEY[11:],
    "not ASCII": FERNET_KEY[:-3] + "ü=",
    "in quotes": f'"{FERNET_KEY}"',
    "percent-encoded": RAW_KEY + "%3D",
    "as hexadecimal": bytes(32).hex(),
    "two in one": f"{FERNET_KEY}, {FERNET_KEY}",
    "8000 characters": "A" * 8000,
}
AGE_KEYS = {
    "a recipient": RECIPIENT,
    "a recipient in capitals": RECIPIENT.upper(),
    "small letters": SECRET.lower(),
    "mixed case": SECRET[:-10] + SECRET[-10:].lower(),
    "a prefix in small letters": "age-secret-key-" + SECRET[15:],
    "a wrong checksum": SECRET[:-1] + ("Q" if SECRET[-1] != "Q" else "P"),
    "a wrong character": SECRET[:30] + ("Q" if SECRET[30] != "Q" else "P") + SECRET[31:],
    "the checksum of Bech32m": identity_of(SECRET_BYTES, constant=bech32.BECH32M),
    "a byte too few": identity_of(SECRET_BYTES[:-1]),
    "a byte too many": identity_of(SECRET_BYTES + b"\0"),
    "a post-quantum identity": identity_of(SECRET_BYTES, "age-secret-key-pq-"),
    "a plugin's identity": identity_of(SECRET_BYTES, "age-plugin-yubikey-"),
    "the prefix alone": "AGE-SECRET-KEY-1",
    "cut": SECRET[:-1],
    "a character more": SECRET + "Q",
    "two in one": f"{SECRET}, {SECRET}",
    "an SSH key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW",
    "a word": "secret",
}
KEY = "Encryption-Key"
HEADERS = {
    **{"for Fernet, " + name: [(KEY, key)] for name, key in FERNET_KEYS.items()},
    **{"for age, " + name: [(KEY, key)] for name, key in AGE_KEYS.items()},
    "twice": [(KEY, FERNET_KEY), (KEY, FERNET_KEY)],
    "one of each format": [(KEY, FERNET_KEY), (KEY, SECRET)],
    "a good one and a bad one": [(KEY, SECRET), (KEY, "x")],
    "a bad one and a good one": [(KEY, ""), (KEY, SECRET)],
    "twice, in other letters": [(KEY, SECRET), ("encryption-key", SECRET)],
}
each_bad_header = pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)


def assert_refused(response, headers, code="invalid_key"):
    assert_error(response, 400, code)
    assert response.interim == []
    for _, value in headers:  # but for what is one of the service's own words
        assert len(value) <= len("AGE-SECRET-KEY-1") or value.encode() not in response.body


@each_bad_header
def test_what_is_no_key_is_refused_before_the_body_is_read(server, headers):
    declared = ("Content-Length", str(1 << 30))
    for expected in ([], [("Expect", "100-continue")]):
        for method, more in (("PUT", []), ("POST", [FORM_TYPE])):
            with RawClient(server.port, timeout=5) as client:
                client.send(request(method, PATH, [*headers, *more, declared, *expected]))
                assert_refused(client.read_response(), headers)


@each_bad_header
@transports.each([transports.HTTP_1_0, transports.TLS, transports.H2])
def test_what_is_no_key_is_refused_over_other_transports(server, transport, headers):
    for make in SEALS.values():
        response = transport.exchange(server, "PUT", PATH, headers, make(b"x").file)
        assert_refused(response, headers)


@transports.each(transports.WITH_HTTP_2)
def test_over_http_2_it_is_refused_while_the_body_is_on_its_way(server, transport):
    sealed = SEALS["fernet"](b"x")
    with transport.connect(server) as client:
        for headers in HEADERS.values():
            stream = client.request("PUT", PATH, headers, b"x", ends=False, declared=False)
            assert_refused(client.read_response(stream), headers)
        assert_decrypted(client.exchange(*as_put(sealed)), sealed)


@pytest.mark.parametrize("query", ["", "?ttl=1", RELEASE])
def test_a_request_without_a_key_is_refused_before_the_body_is_read(server, query):
    for method, headers in (("PUT", []), ("POST", [FORM_TYPE]),
                            ("PUT", [("X-Encryption-Key", SECRET)]),
                            ("PUT", [("Encryption_Key", SECRET)])):
        with RawClient(server.port, timeout=5) as client:
            client.send(request(method, PATH + query, [*headers, ("Content-Length", str(1 << 30))]))
            assert_refused(client.read_response(), [], "missing_key")


def test_the_names_of_the_keys_header_may_be_in_any_case(server):
    sealed = SEALS["age"](b"x")
    for name in ("encryption-key", "ENCRYPTION-KEY"):
        response = exchange(server.port, request("PUT", PATH, [(name, sealed.key)], sealed.file))
        assert_decrypted(response, sealed)


def test_spaces_around_a_key_do_not_count(server):
    for seal in SEALS:
        sealed = SEALS[seal](b"x")
        headers = [(KEY, f"  {sealed.key}  ")]
        response = exchange(server.port, request("PUT", PATH, headers, sealed.file))
        assert_decrypted(response, sealed)


@transports.each()
@pytest.mark.parametrize("n", [0, 1000, 300_000])
@pytest.mark.parametrize("seal", SEALS)
def test_a_key_of_the_other_format_is_an_invalid_key(server, transport, seal, n):
    key = SECRET if seal == "fernet" else FERNET_KEY
    sealed = Sealed(b"", SEALS[seal](bytes(n)).file, key)
    for data in (as_put(sealed), as_form(sealed, filename="x")):
        assert_refused(transport.exchange(server, *data), [sealed.header])


def test_the_sentence_about_a_key_of_the_other_format_says_which_one_is_wanted(server):
    for seal, key, word in (("fernet", SECRET, "Fernet"), ("age", FERNET_KEY, "age"),
                            ("armored age", FERNET_KEY, "age")):
        sealed = Sealed(b"", SEALS[seal](b"x").file, key)
        response = exchange(server.port, request(*as_put(sealed)))
        assert_error(response, 400, "invalid_key", word)
