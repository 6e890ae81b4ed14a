# SPDX-License-Identifier: Apache-2.0
"""Large plaintexts that nobody holds in memory, and a curl to send them with."""

import hashlib
import os
import subprocess
import threading
import time
from pathlib import Path

from support.fernet import TokenVerifier
from support.raw_http import Response

MIB = 1 << 20
LARGE_MIB = int(os.environ.get("ENCRYPTER_E2E_LARGE_MIB", "256"))


class Plaintext:
    """So many MiB, no two of them alike; sha256 is known once all were taken."""

    def __init__(self, mib):
        self.mib = mib
        self._digest = hashlib.sha256()
        self.n_taken = 0

    def __iter__(self):
        block = bytearray(os.urandom(MIB))
        for i in range(self.mib):
            block[:8] = i.to_bytes(8, "big")
            self._digest.update(block)
            self.n_taken += MIB
            yield block

    @property
    def sha256(self):
        return self._digest.hexdigest()


def write_file(path, plaintext):
    with open(path, "wb") as file:
        for block in plaintext:
            file.write(block)


def parse_curl_headers(path):
    """The final answer's head in a file that curl -D wrote."""
    blocks = Path(path).read_bytes().decode("latin-1").split("\r\n\r\n")
    lines = [b for b in blocks if b.strip()][-1].strip().split("\r\n")
    headers = [line.split(":", 1) for line in lines[1:]]
    return Response(int(lines[0].split()[1]), [(k, v.strip()) for k, v in headers])


def curl(folder, *arguments, stdin=None):
    """One request by curl; the files it needs go to folder."""
    command = ["curl", "-sS", "--max-time", "60", "-D", folder / "headers", "-o", folder / "body"]
    result = subprocess.run([str(w) for w in [*command, *arguments]], input=stdin,
                            stderr=subprocess.PIPE)
    assert result.returncode == 0, result.stderr
    response = parse_curl_headers(folder / "headers")
    response.body = (folder / "body").read_bytes()
    response.complete = True
    return response


class Upload:
    """A curl whose answer is verified while it runs; what is fed to it comes from a thread.
    make_verifier: from the answer's key to what has update() and finish()."""

    def __init__(self, folder, *arguments, feed=None, make_verifier=TokenVerifier):
        self.make_verifier = make_verifier
        self.headers_path = folder / "headers"
        self.feed = feed
        command = ["curl", "-sS", "-N", "--max-time", "300", "-D", self.headers_path, *arguments]
        self.started = time.monotonic()
        self.curl = subprocess.Popen([str(w) for w in command], stdout=subprocess.PIPE,
                                     stdin=subprocess.PIPE if feed else subprocess.DEVNULL)
        self.first_byte_seconds = None
        self.taken_at_first_byte = None
        self.n_answer = 0

    def verify(self):
        """Runs to the end; returns the answer's head and the plaintext's SHA-256."""
        feeder = threading.Thread(target=self._feed, daemon=True)
        feeder.start()
        verifier = None
        while piece := self.curl.stdout.read1(1 << 20):
            if verifier is None:
                self._note_first_byte()
                head = parse_curl_headers(self.headers_path)
                verifier = self.make_verifier(head.header("Encryption-Key"))
            verifier.update(piece)
            self.n_answer += len(piece)
        feeder.join(60)
        assert self.curl.wait(60) == 0
        return head, verifier.finish()

    def _feed(self):
        if self.feed is None:
            return
        try:
            for block in self.feed:
                self.curl.stdin.write(block)
            self.curl.stdin.close()
        except BrokenPipeError:
            pass  # curl's exit status tells

    def _note_first_byte(self):
        self.first_byte_seconds = time.monotonic() - self.started
        self.taken_at_first_byte = self.feed.n_taken if self.feed else None
