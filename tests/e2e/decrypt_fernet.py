# SPDX-License-Identifier: Apache-2.0
"""Decrypts a token for tests in another language: its file is the argument, the key comes on standard
input. Prints the plaintext's size and SHA-256 as JSON."""

import hashlib
import json
import os
import sys

from cryptography.fernet import Fernet

from support.fernet import TokenVerifier

# What is larger is left to the verifier that streams: Python would hold it in memory some times.
WHOLE_BYTES = 4 << 20


def main():
    path, key = sys.argv[1], sys.stdin.read().strip()
    if os.path.getsize(path) <= WHOLE_BYTES:
        with open(path, "rb") as file:
            plaintext = Fernet(key).decrypt(file.read())
        size, sha256 = len(plaintext), hashlib.sha256(plaintext).hexdigest()
    else:
        verifier = TokenVerifier(key)
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                verifier.update(piece)
        sha256 = verifier.finish()
        size = verifier.n_plaintext
    print(json.dumps({"size": size, "sha256": sha256}))


if __name__ == "__main__":
    main()
