# SPDX-License-Identifier: Apache-2.0
"""Whatever a client calls its file: the answer's name is valid and harmless."""

import urllib.parse

import pytest

from support.age_files import assert_age
from support.answers import assert_encrypted, file_name_of
from support.forms import part, post_form
from support.raw_http import exchange, request

AGE = "/encrypt_file?format=age"
# What a browser sends as filename="...", and the name of the answer.
NAMES = {
    "a plain name": ("file.txt", "encrypted_file.txt"),
    "a name with spaces": ("my own file.txt", "encrypted_my own file.txt"),
    "a name without an extension": ("Makefile", "encrypted_Makefile"),
    "a hidden file": (".bashrc", "encrypted_.bashrc"),
    "UTF-8": ("Übergrößenträger.txt", "encrypted_Übergrößenträger.txt"),
    "UTF-8 outside the first plane": ("🔑 schlüssel.txt", "encrypted_🔑 schlüssel.txt"),
    "quotes with backslashes": (r"say \"hi\".txt", 'encrypted_say "hi".txt'),
    "quotes with per cent": ("say %22hi%22.txt", 'encrypted_say "hi".txt'),
    "semicolons": ("a;b; filename=c.txt", "encrypted_a;b; filename=c.txt"),
    "per cent": ("100%.txt", "encrypted_100%.txt"),
    "what looks like filename*": ("UTF-8''x.txt", "encrypted_UTF-8''x.txt"),
    "line ends": ("a%0D%0AX-Evil: 1.txt", "encrypted_aX-Evil: 1.txt"),
    "a way up": ("../../etc/passwd", "encrypted_passwd"),
    "an absolute path": ("/etc/passwd", "encrypted_passwd"),
    "a Windows path": (r"C:\x\y.txt", "encrypted_y.txt"),
    "a directory": ("folder/", "encrypted_file.txt"),
    "one dot": (".", "encrypted_file.txt"),
    "two dots": ("..", "encrypted_file.txt"),
    "an empty name": ("", "encrypted_file.txt"),
}


@pytest.mark.parametrize("filename, expected", NAMES.values(), ids=NAMES)
def test_a_forms_file_name_becomes_a_harmless_one(server, filename, expected):
    response = exchange(server.port, post_form(part(b"x", filename=filename)))
    assert_encrypted(response, b"x", expected)
    assert response.header("X-Evil") is None


@pytest.mark.parametrize("filename, expected", NAMES.values(), ids=NAMES)
def test_a_file_of_age_has_the_same_base_name_and_a_suffix(server, filename, expected):
    base = expected.removeprefix("encrypted_")
    is_nameless = base == "file.txt" != filename  # nothing is left of it
    response = exchange(server.port, post_form(part(b"x", filename=filename), target=AGE))
    assert_age(response, b"x", "file.age" if is_nameless else base + ".age")
    assert response.header("X-Evil") is None


@pytest.mark.parametrize("data", [
    post_form(part(b"x", filename=None), target="/encrypt_file?format=age"),
    request("PUT", "/encrypt_file?format=age", [], b"x"),
    request("PUT", "/encrypt_file/?format=age", [], b"x"),
    request("PUT", "/encrypt_file/%2F?format=age", [], b"x"),
    request("POST", "/encrypt_file?format=age", [], b"x"),
], ids=["form", "put", "put to a folder", "put to a slash", "post"])
def test_a_file_of_age_without_a_name_has_one(server, data):
    assert_age(exchange(server.port, data), b"x", "file.age")


@pytest.mark.parametrize("armor", ["", "&armor=true"], ids=["binary", "armored"])
@pytest.mark.parametrize("name", ["report.pdf", "naïve €.txt", "already.age", "a.tar.gz", ".age"])
def test_a_put_of_age_takes_its_name_from_the_path(server, name, armor):
    target = "/encrypt_file/" + urllib.parse.quote(name, safe="") + "?format=age" + armor
    response = exchange(server.port, request("PUT", target, [], b"x"))
    assert_age(response, b"x", name + ".age", bool(armor))


def test_a_file_without_a_name_is_a_file_too(server):
    response = exchange(server.port, post_form(part(b"x", filename=None)))
    assert_encrypted(response, b"x", "encrypted_file.txt")


LONG_STEMS = {"ASCII": "x" * 300, "two bytes": "ü" * 300, "four bytes": "🔑" * 300,
              "a character at the cut": "x" * 136 + "ü" * 10}


