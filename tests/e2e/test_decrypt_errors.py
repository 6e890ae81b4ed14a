# SPDX-License-Identifier: Apache-2.0
"""Files that are not decrypted: each that is not authentic gets the same answer, without a byte of
plaintext; the others are told what they are."""

import os
import re

import pytest
from cryptography.fernet import Fernet

from support import age, transports
from support.age_files import CHUNK, HEADER, NONCE, TAG
from support.answers import assert_error
from support.decryption import (AGE_SEALS, FERNET_KEY, FORM_TYPE, PATH, RECIPIENT, RELEASE, SEALS,
                                SECRET, Sealed, as_form, as_post, as_put, assert_decrypted)
from support.forms import BOUNDARY, form, part
from support.raw_http import RawClient, exchange, request

BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
V1 = b"age-encryption.org/v1\n"
MARKER = b"plaintext that must not come out "
KEYS = {"fernet": FERNET_KEY, "age": SECRET, "armored age": SECRET}
# The bytes by which a file of each kind is recognised.
N_RECOGNISED = {"fernet": 2, "age": len(V1), "armored age": len(BEGIN)}
each_seal = pytest.mark.parametrize("seal", SEALS)
each_age = pytest.mark.parametrize("seal", AGE_SEALS)
TINY = {seal: make(b"tiny") for seal, make in SEALS.items()}
LARGE = {seal: make(MARKER * 7000) for seal, make in SEALS.items()}  # 231 kB, so four chunks


@pytest.fixture(scope="module")
def refused(server):
    """The one answer to what does not decrypt: that for a wrong key."""
    other = Sealed(b"", TINY["fernet"].file, Fernet.generate_key().decode())
    response = exchange(server.port, request(*as_put(other)))
    assert_error(response, 422, "decryption_failed")
    return response


def decrypt(server, file, key, query=""):
    return exchange(server.port, request(*as_put(Sealed(b"", file, key), query)))


def assert_same(response, refused):
    assert (response.status, response.complete) == (422, True), response.body[:200]
    assert response.body == refused.body
    assert without_connection(response) == without_connection(refused)


def without_connection(response):
    """What a client is told: that a connection ends shows only that its body was not read."""
    return sorted((name.lower(), value) for name, value in response.headers
                  if name.lower() not in ("connection", "date"))


@each_seal
@transports.each()
def test_a_wrong_key_is_the_same_over_every_transport(server, refused, transport, seal):
    key = Fernet.generate_key().decode() if seal == "fernet" else age.keygen().secret
    for sealed in (TINY[seal], LARGE[seal]):
        other = Sealed(b"", sealed.file, key)
        for make in (as_put, as_post, as_form):
            response = transport.exchange(server, *make(other))
            assert (response.status, response.complete) == (422, True)
            assert response.body == refused.body


def in_its_place(file, i, byte):
    return file[:i] + byte + file[i + 1:]


def spoiled(file, i):
    """With another byte there, and one that no alphabet has."""
    return in_its_place(file, i, bytes([file[i] ^ 0x80]))


def other_characters(seal, byte):
    """What may stand in its place: of the same alphabet, and of none."""
    flipped = bytes([byte ^ 1]) if seal == "age" else b"B" if byte == ord("A") else b"A"
    return {flipped, b"!"} - {bytes([byte])}


@each_seal
def test_wherever_one_character_is_altered_the_answer_is_the_same(server, refused, seal):
    file, n_tried = TINY[seal].file, 0
    for i in range(N_RECOGNISED[seal], len(file)):
        for byte in other_characters(seal, file[i]):
            assert_same(decrypt(server, in_its_place(file, i, byte), KEYS[seal]), refused)
            n_tried += 1
    assert n_tried > 100


@each_seal
def test_wherever_a_file_is_cut_the_answer_is_the_same(server, refused, seal):
    file = TINY[seal].file
    whole = file.rstrip(b"\n") if seal == "armored age" else file
    for n in range(N_RECOGNISED[seal], len(whole)):
        assert_same(decrypt(server, whole[:n], KEYS[seal]), refused)


