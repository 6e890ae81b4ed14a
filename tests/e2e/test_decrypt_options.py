# SPDX-License-Identifier: Apache-2.0
"""The parameters of /decrypt_file: how old a token may be, and chunks as they are verified."""

import os
import time

import pytest
from cryptography.fernet import Fernet

from support import transports
from support.age_files import CHUNK
from support.answers import assert_error
from support.decryption import (AGE_SEALS, FERNET_KEY, PATH, RECIPIENT, RELEASE, SEALS, SECRET,
                                Sealed, as_form, as_put, assert_decrypted)
from support.raw_http import RawClient, exchange, request
from support.sources import curl

MIB = 1 << 20
NOISE = os.urandom(3 * MIB)
MAX = 2 ** 64 - 1
MAX_TTL = 2 ** 63 - 1
# Of the plaintext: with more, chunks leave before the end is known.
N_HELD = 2 * CHUNK


def token_of_age(seconds):
    """Made so many seconds ago, or in so many where that is negative."""
    token = Fernet(FERNET_KEY).encrypt_at_time(b"timely", int(time.time()) - seconds)
    return Sealed(b"timely", token, FERNET_KEY)


def token_at(timestamp):
    return Sealed(b"timely", Fernet(FERNET_KEY).encrypt_at_time(b"timely", timestamp), FERNET_KEY)


def decrypt(server, sealed, query=""):
    return exchange(server.port, request(*as_put(sealed, query)))


# The age of a token in seconds, and a ttl within which it is. Nowhere does a second more matter.
TIMELY = [(0, "60"), (1000, "2000"), (1000, str(MAX_TTL)), (-30, "60"), (-30, "0"), (-59, "0"),
          (0, "0060"), (10 ** 9, "1000000100"), (1000, "%32000")]
UNTIMELY = [(1000, "10"), (1000, "0"), (10, "0"), (10, "5"), (10 ** 9, "999999900"), (-70, "60"),
            (-70, "0"), (-10 ** 9, "60"), (-10 ** 9, str(MAX_TTL))]


@pytest.mark.parametrize("age, ttl", TIMELY)
def test_a_token_within_its_time_to_live_comes_back(server, age, ttl):
    sealed = token_of_age(age)
    assert_decrypted(decrypt(server, sealed, "?ttl=" + ttl), sealed)


@pytest.mark.parametrize("age, ttl", UNTIMELY)
def test_a_token_that_is_too_old_or_of_the_future_is_refused(server, age, ttl):
    sealed = token_of_age(age)
    assert_error(decrypt(server, sealed, "?ttl=" + ttl), 422, "token_expired")
    assert_decrypted(decrypt(server, sealed), sealed)


@pytest.mark.parametrize("timestamp", [0, 1, 2 ** 32, 2 ** 63, MAX])
def test_a_token_of_a_strange_time_is_judged_without_an_overflow(server, timestamp):
    sealed = token_at(timestamp)
    for ttl in (0, 60, 2 ** 32, MAX_TTL - 1, MAX_TTL):
        response = decrypt(server, sealed, f"?ttl={ttl}")
        if timestamp + ttl >= time.time() + 100 and timestamp <= time.time():
            assert_decrypted(response, sealed)
        else:
            assert_error(response, 422, "token_expired")


@transports.each()
@pytest.mark.parametrize("n", [10, 300_000])
def test_every_transport_heeds_the_time_to_live(server, transport, n):
    token = Fernet(FERNET_KEY).encrypt_at_time(NOISE[:n], int(time.time()) - 1000)
    sealed = Sealed(NOISE[:n], token, FERNET_KEY)
    for make in (as_put, as_form):
        assert_error(transport.exchange(server, *make(sealed, "?ttl=10")), 422, "token_expired")
        assert_decrypted(transport.exchange(server, *make(sealed, "?ttl=2000")), sealed)


@pytest.mark.parametrize("age", [0, 1000, -1000])
def test_what_is_not_authentic_is_never_called_expired(server, age):
    sealed = token_of_age(age)
    other = Sealed(b"", sealed.file, Fernet.generate_key().decode())
    cut = Sealed(b"", sealed.file[:-1], sealed.key)
    for bad in (other, cut):
        assert_error(decrypt(server, bad, "?ttl=10"), 422, "decryption_failed")


FERNET, AGE = ("Encryption-Key", FERNET_KEY), ("Encryption-Key", SECRET)
BAD_TTLS = ["", "-1", "-0", "%2B1", "+1", "1.5", "1e3", "0x10", "%201", "1%20", "abc", "1s", "inf",
            "%00", "1%00", "60,60", "%D9%A1", str(MAX_TTL + 1), str(MAX), "9" * 100]
BAD_RELEASES = ["", "verified", "chunks", "true", "all", "VERIFIED-CHUNKS", "Verified-Chunks",
                "verified_chunks", "verified-chunk", "verified-chunkss", "verified-chunks%20",
                "%00"]
UNKNOWN = ["x=1", "format=fernet", "format=age", "armor=true", "armor=false", "recipient=x",
           "recipient=" + RECIPIENT, "TTL=60", "ttl%20=60", "ttls=60", "=60", "ttl=60&x=1",
           "passphrase=x", "key=" + FERNET_KEY, "key=" + SECRET, SECRET]