@pytest.mark.parametrize("stem", LONG_STEMS.values(), ids=LONG_STEMS)
def test_a_long_name_is_cut_at_a_character_and_keeps_its_extension(server, stem):
    filename = stem + ".txt"
    response = exchange(server.port, post_form(part(b"x", filename=filename)))
    name = file_name_of(response)
    assert_encrypted(response, b"x", name)
    assert 140 < len(name.encode()) <= 150
    assert name.endswith(".txt")
    assert ("encrypted_" + filename).startswith(name[:-len(".txt")])


def test_an_extension_of_300_characters_is_cut_too(server):
    response = exchange(server.port, post_form(part(b"x", filename="x." + "y" * 300)))
    assert len(file_name_of(response)) <= 150


@pytest.mark.parametrize("stem", LONG_STEMS.values(), ids=LONG_STEMS)
def test_a_long_name_of_age_is_cut_at_a_character_and_keeps_its_suffix(server, stem):
    filename = stem + ".txt"
    response = exchange(server.port, post_form(part(b"x", filename=filename), target=AGE))
    name = file_name_of(response)
    assert_age(response, b"x", name)
    assert 140 < len(name.encode()) <= 150
    assert name.endswith(".txt.age")
    assert filename.startswith(name[:-len(".txt.age")])


@pytest.mark.parametrize("filename", ["a\udcffb.txt", "\udce4\udcf6\udcfc.txt", "\udcc3.txt"])
def test_a_name_that_is_not_utf8_becomes_valid(server, filename):
    response = exchange(server.port, post_form(part(b"x", filename=filename)))
    name = file_name_of(response)
    assert_encrypted(response, b"x", name)
    assert name.startswith("encrypted_") and name.endswith(".txt")


@pytest.mark.parametrize("value, expected", [
    ("filename*=UTF-8''na%C3%AFve.txt", "encrypted_naïve.txt"),
    ("filename=plain.txt; filename*=utf-8''%E2%82%AC.txt", "encrypted_€.txt"),
    ("filename*=ISO-8859-1''%A3.txt", "encrypted_£.txt"),
    ("filename*=UTF-8''%2E%2E%2Fevil.txt", "encrypted_evil.txt"),
    ("filename=unquoted.txt", "encrypted_unquoted.txt"),
])
def test_other_ways_to_write_a_name_are_understood(server, value, expected):
    header = f"Content-Disposition: form-data; name=file; {value}\r\n\r\n".encode()
    assert_encrypted(exchange(server.port, post_form(header + b"x")), b"x", expected)


@pytest.mark.parametrize("name", ["report.pdf", "naïve €.txt", 'say "hi";.txt', "a+b&c=d.txt",
                                  "100%.txt", "semi;colon.txt", "question?.txt", "hash#.txt"])
def test_a_put_takes_its_name_from_the_path(server, name):
    target = "/encrypt_file/" + urllib.parse.quote(name, safe="")
    response = exchange(server.port, request("PUT", target, [], b"x"))
    assert_encrypted(response, b"x", "encrypted_" + name)


@pytest.mark.parametrize("target", ["/encrypt_file/a%0d%0aX-Evil:%201.txt",
                                    "/encrypt_file/C:%5Cx%5Cy.txt", "/encrypt_file/%ff%fe.txt",
                                    "/encrypt_file/%C3.txt", "/encrypt_file/" + "x" * 300 + ".txt"])
def test_a_put_to_a_strange_path_gets_a_harmless_name(server, target):
    response = exchange(server.port, request("PUT", target, [], b"x"))
    name = file_name_of(response)
    assert_encrypted(response, b"x", name)
    assert response.header("X-Evil") is None
    assert name.startswith("encrypted_") and name.endswith(".txt")
    assert len(name.encode()) <= 150 and not set(name) & set("/\\\r\n")


def test_a_name_that_is_ascii_is_sent_once(server):
    response = exchange(server.port, post_form(part(b"x", filename="plain.txt")))
    value = response.header("Content-Disposition")
    assert value == 'attachment; filename="encrypted_plain.txt"'


def test_a_name_that_is_not_ascii_is_sent_in_both_forms(server):
    response = exchange(server.port, post_form(part(b"x", filename="naïve.txt")))
    value = response.header("Content-Disposition")
    assert value.isascii() and 'filename="' in value
    assert value.endswith("filename*=UTF-8''encrypted_na%C3%AFve.txt")
