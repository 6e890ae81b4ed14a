# SPDX-License-Identifier: Apache-2.0
"""Encrypted files, what can be broken about them, and clients that keep every byte that they get."""

import base64
import os
import random
from dataclasses import dataclass

from cryptography.fernet import Fernet

from support import age
from support.age_files import CHUNK, NONCE, TAG, AgeFile
from support.fernet import MAC_BYTES
from support.h2_client import H2Client
from support.raw_http import RawClient, request
from support.transports import HTTP_1_1, LASTING, WITH_HTTP_2

FERNET, BINARY, ARMORED = KINDS = ["fernet", "age", "armored"]
BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
FIRST_LINE = b"age-encryption.org/v1"
SPACE = b" \t\r\n"


def telltale(n):
    """So many bytes that no head and no JSON has: one of them on the wire has leaked."""
    return bytes(byte | 0x80 for byte in os.urandom(n))


@dataclass(frozen=True)
class Sample:
    """A file that was encrypted by somebody else."""
    kind: str
    key: str
    plaintext: bytes
    file: bytes

    @property
    def encryption_format(self):
        return FERNET if self.kind == FERNET else "age"

    @property
    def headers(self):
        return [("Encryption-Key", self.key)]


def make(kind, plaintext):
    if kind == FERNET:
        key = Fernet.generate_key()
        return Sample(kind, key.decode(), plaintext, Fernet(key).encrypt(plaintext))
    identity = age.keygen()
    file = age.encrypt(plaintext, [identity.recipient], armor=kind == ARMORED)
    return Sample(kind, identity.secret, plaintext, file)


def codes_of(sample, file):
    """The codes that may answer a file that was made of the sample's."""
    rest = file.lstrip(SPACE)
    for line in (BEGIN, FIRST_LINE):
        if (rest if line == BEGIN else file).startswith(line):
            format_, is_whole = "age", rest[len(line):len(line) + 1] in (b"\r", b"\n")
            break
    else:
        format_, is_whole = FERNET, True
        if file[:1] != b"g" or file[1:2] not in [bytes([c]) for c in b"ABCDEFGHIJKLMNOP"]:
            return {(422, "unrecognized_format")}
    if format_ != sample.encryption_format:
        return {(400, "invalid_key")}
    refused = {(422, "decryption_failed")}
    return refused if is_whole else refused | {(422, "unrecognized_format")}


# What is done to a file: generators of what becomes of it.


def flip(file, i, bit):
    return file[:i] + bytes([file[i] ^ 1 << bit]) + file[i + 1:]


def flips(sample):
    for i in range(len(sample.file)):
        for bit in range(8):
            yield flip(sample.file, i, bit)


def is_accepted(sample, file):
    """Whether it is as good as the sample's: by the white space around text."""
    if sample.kind == FERNET:
        return file in (sample.file, sample.file + b"\n", sample.file + b"\r\n")
    if sample.kind == ARMORED:
        return file.strip(SPACE) == sample.file.strip(SPACE)
    return file == sample.file


def cuts(sample):
    for i in range(len(sample.file)):
        yield sample.file[:i]
        yield sample.file[i + 1:]  # the other end


TAILS = [bytes([byte]) for byte in (*b"\0\n\r\t\v\f =-_+/Ag", 0x7f, 0x80, 0xff)] + [
    b"\r\n", b"\n\n", b"\n\r", b"\r\n\r\n", b"\n ", b"==", b"AAAA", b"====", bytes(16), bytes(100)]


def tails(sample):
    for tail in TAILS:
        yield sample.file + tail
        yield tail + sample.file
    yield sample.file + sample.file
    yield sample.file + b"\n" + sample.file


def rearranged(pieces):
    """Without one of the pieces, with one twice, with two of them in each other's place."""
    n = len(pieces)
    for i in range(n):
        yield pieces[:i] + pieces[i + 1:]
        yield pieces[:i] + [pieces[i]] + pieces[i:]
        for j in range(i + 1, n):
            yield pieces[:i] + [pieces[j]] + pieces[i + 1:j] + [pieces[i]] + pieces[j + 1:]