UNKNOWN_WITH_AGE = ["Release=verified-chunks", "release=verified-chunks&x=1", "format=age"]
# The query, the key, and the code.
BAD = {
    **{f"ttl={ttl}": (f"?ttl={ttl}", FERNET, "invalid_parameter") for ttl in BAD_TTLS},
    "ttl without a value": ("?ttl", FERNET, "invalid_parameter"),
    "ttl twice": ("?ttl=60&ttl=60", FERNET, "invalid_parameter"),
    "two times to live": ("?ttl=60&ttl=61", FERNET, "invalid_parameter"),
    "ttl with an identity": ("?ttl=60", AGE, "invalid_parameter"),
    **{f"release={value}": (f"?release={value}", AGE, "invalid_parameter")
       for value in BAD_RELEASES},
    "release without a value": ("?release", AGE, "invalid_parameter"),
    "release twice": (RELEASE + "&release=verified-chunks", AGE, "invalid_parameter"),
    "two releases": (RELEASE + "&release=x", AGE, "invalid_parameter"),
    "release with a Fernet key": (RELEASE, FERNET, "invalid_parameter"),
    "both with a Fernet key": (RELEASE + "&ttl=1", FERNET, "invalid_parameter"),
    "both with an identity": ("?ttl=1&release=verified-chunks", AGE, "invalid_parameter"),
    "a malformed escape": ("?ttl=%zz", FERNET, "invalid_parameter"),
    **{pair: ("?" + pair, FERNET, "unknown_parameter") for pair in UNKNOWN},
    **{f"{pair} with an identity": ("?" + pair, AGE, "unknown_parameter")
       for pair in UNKNOWN_WITH_AGE},
}
each_bad = pytest.mark.parametrize("query, key, code", BAD.values(), ids=BAD)


@each_bad
def test_a_bad_parameter_is_refused_before_the_body_is_read(server, query, key, code):
    for path in (PATH, PATH + "/x.txt"):
        with RawClient(server.port, timeout=5) as client:
            client.send(request("PUT", path + query, [key, ("Content-Length", str(1 << 30))]))
            response = client.read_response()
        assert_error(response, 400, code)
        assert key[1].encode() not in response.body


@each_bad
@transports.each([transports.HTTP_1_0, transports.H2])
def test_a_bad_parameter_is_refused_over_other_transports(server, transport, query, key, code):
    assert_error(transport.exchange(server, "PUT", PATH + query, [key], b"x"), 400, code)


@pytest.mark.parametrize("query", ["?", "?&", "?&&ttl=60&", "?%74tl=%36%30"])
def test_empty_pairs_and_escapes_are_fine(server, query):
    sealed = token_of_age(0)
    assert_decrypted(decrypt(server, sealed, query), sealed)


@pytest.mark.parametrize("query", ["", "?format=age"])
def test_encryption_does_not_take_the_parameters_of_decryption(server, query):
    for parameter in ("ttl=60", "release=verified-chunks"):
        target = "/encrypt_file" + (query + "&" if query else "?") + parameter
        response = exchange(server.port, request("PUT", target, [], b"x"))
        assert_error(response, 400, "unknown_parameter")


each_age = pytest.mark.parametrize("seal", AGE_SEALS)


@transports.each()
@each_age
@pytest.mark.parametrize("n", [0, 1000, N_HELD, N_HELD + 1, 3 * MIB])
def test_verified_chunks_are_the_whole_file_over_every_transport(server, transport, seal, n):
    sealed = SEALS[seal](NOISE[:n])
    streamed = n > N_HELD and transport is not transports.HTTP_1_0
    for make in (as_put, as_form):
        response = transport.exchange(server, *make(sealed, RELEASE))
        assert_decrypted(response, sealed, streamed=streamed)
        chunks = streamed and transport in transports.WITH_HTTP_1
        assert response.header("Transfer-Encoding") == ("chunked" if chunks else None)


@transports.each(transports.UNDECLARED)
@each_age
def test_verified_chunks_of_a_body_of_unknown_length_are_the_whole_file(server, transport, seal):
    for n in (0, 1000, 300_000):
        sealed = SEALS[seal](NOISE[:n])
        response = transport.exchange(server, *as_put(sealed, RELEASE), declared=False)
        assert_decrypted(response, sealed, streamed=n > N_HELD)


@each_age
@pytest.mark.parametrize("header", [("Via", "1.1 proxy"), ("Forwarded", "for=192.0.2.1"),
                                    ("X-Forwarded-For", "192.0.2.1")])
def test_behind_a_proxy_no_chunk_is_released_before_all_are_verified(server, seal, header):
    sealed = SEALS[seal](NOISE[:300_000])
    response = exchange(server.port, request(*as_put(sealed, RELEASE, [header])))
    assert_decrypted(response, sealed)


@each_age
@pytest.mark.parametrize("options", [[], ["--http1.0"]], ids=["1.1", "1.0"])
def test_curl_gets_verified_chunks(server, tmp_path, seal, options):
    sealed = SEALS[seal](NOISE)
    path = tmp_path / "x.bin.age"
    path.write_bytes(sealed.file)
    response = curl(tmp_path, *options, "-H", "Encryption-Key: " + sealed.key, "-T", path,
                    server.url + "/decrypt_file/" + RELEASE)
    assert_decrypted(response, sealed, "x.bin", streamed=not options)


@each_age
def test_a_connection_is_of_use_after_verified_chunks(server, seal):
    with RawClient(server.port) as client:
        for n in (1000, 300_000, 0):
            sealed = SEALS[seal](NOISE[:n])
            for query in (RELEASE, ""):
                client.send_meanwhile(request(*as_put(sealed, query))).join()
                response = client.read_response()
                assert_decrypted(response, sealed, streamed=n > N_HELD and query == RELEASE)
