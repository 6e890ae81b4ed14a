# SPDX-License-Identifier: Apache-2.0
"""What the file that was decrypted is called: as before it was encrypted, valid, and harmless."""

import urllib.parse

import pytest

from support.answers import file_name_of
from support.decryption import FORM_TYPE, PATH, SEALS, as_form, as_put, assert_decrypted
from support.forms import form
from support.raw_http import exchange, request

UNNAMED = {"fernet": "decrypted_file.txt", "age": "decrypted_file"}
# What a client sends as the file's name, and the names of the answer: of a token, and of a file of
# age. None: the one for a file without a name.
NAMES = {
    "as the service names a token": ("encrypted_report.pdf", "report.pdf",
                                     "decrypted_encrypted_report.pdf"),
    "as the service names a file of age": ("report.pdf.age", "decrypted_report.pdf.age",
                                           "report.pdf"),
    "as neither does": ("report.pdf", "decrypted_report.pdf", "decrypted_report.pdf"),
    "with both": ("encrypted_x.age", "x.age", "encrypted_x"),
    "with both twice": ("encrypted_encrypted_x.age.age", "encrypted_x.age.age",
                        "encrypted_encrypted_x.age"),
    "without an extension": ("encrypted_Makefile", "Makefile", "decrypted_encrypted_Makefile"),
    "the prefix alone": ("encrypted_", None, "decrypted_encrypted_"),
    "the suffix alone": (".age", "decrypted_.age", None),
    "the word of the prefix": ("encrypted", "decrypted_encrypted", "decrypted_encrypted"),
    "the word of the suffix": ("age", "decrypted_age", "decrypted_age"),
    "other cases": ("Encrypted_x.AGE", "decrypted_Encrypted_x.AGE", "decrypted_Encrypted_x.AGE"),
    "the prefix in the middle": ("my_encrypted_x.txt", "decrypted_my_encrypted_x.txt",
                                 "decrypted_my_encrypted_x.txt"),
    "the suffix in the middle": ("x.age.txt", "decrypted_x.age.txt", "decrypted_x.age.txt"),
    "a hidden file": ("encrypted_.bashrc", ".bashrc", "decrypted_encrypted_.bashrc"),
    "a hidden file of age": (".bashrc.age", "decrypted_.bashrc.age", ".bashrc"),
    "dots behind the prefix": ("encrypted_..", None, "decrypted_encrypted_"),
    "a dot before the suffix": ("..age", "decrypted_..age", None),
    "dots before the suffix": ("....age", "decrypted_....age", None),
    "a space before the suffix": (" .age", "decrypted_ .age", None),
    "a way up": ("../../encrypted_passwd", "passwd", "decrypted_encrypted_passwd"),
    "a way up behind the prefix": ("encrypted_../../passwd", "decrypted_passwd",
                                   "decrypted_passwd"),
    "an absolute path": ("/etc/passwd.age", "decrypted_passwd.age", "passwd"),
    "a way up before the suffix": ("x/...age", "decrypted_...age", None),
    "a Windows path": (r"C:\encrypted_x\y.age", "decrypted_y.age", "y"),
    "a Windows path behind the prefix": ("encrypted_C:\\y", "decrypted_y", "decrypted_y"),
    "a folder": ("encrypted_folder/", None, None),
    "a folder of age": ("folder.age/", None, None),
    "two dots": ("..", None, None),
    "nothing": ("", None, None),
    "controls": ("encrypted_a\x01\x7fb\x02.txt.age", "ab.txt.age", "encrypted_ab.txt"),
    "a line end": ("encrypted_a\r\nX-Evil: 1.age", "aX-Evil: 1.age", "encrypted_aX-Evil: 1"),
    "what turns the direction of writing": ("encrypted_\u202egpj.exe.age", "gpj.exe.age",
                                            "encrypted_gpj.exe"),
    "UTF-8": ("encrypted_Übergrößenträger €.age", "Übergrößenträger €.age",
              "encrypted_Übergrößenträger €"),
    "UTF-8 outside the first plane": ("🔑.txt.age", "decrypted_🔑.txt.age", "🔑.txt"),
    "quotes": ('encrypted_say "hi";.txt.age', 'say "hi";.txt.age', 'encrypted_say "hi";.txt'),
    "per cent": ("encrypted_100%.txt.age", "100%.txt.age", "encrypted_100%.txt"),
}
SHORT = {seal: make(b"x") for seal, make in SEALS.items() if seal != "armored age"}
each_seal = pytest.mark.parametrize("seal", SHORT)
# nginx follows them before the service sees the path.
IN_PATHS = {name: case for name, case in NAMES.items() if name not in ("a way up", "two dots")}