def pieces_of(sample):
    """Groups of base64, lines, or the lines and the chunks of a binary file."""
    file = sample.file
    if sample.kind == FERNET:
        size = max(4, len(file) // 40 // 4 * 4)
        return [file[i:i + size] for i in range(0, len(file), size)]
    if sample.kind == ARMORED:
        lines = file.splitlines(keepends=True)
        size = max(1, len(lines) // 20)
        return [b"".join(lines[i:i + size]) for i in range(0, len(lines), size)]
    parts = AgeFile.parse(file)
    chunks = file[parts.n_header + NONCE:]
    return [*file[:parts.n_header].splitlines(keepends=True),
            file[parts.n_header:parts.n_header + NONCE],
            *(chunks[i:i + CHUNK + TAG] for i in range(0, len(chunks), CHUNK + TAG))]


def rearrangements(sample, n_most=1000):
    """All of them, or so many."""
    found = list(rearranged(pieces_of(sample)))
    if len(found) > n_most:
        found = random.Random(1).sample(found, n_most)
    for pieces in found:
        yield b"".join(pieces)


def edges(sample):
    """Where something begins in a large file: offsets, the file's end among them."""
    n = len(sample.file)
    found = {0, 1, n, *range(65536, n, 65536)}
    if sample.kind == FERNET:
        raw = [1, 9, 25, 41, n // 4 * 3 - MAC_BYTES - 18, n // 4 * 3 - MAC_BYTES - 2]
        found |= {byte * 4 // 3 for byte in raw}
    elif sample.kind == BINARY:
        at = 0
        for piece in pieces_of(sample):
            at += len(piece)
            found |= {at, max(0, at - TAG)}
    else:
        n_line = len(b"-----END AGE ENCRYPTED FILE-----\n")
        found |= {len(BEGIN), len(BEGIN) + 1, n - n_line, n - n_line - 20}
        found |= {len(BEGIN) + 1 + (CHUNK + TAG) * i * 4 // 3 * 65 // 64 for i in range(1, 5)}
    return sorted(offset for offset in found if offset <= n)


def damages_at_edges(sample, seed=1):
    """Of a large file: bits beside each edge and at some other places, and cuts there."""
    dice = random.Random(seed)
    n = len(sample.file)
    places = {edge + step for edge in edges(sample) for step in (-1, 0, 1)}
    places |= {dice.randrange(n) for _ in range(12)}
    for place in sorted(places):
        if 0 <= place < n:
            yield flip(sample.file, place, dice.randrange(8))
            yield sample.file[:place]


# Who asks.


class Witness(RawClient):
    """received: every byte that the socket gave."""

    def __init__(self, *arguments, **options):
        self.received = bytearray()
        super().__init__(*arguments, **options)

    def _more(self):
        n = len(self.buffer)
        is_more = super()._more()
        self.received += self.buffer[n:]
        return is_more


class H2Witness(H2Client):
    def _start(self, window):
        self.received = bytearray()
        started = super()._start(window)
        take = started.receive_data

        def receive_data(data):
            self.received += data
            return take(data)
        started.receive_data = receive_data
        return started


def witness(server, transport):
    if transport in WITH_HTTP_2:
        port = server.tls_port if transport.tls else server.h2c_port
        return H2Witness(port, certificate=server.certificate if transport.tls else None)
    if transport.tls:
        return Witness(server.tls_port, certificate=server.certificate)
    return Witness(server.port)


def assert_nothing_leaked(client, transport, plaintext):
    """The plaintext is a telltale. Of HTTP/2 its frames are not ASCII: there no run of it may come."""
    if transport not in WITH_HTTP_2:
        assert client.received.isascii(), bytes(client.received[-600:])
        return
    n = 4 if len(plaintext) < 1000 else 8
    received = bytes(client.received)
    runs = {received[i:i + n] for i in range(len(received) - n + 1)}
    assert not [run for run in runs if run in plaintext]


N_PIPELINED = 32
SMALL = 4096  # so much is sent in one piece


class Questioner:
    """Asks for one decryption after the other, on a connection for as long as that lasts, and sees to
    it that nothing but errors comes."""

    def __init__(self, server, transport, plaintext):
        self.server, self.transport, self.plaintext = server, transport, plaintext
        self.client = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.client and kind is None:
            self._end(lasts=True)
        elif self.client:
            self.client.close()

    def ask(self, *arguments, **options):
        response = self.transport.ask(self._connected(), *arguments, **options)
        self._judge(response)
        return response

    def ask_all(self, requests):
        """The answers to many. Over HTTP/1.1 those with small bodies are sent together."""
        waiting = list(requests)
        while waiting:
            if self.transport is not HTTP_1_1 or len(waiting[0][3]) > SMALL:
                yield self.ask(*waiting.pop(0))
                continue
            now = waiting[:N_PIPELINED]
            self._connected().send(b"".join(request(*arguments) for arguments in now))
            while now and self.client:  # the rest is asked again, if it ended
                yield self._next_answer()
                waiting.pop(0), now.pop(0)

    def _connected(self):
        self.client = self.client or witness(self.server, self.transport)
        return self.client

    def _next_answer(self):
        response = self.client.read_response()
        self._judge(response)
        return response

    def _judge(self, response):
        assert response.status != 200, response
        assert_nothing_leaked(self.client, self.transport, self.plaintext)
        self.client.received.clear()
        if self.transport not in LASTING or response.header("Connection") == "close":
            self._end(lasts=False)

    def _end(self, lasts):
        """Whatever else comes before the connection is closed is looked at too."""
        client, self.client = self.client, None
        if self.transport not in WITH_HTTP_2:
            if lasts:
                client.send(request("GET", "/healthz", [("Connection", "close")]))
                assert client.read_response().status == 200
            assert client.read_to_end() == b"", "something came behind the answer"
        assert_nothing_leaked(client, self.transport, self.plaintext)
        client.close()