@pytest.mark.parametrize("more", [b"x", b"\0", b"A", b"AAAA", b"=", b" x", b"\n\nx", b"\n\n ="])
@each_seal
def test_whatever_is_behind_a_file_the_answer_is_the_same(server, refused, seal, more):
    for sealed in (TINY[seal], LARGE[seal]):
        assert_same(decrypt(server, sealed.file + more, KEYS[seal]), refused)
        assert_same(decrypt(server, sealed.file + sealed.file, KEYS[seal]), refused)


@pytest.mark.parametrize("more", [b"\n\n", b"\r", b" ", b"\t", b"\r\n\r\n", b"\n ", b"\0"])
def test_behind_a_token_is_one_line_end_at_the_most(server, refused, more):
    assert_same(decrypt(server, TINY["fernet"].file + more, FERNET_KEY), refused)


@each_seal
def test_what_is_altered_or_missing_far_behind_gets_the_same_answer(server, refused, seal):
    file = LARGE[seal].file
    n = len(file)
    for i in (n // 2, n - 100, n - 50, n - 3):
        for byte in other_characters(seal, file[i]):
            assert_same(decrypt(server, in_its_place(file, i, byte), KEYS[seal]), refused)
    for end in (n // 2, 65536, 65537, n - 100, n - 36, n - 4, n - 2):
        assert_same(decrypt(server, file[:end], KEYS[seal]), refused)


def chunks_of(file):
    start = HEADER.match(file).end() + NONCE
    return file[:start], [file[i:i + CHUNK + TAG] for i in range(start, len(file), CHUNK + TAG)]


CHUNK_EDITS = {
    "the last one missing": lambda chunks: chunks[:-1],
    "the first one missing": lambda chunks: chunks[1:],
    "one in the middle missing": lambda chunks: chunks[:1] + chunks[2:],
    "all missing": lambda chunks: [],
    "two exchanged": lambda chunks: [chunks[1], chunks[0], *chunks[2:]],
    "one twice": lambda chunks: [chunks[0], *chunks],
    "the last one twice": lambda chunks: [*chunks, chunks[-1]],
    "the last one first": lambda chunks: [chunks[-1], *chunks],
    "a tag alone behind them": lambda chunks: [*chunks, chunks[-1][-TAG:]],
}


@pytest.mark.parametrize("edit", CHUNK_EDITS.values(), ids=CHUNK_EDITS)
def test_chunks_that_are_not_all_there_in_their_order_get_the_same_answer(server, refused, edit):
    head, chunks = chunks_of(LARGE["age"].file)
    assert len(chunks) == 4
    assert_same(decrypt(server, head + b"".join(edit(chunks)), SECRET), refused)


TOKEN_EDITS = {
    "the standard alphabet": lambda token: token.translate(bytes.maketrans(b"-_", b"+/")),
    "a line end in it": lambda token: token[:64] + b"\n" + token[64:],
    "a space before its end": lambda token: token[:-4] + b" " + token[-4:],
    "no padding": lambda token: token.rstrip(b"="),
    "more padding": lambda token: token + b"=",
}


@pytest.mark.parametrize("edit", TOKEN_EDITS.values(), ids=TOKEN_EDITS)
def test_a_token_that_is_no_strict_base64_gets_the_same_answer(server, refused, edit):
    for n in (4, 5000):
        for token in (SEALS["fernet"](b"x" * n).file for _ in range(10)):
            if edit(token) != token:
                assert_same(decrypt(server, edit(token), FERNET_KEY), refused)


@each_age
def test_a_file_of_age_for_somebody_else_gets_the_same_answer(server, refused, seal):
    others = [age.keygen().recipient for _ in range(5)]
    for n in (1, 5):
        file = age.encrypt(MARKER, others[:n], armor=seal == "armored age")
        for query in ("", RELEASE):
            assert_same(decrypt(server, file, SECRET, query), refused)


@each_age
def test_damage_within_the_hold_gets_the_same_answer_with_verified_chunks(server, refused, seal):
    file = TINY[seal].file
    for bad in (file[:-40], file + b"x", spoiled(file, len(file) - 40)):
        assert_same(decrypt(server, bad, SECRET, RELEASE), refused)


@transports.each()
@each_seal
def test_nothing_of_a_damaged_file_comes_out_over_any_transport(server, refused, transport, seal):
    file = LARGE[seal].file
    bad = Sealed(b"", spoiled(file, len(file) - 50), KEYS[seal])
    for data in (as_put(bad), as_form(bad, filename="x")):
        response = transport.exchange(server, *data)
        assert (response.status, response.complete) == (422, True)
        assert response.body == refused.body


TEXT = b"Dear all,\nthis is no encrypted file.\n"
UNRECOGNIZED = {
    "nothing": b"",
    "text": TEXT,
    "much text": TEXT * 10_000,
    "HTML": b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n",
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "JSON": b'{"error": "x"}',
    "zeros": bytes(100_000),
    "half of a token's beginning": b"g",
    "the beginning of a token, and not its second character": b"gQAAAAB" + b"A" * 93,
    "another version of a token": b"hAAAAAB" + b"A" * 93,
    "a token in capitals": b"GAAAAAB" + b"A" * 93,
    "a line end before a token": b"\n" + TINY["fernet"].file,
    "a space before a token": b" " + TINY["fernet"].file,
    "a byte order mark before a token": b"\xef\xbb\xbf" + TINY["fernet"].file,
    "quotes around a token": b'"' + TINY["fernet"].file + b'"',
    "a token that is not in base64": b"\x80" + bytes(100),
    "half of age's first line": V1[:10],
    "age's first line without its version": V1[:-3],
    "another version of age": b"age-encryption.org/v2\n" + TINY["age"].file[len(V1):],
    "age's first line with CR LF": V1[:-1] + b"\r\n" + TINY["age"].file[len(V1):],
    "a line end before a file of age": b"\n" + TINY["age"].file,
    "a capital in age's first line": b"A" + TINY["age"].file[1:],
    "half of armor's first line": BEGIN[:15],
    "armor's first line but for a dash": BEGIN[:-1] + b"\n" + TINY["armored age"].file[35:],
    "white space alone": b" \t\r\n" * 100,
    "armor of something else": b"-----BEGIN PGP MESSAGE-----\n\nwcBMA\n-----END PGP MESSAGE-----\n",
    "text before armor": b"x\n" + TINY["armored age"].file,
}
each_unrecognized = pytest.mark.parametrize("file", UNRECOGNIZED.values(), ids=UNRECOGNIZED)


@each_unrecognized
@pytest.mark.parametrize("key", [FERNET_KEY, SECRET], ids=["fernet", "age"])
def test_what_is_neither_format_is_said_to_be_neither(server, file, key):
    sealed = Sealed(b"", file, key)
    for data in (as_put(sealed), as_post(sealed), as_form(sealed, filename="x")):
        assert_error(exchange(server.port, request(*data)), 422, "unrecognized_format")


@each_unrecognized
@transports.each([transports.HTTP_1_0, transports.H2])
def test_what_is_neither_format_is_told_so_over_other_transports(server, transport, file):
    for query in ("", RELEASE):
        response = transport.exchange(server, *as_put(Sealed(b"", file, SECRET), query))
        assert_error(response, 422, "unrecognized_format")


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_a_file_with_a_passphrase_is_said_to_have_one(server, tmp_path, armor):
    file = age.npm_encrypt(os.urandom(200_000), tmp_path, passphrase="hunter2", work_factor=10,
                           armor=armor)
    for make in (as_put, as_form):
        for query in ("", RELEASE):
            data = make(Sealed(b"", file, SECRET), query)
            response = exchange(server.port, request(*data))
            assert_error(response, 422, "passphrase_not_supported")


def bad_form(sealed, *parts, close=True):
    return "POST", PATH, [sealed.header, FORM_TYPE], form(*parts, close=close)


def file_part(sealed):
    return part(sealed.file, filename=sealed.named("x"))


# From a Sealed to a request that is wrong in itself, with its answer.
REQUESTS = {
    "no boundary": (lambda sealed: ("POST", PATH, [sealed.header, ("Content-Type",
                                                                   "multipart/form-data")], b""),
                    400, "malformed_multipart"),
    "no file": (lambda sealed: bad_form(sealed, part(sealed.file, name="other")),
                400, "missing_file"),
    "no chosen file": (lambda sealed: bad_form(sealed, part(b"", filename="")),
                       400, "missing_file"),
    "two files": (lambda sealed: bad_form(sealed, file_part(sealed), file_part(sealed)),
                  400, "too_many_files"),
    "no end of the form": (lambda sealed: bad_form(sealed, file_part(sealed), close=False),
                           400, "truncated_body"),
    "bad headers of a part": (lambda sealed: bad_form(sealed, file_part(sealed),
                                                      b"no colon\r\n\r\n"),
                              400, "malformed_multipart"),
    "many parts": (lambda sealed: bad_form(sealed, file_part(sealed),
                                           *[part(name="x", filename=None)] * 256),
                   400, "malformed_multipart"),
    "urlencoded": (lambda sealed: ("POST", PATH, [sealed.header, (
        "Content-Type", "application/x-www-form-urlencoded")], sealed.file),
        415, "unsupported_media_type"),
    "a Content-Encoding": (lambda sealed: as_put(sealed, headers=[("Content-Encoding", "gzip")]),
                           415, "unsupported_media_type"),
    "a Content-Range": (lambda sealed: as_put(sealed, headers=[("Content-Range", "bytes 0-0/1")]),
                        400, "bad_request"),
}


@pytest.mark.parametrize("make, status, code", REQUESTS.values(), ids=REQUESTS)
@each_seal
@transports.each()
def test_a_bad_request_with_a_good_file_is_an_error_as_for_encryption(server, transport, seal, make,
                                                                     status, code):
    for sealed in (TINY[seal], LARGE[seal]):
        response = transport.exchange(server, *make(sealed))
        assert_error(response, status, code)
        assert sealed.key.encode() not in response.body and MARKER not in response.body


@pytest.fixture(scope="module")
def small_server(make_module_server):
    return make_module_server(body_limit="10k")


@transports.each()
@each_seal
def test_a_file_that_is_too_large_is_a_413(small_server, transport, seal):
    response = transport.exchange(small_server, *as_put(LARGE[seal]))
    assert_error(response, 413, "payload_too_large", "10 KiB")
    assert_decrypted(transport.exchange(small_server, *as_put(TINY[seal])), TINY[seal])


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "PATCH"])
def test_a_wrong_method_is_a_405_that_lists_the_right_ones(server, method):
    for target, allowed in ((PATH, "POST, PUT, OPTIONS"), (PATH + "/x", "PUT, OPTIONS")):
        with RawClient(server.port) as client:
            client.send(request(method, target, [TINY["age"].header]))
            response = client.read_response(method)
        assert (response.status, response.header("Allow")) == (405, allowed)


def test_options_lists_the_methods(server):
    for target, allowed in ((PATH, "POST, PUT, OPTIONS"), (PATH + "/x", "PUT, OPTIONS")):
        response = exchange(server.port, request("OPTIONS", target))
        assert (response.status, response.header("Allow")) == (204, allowed)


def test_every_sentence_is_ascii_and_says_nothing_of_the_file(server, refused):
    sentence = refused.json()["error"]
    assert sentence.isascii()
    assert not re.search(r"\b(mac|hmac|padding|tag|chunk)\b", sentence, re.IGNORECASE)
    assert BOUNDARY not in sentence and RECIPIENT not in sentence