def put(seal, name):
    """Every byte of the name escaped: a path of its own takes no part in it."""
    quoted = "".join(f"%{byte:02x}" for byte in name.encode("utf-8", "surrogateescape"))
    return request(*as_put(SHORT[seal], path=f"{PATH}/{quoted}"))


@pytest.mark.parametrize("name, of_token, of_age", IN_PATHS.values(), ids=IN_PATHS)
@each_seal
def test_a_path_gives_the_name(server, seal, name, of_token, of_age):
    response = exchange(server.port, put(seal, name))
    expected = of_token if seal == "fernet" else of_age
    assert_decrypted(response, SHORT[seal], expected or UNNAMED[seal])
    assert response.header("X-Evil") is None


@pytest.mark.parametrize("name, of_token, of_age", NAMES.values(), ids=NAMES)
@each_seal
def test_a_form_gives_the_name(server, seal, name, of_token, of_age):
    filename = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    response = exchange(server.port, request(*as_form(SHORT[seal], filename=filename)))
    expected = of_token if seal == "fernet" else of_age
    assert_decrypted(response, SHORT[seal], expected or UNNAMED[seal])
    assert response.header("X-Evil") is None


@each_seal
def test_a_file_without_a_name_has_one(server, seal):
    sealed = SHORT[seal]
    for data in (as_form(sealed), as_form(sealed, filename=""), as_put(sealed),
                 as_put(sealed, path=PATH + "/"), as_put(sealed, path=PATH + "/%2F")):
        assert_decrypted(exchange(server.port, request(*data)), sealed, UNNAMED[seal])


@pytest.mark.parametrize("value", ["filename*=UTF-8''{}",
                                   "filename=plain.txt; filename*=utf-8''{}"])
@each_seal
def test_an_extended_file_name_of_a_form_wins(server, seal, value):
    sealed = SHORT[seal]
    quoted = urllib.parse.quote(sealed.named("naïve.txt"))
    head = f"Content-Disposition: form-data; name=file; {value.format(quoted)}\r\n\r\n".encode()
    body = form(head + sealed.file)
    response = exchange(server.port, request("POST", PATH, [sealed.header, FORM_TYPE], body))
    assert_decrypted(response, sealed, "naïve.txt")
    disposition = response.header("Content-Disposition")
    assert disposition.isascii() and disposition.endswith("filename*=UTF-8''na%C3%AFve.txt")


LONG_STEMS = {"ASCII": "x" * 296, "two bytes": "ü" * 148, "four bytes": "🔑" * 74,
              "a character at the cut": "x" * 145 + "ü" * 10}


@pytest.mark.parametrize("stem", LONG_STEMS.values(), ids=LONG_STEMS)
@each_seal
def test_a_long_name_is_cut_at_a_character_and_keeps_its_extension(server, seal, stem):
    for sent, whole in ((SHORT[seal].named(stem + ".txt"), stem + ".txt"),
                        (stem + ".txt", "decrypted_" + stem + ".txt")):
        for data in (put(seal, sent), request(*as_form(SHORT[seal], filename=sent))):
            response = exchange(server.port, data)
            name = file_name_of(response)
            assert_decrypted(response, SHORT[seal], name)
            assert 140 < len(name.encode()) <= 150
            assert name.endswith(".txt")
            assert whole.startswith(name[:-len(".txt")])


@each_seal
def test_the_longest_name_that_encryption_gives_comes_back_without_what_it_added(server, seal):
    options = "" if seal == "fernet" else "?format=age"
    answer = exchange(server.port, request("PUT", f"/encrypt_file/{'x' * 200}.txt{options}", [],
                                           b"x"))
    encrypted = file_name_of(answer)
    name = encrypted.removeprefix("encrypted_") if seal == "fernet" else encrypted[:-len(".age")]
    assert len(encrypted) == 150
    assert_decrypted(exchange(server.port, put(seal, encrypted)), SHORT[seal], name)


@pytest.mark.parametrize("name", ["a\udcffb.txt", "\udce4\udcf6\udcfc.txt", "\udcc3.txt"])
@each_seal
def test_a_name_that_is_not_utf8_becomes_valid(server, seal, name):
    sent = SHORT[seal].named(name)
    for data in (put(seal, sent), request(*as_form(SHORT[seal], filename=sent))):
        response = exchange(server.port, data)
        found = file_name_of(response)
        assert_decrypted(response, SHORT[seal], found)
        assert found.endswith(".txt") and not found.startswith("encrypted_")
