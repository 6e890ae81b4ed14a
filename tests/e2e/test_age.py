# SPDX-License-Identifier: Apache-2.0
"""format=age: files that the age of others decrypts, for a new identity, for recipients, and for an
identity of the client's own."""

import os
import subprocess
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import age, transports
from support.age_files import AgeFile, assert_age, file_size, query, unarmor
from support.answers import assert_encrypted
from support.forms import BOUNDARY, FORM, form, part, post_form
from support.raw_http import RawClient, chunked, exchange, request
from support.sources import parse_curl_headers

PATH = "/encrypt_file"
HOLD = 64 << 10
MARGIN = 256  # so much more may be held where it is the end of a file
MIB = 1 << 20
NOISE = os.urandom(10 * MIB)
SIZES = [0, 1, 65535, 65536, 65537, 131072, 10 * MIB]
CHUNKED = ("Transfer-Encoding", "chunked")
KINDS = {
    "form": lambda plaintext, options: post_form(part(plaintext), target=PATH + options),
    "bare": lambda plaintext, options: request("PUT", PATH + options, [], plaintext),
    "chunked": lambda plaintext, options: request("PUT", PATH + options, [CHUNKED],
                                                  chunked(plaintext)),
}
each_size = pytest.mark.parametrize("n", SIZES)
each_kind = pytest.mark.parametrize("kind", KINDS)
each_armor = pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])


@pytest.fixture(scope="module")
def people():
    """As many identities as a file may have recipients."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda _: age.keygen(), range(20)))


def recipients_of(people):
    return [person.recipient for person in people]


def secrets_of(people):
    return [person.secret for person in people]


def name_of(kind):
    """A form's part has a name here, and a path none."""
    return "file.txt.age" if kind == "form" else "file.age"


def put(plaintext, options, *headers):
    return request("PUT", PATH + options, headers, plaintext)


@each_armor
@each_kind
@each_size
def test_a_file_of_any_size_comes_back(server, n, kind, armor):
    plaintext = NOISE[:n]
    response = exchange(server.port, KINDS[kind](plaintext, query(armor=armor)))
    assert_age(response, plaintext, name_of(kind), armor)


@each_armor
@each_kind
@each_size
def test_the_length_is_declared_where_it_is_known(server, n, kind, armor):
    response = exchange(server.port, KINDS[kind](NOISE[:n], query(armor=armor)))
    size = file_size(n, 1, armor)
    assert response.complete
    assert len(response.body) == size
    if kind == "bare" or size <= HOLD:
        assert response.header("Content-Length") == str(size)
    elif size > HOLD + MARGIN:
        assert response.header("Transfer-Encoding") == "chunked"


@each_armor
@pytest.mark.parametrize("n_recipients", [1, 20])
@pytest.mark.parametrize("kind", ["form", "chunked"])
def test_the_hold_is_filled_to_its_last_byte(server, people, kind, n_recipients, armor):
    chosen = people[:n_recipients]
    options = query(recipients_of(chosen), armor)
    held = max(n for n in range(HOLD) if file_size(n, n_recipients, armor) <= HOLD)
    for n, is_held in ((held, True), (held + MARGIN + 1, False)):
        response = exchange(server.port, KINDS[kind](NOISE[:n], options))
        assert_age(response, NOISE[:n], name_of(kind), armor, secrets_of(chosen))
        assert (response.header("Content-Length") is not None) == is_held


def test_npms_age_decrypts_everything(server, tmp_path, people):
    jobs = []
    for n in [*SIZES[:-1], MIB]:  # npm's is slow
        for armor in (False, True):
            for chosen in ([], people[:1], people):
                options = query(recipients_of(chosen), armor)
                response = exchange(server.port, put(NOISE[:n], options))
                identity = chosen[-1].secret if chosen else response.header("Encryption-Key")
                path = tmp_path / f"{n}-{armor}-{len(chosen)}"
                path.write_bytes(response.body)
                jobs.append({"do": "decrypt", "in": path, "out": f"{path}.out",
                             "identities": [identity]})
    assert age.npm(jobs) == [None] * len(jobs)
    for job in jobs:
        n = int(job["in"].name.split("-")[0])
        with open(job["out"], "rb") as file:
            assert file.read() == NOISE[:n], job["in"].name


@transports.each()
@each_armor
@pytest.mark.parametrize("n", [0, 1000, MIB + 1])
def test_every_transport_carries_it(server, people, transport, n, armor):
    plaintext = NOISE[:n]
    chosen = people[:2]
    ways = [
        ([], (), None),
        (recipients_of(chosen), (), secrets_of(chosen)),
        ([], [("Encryption-Key", people[0].secret)], [people[0].secret]),
    ]
    for recipients, headers, identities in ways:
        target = PATH + "/report.pdf" + query(recipients, armor)
        response = transport.exchange(server, "PUT", target, headers, plaintext)
        assert_age(response, plaintext, "report.pdf.age", armor, identities)
        assert response.header("Content-Length") == str(len(response.body))


@transports.each(transports.UNDECLARED)
@each_armor
def test_every_transport_carries_a_form_of_unknown_length(server, transport, armor):
    plaintext = NOISE[:300_000]
    response = transport.exchange(server, "POST", PATH + query(armor=armor),
                                  [("Content-Type", FORM + BOUNDARY)], form(part(plaintext)),
                                  declared=False)
    assert_age(response, plaintext, "file.txt.age", armor)


