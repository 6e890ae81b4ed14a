# SPDX-License-Identifier: Apache-2.0
"""What format=age refuses: parameters that do not go together, recipients and identities that are
none. Each is told before the body is read, and without repeating what was sent."""

import os

import pytest

from support import bech32, transports
from support.age_files import assert_age, query
from support.answers import assert_encrypted, assert_error
from support.raw_http import RawClient, exchange, request
from support.transports import HTTP_1_0

PATH = "/encrypt_file"
SECRET_BYTES = bytes(range(32))
SECRET = bech32.encode("age-secret-key-", SECRET_BYTES).upper()
GOOD = "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh"  # its recipient
FERNET_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
POINT = bech32.decode(GOOD)
# RFC 7748's curve has these points of low order: whatever is multiplied with one gives zero.
LOW_ORDER = {
    "0": bytes(32),
    "1": b"\1" + bytes(31),
    "of order 8": bytes.fromhex(
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "the other of order 8": bytes.fromhex(
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    "p - 1": b"\xec" + b"\xff" * 30 + b"\x7f",
    "p": b"\xed" + b"\xff" * 30 + b"\x7f",
    "p + 1": b"\xee" + b"\xff" * 30 + b"\x7f",
    "0 with its top bit": bytes(31) + b"\x80",
}


def changed(text, i):
    """With another character at i, of the same alphabet."""
    i %= len(text)
    return text[:i] + ("q" if text[i] != "q" else "p") + text[i + 1:]


RECIPIENTS = {
    "nothing": "",
    "an identity": SECRET,
    "an identity in small letters": SECRET.lower(),
    "a post-quantum recipient": bech32.encode("age1pq", os.urandom(1216)),
    "a short post-quantum recipient": bech32.encode("age1pq", POINT),
    "a plugin's recipient": bech32.encode("age1yubikey", POINT + b"\2"),
    "a wrong checksum": changed(GOOD, -1),
    "a wrong character": changed(GOOD, 20),
    "the checksum of Bech32m": bech32.encode("age", POINT, bech32.BECH32M),
    "capitals": GOOD.upper(),
    "a capital among small letters": GOOD[:-1] + GOOD[-1].upper(),
    "a prefix in capitals": "AGE" + GOOD[3:],
    "a byte too few": bech32.encode("age", POINT[:-1]),
    "a byte too many": bech32.encode("age", POINT + b"\0"),
    "bits behind the last byte": bech32.encode_digits(
        "age", bech32.to_digits(POINT)[:-1] + [bech32.to_digits(POINT)[-1] | 1]),
    "the prefix alone": "age1",
    "cut": GOOD[:-1],
    "a character more": GOOD + "q",
    "a space before it": "%20" + GOOD,
    "a line end after it": GOOD + "%0a",
    "a zero byte after it": GOOD + "%00",
    "a zero byte in its place": "%00",
    "two at once": GOOD + "%2C" + GOOD,
    "not ASCII": GOOD[:-1] + "%C3%BC",
    "an SSH key": "ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW",
    "a Fernet key": FERNET_KEY,
    "8000 characters": "age1" + "q" * 7900,
    "a public key with its top bit set": bech32.encode(
        "age", POINT[:-1] + bytes([POINT[-1] | 0x80])),
    "a number that is not below the prime": bech32.encode("age", b"\xf6" + b"\xff" * 30 + b"\x7f"),
    **{f"the point {name}": bech32.encode("age", raw) for name, raw in LOW_ORDER.items()},
}
AGE = "?format=age"
OWN = ("Encryption-Key", SECRET)
# The query, the headers, the code, and what the sentence says.
MIXTURES = {
    "a recipient without a format": (f"?recipient={GOOD}", [], "invalid_parameter", "format=age"),
    "a recipient of Fernet": (f"?format=fernet&recipient={GOOD}", [], "invalid_parameter",
                              "format=age"),
    "armor without a format": ("?armor=true", [], "invalid_parameter", "format=age"),
    "armor=false of Fernet": ("?format=fernet&armor=false", [], "invalid_parameter", "format=age"),
    "armor and then Fernet": ("?armor=true&format=fernet", [], "invalid_parameter", "format=age"),
    "a recipient and an identity": (query([GOOD]), [OWN], "invalid_parameter", "only one of them"),
    "a recipient and a bad key": (query([GOOD]), [("Encryption-Key", "x")], "invalid_parameter",
                                  "only one of them"),
    "21 recipients": (query([GOOD] * 21), [], "invalid_parameter", "at most 20"),
    "100 recipients": (query([GOOD] * 100), [], "invalid_parameter", "at most 20"),
    **{f"armor={value}": (AGE + f"&armor={value}", [], "invalid_parameter", "armor")
       for value in ("", "TRUE", "True", "1", "yes", "true%20", "%20true", "true,true", "tru",
                     "truee", "%00")},
    "armor without a value": (AGE + "&armor", [], "invalid_parameter", "armor"),
    "armor twice": (AGE + "&armor=true&armor=true", [], "invalid_parameter", "once"),
    "armor twice, differently": (AGE + "&armor=true&armor=false", [], "invalid_parameter", "once"),
    "the format twice": (AGE + "&format=age", [], "invalid_parameter", "once"),
    "two formats": (AGE + "&format=fernet", [], "invalid_parameter", "once"),
    "a malformed escape": (AGE + "&recipient=%zz", [], "invalid_parameter", "percent-encoded"),
    "half an escape": (AGE + "&recipient=" + GOOD + "%6", [], "invalid_parameter",
                       "percent-encoded"),
    "a format in capitals": ("?format=AGE", [], "unknown_format", "format=age"),
    "a format of more letters": ("?format=ages", [], "unknown_format", "format=age"),
    "an unknown parameter": (AGE + "&recipients=" + GOOD, [], "unknown_parameter", "recipient"),
    "a parameter in capitals": (AGE + "&Recipient=" + GOOD, [], "unknown_parameter", "recipient"),
    "a parameter with a space": (AGE + "&recipient%20=" + GOOD, [], "unknown_parameter",
                                 "recipient"),
    "a parameter without a name": (AGE + "&=" + GOOD, [], "unknown_parameter", "recipient"),
    "a passphrase": (AGE + "&passphrase=hunter2", [], "unknown_parameter", "recipient"),
    "an identity as a parameter": (AGE + "&identity=" + SECRET, [], "unknown_parameter",
                                   "recipient"),
    "an identity alone": ("?" + SECRET, [], "unknown_parameter", "recipient"),
}

KEYS = {
    "a Fernet key": FERNET_KEY,
    "a recipient": GOOD,
    "an identity in small letters": SECRET.lower(),
    "an identity in mixed case": SECRET[:-10] + SECRET[-10:].lower(),
    "a prefix in small letters": "age-secret-key-" + SECRET[15:],
    "a wrong checksum": changed(SECRET.lower(), -1).upper(),
    "the checksum of Bech32m": bech32.encode("age-secret-key-", SECRET_BYTES,
                                             bech32.BECH32M).upper(),
    "a byte too few": bech32.encode("age-secret-key-", SECRET_BYTES[:-1]).upper(),
    "a byte too many": bech32.encode("age-secret-key-", SECRET_BYTES + b"\0").upper(),
    "a post-quantum identity": bech32.encode("age-secret-key-pq-", SECRET_BYTES).upper(),
    "a plugin's identity": bech32.encode("age-plugin-yubikey-", SECRET_BYTES).upper(),
    "the prefix alone": "AGE-SECRET-KEY-1",
    "nothing": "",
    "two in one": f"{SECRET}, {SECRET}",
    "a word": "secret",
}

BEFORE_THE_BODY = {
    **{name: (AGE + "&recipient=" + recipient, [], "invalid_recipient", "number 1")
       for name, recipient in RECIPIENTS.items()},
    **MIXTURES,
    **{"the key is " + name: (AGE, [("Encryption-Key", key)], "invalid_key", "age identity")
       for name, key in KEYS.items()},
    "two keys": (AGE, [OWN, OWN], "invalid_key", "send it once"),
    "an identity and a bad key": (AGE, [OWN, ("Encryption-Key", "x")], "invalid_key",
                                  "send it once"),
    "an identity for Fernet": ("", [OWN], "invalid_key", "format=age"),
}
each_case = pytest.mark.parametrize("options, headers, code, sentence", BEFORE_THE_BODY.values(),
                                    ids=BEFORE_THE_BODY)


def words_of(options, headers):
    """What the client sent that is long enough to be told apart from the service's own words."""
    words = [value for pair in options[1:].split("&") for value in pair.split("=")]
    words += [value for _, value in headers]
    return [word for word in words if len(word) > len("AGE-SECRET-KEY-1")]


def assert_refused(response, options, headers, code, sentence):
    assert_error(response, 400, code, sentence)
    assert response.interim == []
    for word in words_of(options, headers):
        assert word.encode() not in response.body, word


@each_case
def test_it_is_refused_before_the_body_is_read(server, options, headers, code, sentence):
    declared = ("Content-Length", str(1 << 30))
    for expected in ([], [("Expect", "100-continue")]):
        with RawClient(server.port, timeout=5) as client:
            client.send(request("PUT", PATH + options, [*headers, declared, *expected]))
            assert_refused(client.read_response(), options, headers, code, sentence)


@each_case
@transports.each([HTTP_1_0, transports.H2])
def test_it_is_refused_over_other_transports(server, transport, options, headers, code, sentence):
    with transport.connect(server) as client:
        response = transport.ask(client, "PUT", PATH + options, headers, b"x")
        assert_refused(response, options, headers, code, sentence)


@transports.each(transports.WITH_HTTP_2)
def test_over_http_2_it_is_refused_while_the_body_is_on_its_way(server, transport):
    cases = list(BEFORE_THE_BODY.values())[::7]
    with transport.connect(server) as client:
        for options, headers, code, sentence in cases:
            stream = client.request("PUT", PATH + options, headers, b"x", ends=False,
                                    declared=False)
            assert_refused(client.read_response(stream), options, headers, code, sentence)
        plaintext = os.urandom(1000)
        assert_age(client.exchange("PUT", PATH + AGE, [], plaintext), plaintext)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("bad", ["an identity", "a wrong checksum", "nothing", "the point 0"])
@pytest.mark.parametrize("n, number", [(1, 1), (2, 1), (2, 2), (20, 7), (20, 20)])
def test_the_sentence_has_the_number_of_the_faulty_recipient(server, method, bad, n, number):
    recipients = [GOOD] * n
    recipients[number - 1] = RECIPIENTS[bad]
    response = exchange(server.port, request(method, PATH + query(recipients), [], b"x"))
    assert_error(response, 400, "invalid_recipient", rf"\bnumber {number}\b\.$")


def test_of_two_faulty_recipients_the_first_is_named(server):
    options = query([GOOD, "x", GOOD, SECRET])
    assert_error(exchange(server.port, request("PUT", PATH + options, [], b"x")), 400,
                 "invalid_recipient", r"\bnumber 2\b")


def test_20_recipients_are_not_too_many(server):
    response = exchange(server.port, request("PUT", PATH + query([GOOD] * 20), [], b"x"))
    assert_age(response, b"x", identities=[SECRET] * 20)


def test_a_connection_is_of_use_for_both_formats_after_errors_of_age(server):
    with transports.H2.connect(server) as client:
        for options, headers, code, sentence in list(BEFORE_THE_BODY.values())[::5]:
            response = client.exchange("PUT", PATH + options, headers, b"x")
            assert_refused(response, options, headers, code, sentence)
            assert_encrypted(client.exchange("PUT", PATH, [], b"x"), b"x")
        assert_age(client.exchange("PUT", PATH + AGE, [OWN], b"x"), b"x", identities=[SECRET])


# Where an identity may end up by mistake.
MISTAKES = {
    "as a recipient": (PATH + query([SECRET]), []),
    "as a recipient of Fernet": (PATH + f"?recipient={SECRET}", []),
    "as the format": (PATH + f"?format={SECRET}", []),
    "as armor": (PATH + AGE + f"&armor={SECRET}", []),
    "as a parameter": (PATH + AGE + f"&identity={SECRET}", []),
    "as a parameter's name": (PATH + f"?{SECRET}", []),
    "with a broken escape": (PATH + AGE + f"&recipient={SECRET}%zz", []),
    "at a wrong path": (f"/nothing?recipient={SECRET}", []),
    "as a path": (f"/{SECRET}", []),
    "as a file's name": (PATH + f"/{SECRET}" + AGE, []),
    "for a key to be made": (f"/generate_key?format=age&recipient={SECRET}", []),
    "as two keys": (PATH + AGE, [OWN, OWN]),
    "in small letters": (PATH + AGE, [("Encryption-Key", SECRET.lower())]),
    "for Fernet": (PATH, [OWN]),
    "in another header": (PATH + AGE, [("X-Key", SECRET), ("Referer", f"http://x/?{SECRET}")]),
    "with a Content-Range": (PATH + query([SECRET]), [("Content-Range", "bytes 0-0/1")]),
    "with a bad escape in its path": (f"/%zz?recipient={SECRET}", []),
}
HEADS = [request(method, target, [("X", "x" * n)]) for method, target, n in (
    ("PUT", PATH + query([SECRET]) + "&" + "x" * 100_000, 1),
    ("PUT", PATH + query([SECRET]), 100_000),
    ("DELETE", PATH + query([SECRET]), 1))]


def logs_of(server, n_lines):
    return "\n".join(server.access_lines(at_least=n_lines)) + server.log()


def assert_not_logged(server, n_lines):
    text = logs_of(server, n_lines)
    assert len(server.access_lines()) >= n_lines
    for word in (SECRET, SECRET.lower(), GOOD, SECRET[16:40], "recipient", "x" * 20):
        assert word not in text, [line for line in text.splitlines() if word in line][0]


@transports.each([transports.HTTP_1_1, transports.H2])
def test_an_identity_that_was_sent_by_mistake_is_in_no_log(make_server, transport):
    server = make_server()
    for target, headers in MISTAKES.values():
        for body in (b"x", bytes(200_000)):
            assert transport.exchange(server, "PUT", target, headers, body).status in (
                200, 400, 404, 405)
    assert_not_logged(server, 2 * len(MISTAKES))


def test_an_identity_in_a_request_that_nginx_refuses_is_in_no_log(make_server):
    server = make_server()
    for head in HEADS:
        assert exchange(server.port, head).status in (414, 431, 405)
    assert_not_logged(server, len(HEADS))


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
@transports.each([transports.HTTP_1_1, transports.H2])
def test_an_identity_with_an_upload_that_is_too_large_is_in_no_log(make_server, transport,
                                                                   declared):
    server = make_server(body_limit="16k")
    response = transport.exchange(server, "PUT", PATH + query([SECRET]), [], bytes(20_000),
                                  declared=declared)
    assert response.status in (400, 413)
    response = transport.exchange(server, "PUT", PATH + query([GOOD]), [], bytes(20_000),
                                  declared=declared)
    assert_error(response, 413, "payload_too_large")
    assert_not_logged(server, 2)


def test_no_recipient_of_a_good_upload_is_in_a_log(make_server):
    server = make_server()
    for data in (request("PUT", PATH + query([GOOD]), [], b"x"),
                 request("PUT", PATH + AGE, [OWN], b"x")):
        assert exchange(server.port, data).status == 200
    with RawClient(server.port) as client:  # one that is cut
        client.send(request("PUT", PATH + query([GOOD]), [("Content-Length", "300000")])
                    + bytes(200_000))
        client.read_head()
    assert_not_logged(server, 3)
