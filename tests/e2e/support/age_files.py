# SPDX-License-Identifier: Apache-2.0
"""age files of the service, taken apart strictly; what their answers must look like."""

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support import age, bech32
from support.answers import assert_headers_of_success, file_name_of

IDENTITY = re.compile(r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}")
RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
STANZA = rb"-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n"
HEADER = re.compile(rb"age-encryption\.org/v1\n((?:" + STANZA + rb")+)--- [A-Za-z0-9+/]{43}\n")
ARMOR = re.compile(rb"-----BEGIN AGE ENCRYPTED FILE-----\n((?:[A-Za-z0-9+/]{64}\n)*)"
                   rb"([A-Za-z0-9+/]{1,64}={0,2})\n-----END AGE ENCRYPTED FILE-----\n")
CHUNK, TAG, NONCE = 65536, 16, 16


def file_size(n, n_recipients=1, armor=False):
    """The bytes of the encrypted file of n bytes."""
    n_header = len("age-encryption.org/v1\n") + 98 * n_recipients + len("--- \n") + 43
    size = n_header + NONCE + n + TAG * max(1, -(-n // CHUNK))
    if not armor:
        return size
    n_base64 = 4 * -(-size // 3)
    return n_base64 + -(-n_base64 // 64) + len("-----BEGIN AGE ENCRYPTED FILE-----\n"
                                               "-----END AGE ENCRYPTED FILE-----\n")


def unarmor(text):
    match = ARMOR.fullmatch(text)
    assert match, text[:100] + b"..." + text[-100:]
    assert len(match[2]) <= 64
    return base64.b64decode(match[1].replace(b"\n", b"") + match[2], validate=True)


@dataclass(frozen=True)
class Stanza:
    share: bytes
    body: bytes

    def keys(self, secret):
        """What an identity shares with it, and the wrapping key that this leads to."""
        private = X25519PrivateKey.from_private_bytes(bech32.decode(secret))
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        shared = private.exchange(X25519PublicKey.from_public_bytes(self.share))
        return shared, derive(shared, self.share + public, b"age-encryption.org/v1/X25519")

    def file_key(self, secret):
        """What it holds for an identity; None if it is not for that."""
        _, key = self.keys(secret)
        try:
            return ChaCha20Poly1305(key).decrypt(bytes(12), self.body, None)
        except InvalidTag:
            return None


@dataclass(frozen=True)
class AgeFile:
    stanzas: list
    nonce: bytes
    n_header: int

    @staticmethod
    def parse(file):
        match = HEADER.match(file)
        assert match, file[:200]
        stanzas = [Stanza(from_base64(share), from_base64(body))
                   for share, body in re.findall(STANZA, match[1])]
        return AgeFile(stanzas, file[match.end():match.end() + NONCE], match.end())

    def file_key(self, secret):
        """Of the first stanza that is for this identity."""
        return next(filter(None, (stanza.file_key(secret) for stanza in self.stanzas)))

    def payload_key(self, secret):
        return derive(self.file_key(secret), self.nonce, b"payload")


def derive(key, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(key)


def from_base64(text):
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)


def assert_age(response, plaintext, name="file.age", armor=False, identities=None):
    """A whole, good answer. identities: of the recipients in their order, or the client's own; none:
    the service made one. Each decrypts it, by Debian's age. Returns the file's parts."""
    assert response.status == 200, (response.status, response.body[:300])
    assert response.complete
    content_type = "text/plain; charset=utf-8" if armor else "application/octet-stream"
    assert_headers_of_success(response, "age", content_type)
    assert file_name_of(response) == name
    if identities is None:
        identities = [response.header("Encryption-Key")]
        assert IDENTITY.fullmatch(identities[0])
    else:
        assert response.header("Encryption-Key") is None
    assert len(response.body) == file_size(len(plaintext), len(identities), armor)
    parts = AgeFile.parse(unarmor(response.body) if armor else response.body)
    assert len(parts.stanzas) == len(identities)
    for secret in identities:
        assert age.decrypt(response.body, [secret], None) == plaintext
    return parts


def assert_no_whole_file(body, secret):
    """Whatever came before a cut: no part of it may pass for a file of age."""
    for part in plausible_parts(body):
        try:
            age.decrypt(part, [secret], None)
        except age.AgeError:
            continue
        raise AssertionError("a whole file was sent")


def plausible_parts(body):
    """What somebody might take for a file: all of it, up to the end of any chunk, and with an end."""
    yield body
    if body.startswith(b"-----BEGIN"):
        lines = body.rpartition(b"\n")[0]
        for text in (body, lines):
            yield text.rstrip(b"\n") + b"\n-----END AGE ENCRYPTED FILE-----\n"
        return
    match = HEADER.match(body)
    if match:
        for end in range(match.end() + NONCE, len(body), CHUNK + TAG):
            yield body[:end]


def query(recipients=(), armor=None):
    """The query that asks for age."""
    parameters = ["format=age", *(f"recipient={recipient}" for recipient in recipients)]
    if armor is not None:
        parameters.append(f"armor={str(armor).lower()}")
    return "?" + "&".join(parameters)
