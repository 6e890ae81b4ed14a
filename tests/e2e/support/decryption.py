# SPDX-License-Identifier: Apache-2.0
"""Encrypted files that others than the service made, the requests that have them decrypted, and
what the answers must look like."""

import functools
from dataclasses import dataclass

from cryptography.fernet import Fernet

from support import age, bech32
from support.answers import assert_headers_of_success, file_name_of
from support.forms import BOUNDARY, FORM, form, part
from support.raw_http import request

PATH = "/decrypt_file"
FERNET_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
SECRET_BYTES = bytes(range(32))
SECRET = bech32.encode("age-secret-key-", SECRET_BYTES).upper()
RECIPIENT = "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh"
FORM_TYPE = ("Content-Type", FORM + BOUNDARY)
BINARY_TYPE = ("Content-Type", "application/octet-stream")
CHUNKED = ("Transfer-Encoding", "chunked")
RELEASE = "?release=verified-chunks"


@dataclass(frozen=True)
class Sealed:
    """A file, encrypted, and the key that opens it."""
    plaintext: bytes
    file: bytes
    key: str

    @property
    def format(self):
        return "age" if self.key.startswith("AGE") else "fernet"

    @property
    def header(self):
        return ("Encryption-Key", self.key)

    @property
    def unnamed(self):
        """What the answer's file is called where the client gives no name."""
        return "decrypted_file" if self.format == "age" else "decrypted_file.txt"

    def named(self, name):
        """What the encrypted file is called where `name` is to come out."""
        return f"{name}.age" if self.format == "age" else f"encrypted_{name}"


@functools.lru_cache(100)
def by_cryptography(plaintext):
    return Sealed(plaintext, Fernet(FERNET_KEY).encrypt(plaintext), FERNET_KEY)


@functools.lru_cache(100)
def by_age(plaintext, armor=False):
    return Sealed(plaintext, age.encrypt(plaintext, [RECIPIENT], armor), SECRET)


# How somebody else encrypts: Python's cryptography and Debian's age.
SEALS = {
    "fernet": by_cryptography,
    "age": by_age,
    "armored age": functools.partial(by_age, armor=True),
}
AGE_SEALS = ["age", "armored age"]


# Requests for a Sealed: method, target, headers and body.


def as_form(sealed, query="", filename=None, headers=()):
    body = form(part(sealed.file, filename=filename))
    return "POST", PATH + query, [sealed.header, FORM_TYPE, *headers], body


def as_post(sealed, query="", headers=()):
    return "POST", PATH + query, [sealed.header, BINARY_TYPE, *headers], sealed.file


def as_put(sealed, query="", headers=(), path=PATH):
    return "PUT", path + query, [sealed.header, *headers], sealed.file


# Every shape of a request, with the name that its answer has.
SHAPES = {
    "form": lambda sealed: (as_form(sealed, filename=sealed.named("report.pdf")), "report.pdf"),
    "post": lambda sealed: (as_post(sealed), sealed.unnamed),
    "put": lambda sealed: (as_put(sealed), sealed.unnamed),
    "put with a name": lambda sealed: (
        as_put(sealed, path=f"{PATH}/{sealed.named('report.pdf')}"), "report.pdf"),
}


def ask(client, sealed, query=""):
    """Has it decrypted on a RawClient's connection, which may be of use afterwards."""
    sender = client.send_meanwhile(request(*as_put(sealed, query)))
    response = client.read_response()
    sender.join(5)
    return response


def assert_decrypted(response, sealed, name=None, streamed=False):
    """A whole, good answer. streamed: its length was not known when it began."""
    assert response.status == 200, (response.status, response.body[:300])
    assert response.complete
    assert_headers_of_success(response, sealed.format, "application/octet-stream")
    assert response.header("Encryption-Key") is None
    assert file_name_of(response) == (name or sealed.unnamed)
    length = None if streamed else str(len(sealed.plaintext))
    assert response.header("Content-Length") == length
    assert len(response.body) == len(sealed.plaintext)
    assert response.body == sealed.plaintext