@pytest.mark.parametrize("n_recipients", [1, 2, 20])
@each_kind
@each_armor
def test_each_recipient_can_decrypt_and_nobody_else(server, tmp_path, people, n_recipients, kind,
                                                    armor):
    plaintext = NOISE[:70_000]
    chosen = people[:n_recipients]
    data = KINDS[kind](plaintext, query(recipients_of(chosen), armor))
    response = exchange(server.port, data)
    assert_age(response, plaintext, name_of(kind), armor, secrets_of(chosen))
    with pytest.raises(age.AgeError, match="no identity matched"):
        age.decrypt(response.body, [age.keygen().secret], tmp_path)


def test_the_recipients_keep_their_order(server, people):
    for chosen in (people, people[::-1]):
        response = exchange(server.port, put(b"x", query(recipients_of(chosen))))
        parts = assert_age(response, b"x", identities=secrets_of(chosen))
        keys = [stanza.file_key(person.secret)
                for stanza, person in zip(parts.stanzas, chosen, strict=True)]
        assert None not in keys and len(set(keys)) == 1


def test_a_recipient_may_come_twice_and_gets_two_stanzas(server, people):
    chosen = [people[0], people[1], people[0]]
    response = exchange(server.port, put(b"x", query(recipients_of(chosen))))
    parts = assert_age(response, b"x", identities=secrets_of(chosen))
    first, _, last = parts.stanzas
    assert first.file_key(people[0].secret) == last.file_key(people[0].secret) is not None
    assert first.share != last.share


@each_kind
@each_armor
def test_a_client_may_bring_its_own_identity(server, people, kind, armor):
    for n in (0, 1000, 200_000):
        data = KINDS[kind](NOISE[:n], query(armor=armor))
        data = data.replace(b"\r\n", b"\r\nEncryption-Key: %s\r\n" % people[0].secret.encode(), 1)
        response = exchange(server.port, data)
        assert_age(response, NOISE[:n], name_of(kind), armor, [people[0].secret])
        assert people[0].secret.encode() not in response.body


def test_the_identity_that_was_made_has_a_recipient_of_its_own(server):
    first = exchange(server.port, put(b"x", query()))
    recipient = age.recipient_of(first.header("Encryption-Key"))
    second = exchange(server.port, put(b"y", query([recipient])))
    assert_age(second, b"y", identities=[first.header("Encryption-Key")])


@pytest.mark.parametrize("write", [
    lambda options: options.replace("armor", "%61rmor").replace("=age", "=%61%67%65"),
    lambda options: "?" + "&".join(
        "=".join("".join(f"%{ord(char):02x}" for char in word) for word in pair.split("="))
        for pair in options[1:].split("&")),
    lambda options: "?" + "&".join(
        "=".join(urllib.parse.quote(word) for word in pair.split("="))
        for pair in reversed(options[1:].split("&"))),
    lambda options: options.replace("&", "&&").replace("?", "?&") + "&",
], ids=["in part", "whole", "in another order", "with empty pairs"])
def test_parameters_may_be_percent_encoded_and_come_in_any_order(server, people, write):
    options = write(query(recipients_of(people[:1]), armor=True))
    response = exchange(server.port, put(b"x", options))
    assert_age(response, b"x", armor=True, identities=[people[0].secret])


def test_the_command_of_the_documents_works(server, tmp_path):
    (tmp_path / "x").write_bytes(NOISE[:100_000])
    command = f"curl -sS -F file=@x '{server.url}/encrypt_file?format=age' -D h -o x.age"
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    head = parse_curl_headers(tmp_path / "h")
    assert head.status == 200
    assert head.header("Content-Disposition") == 'attachment; filename="x.age"'
    (tmp_path / "key").write_text(head.header("Encryption-Key") + "\n")
    decrypted = subprocess.run(["age", "-d", "-i", "key", "x.age"], check=True, cwd=tmp_path,
                               stdout=subprocess.PIPE)
    assert decrypted.stdout == NOISE[:100_000]


@each_armor
@pytest.mark.parametrize("way", ["made", "own", "recipients"])
def test_no_two_uploads_share_a_secret_a_nonce_or_a_share(server, people, way, armor):
    recipients = recipients_of(people[:2]) if way == "recipients" else []
    headers = [("Encryption-Key", people[0].secret)] if way == "own" else []
    n_uploads = 100
    found = []
    with RawClient(server.port) as client:
        for _ in range(n_uploads):
            client.send(put(b"the same for everyone", query(recipients, armor), *headers))
            response = client.read_response()
            secret = response.header("Encryption-Key") or people[0].secret
            parts = AgeFile.parse(unarmor(response.body) if armor else response.body)
            found += [parts.file_key(secret), parts.nonce]
            found += [stanza.share for stanza in parts.stanzas]
            found += [secret] if way == "made" else []
    assert len(found) == n_uploads * (4 if way != "own" else 3)
    assert len(set(found)) == len(found)


def test_a_connection_serves_both_formats_in_turn(server, people):
    with RawClient(server.port) as client:
        for i in range(10):
            plaintext = NOISE[:i * 9973]
            client.send_meanwhile(put(plaintext, query(armor=bool(i % 2))))
            assert_age(client.read_response(), plaintext, armor=bool(i % 2))
            client.send_meanwhile(put(plaintext, ""))
            assert_encrypted(client.read_response(), plaintext)


def test_armor_false_is_binary(server):
    assert_age(exchange(server.port, put(b"x", query(armor=False))), b"x", armor=False)
