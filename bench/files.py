# SPDX-License-Identifier: Apache-2.0
"""A large file of noise, and what the service makes of it."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

from bench import FORMATS, MIB, on_client_core


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="encrypter-bench-", dir="/tmp") as name:
        yield Path(name)


def write_noise(path, n):
    noise = os.urandom(MIB)
    with open(path, "wb") as file:
        for at in range(0, n, MIB):
            file.write(noise[:n - at])
    write_out(path)


def write_out(path):
    """Has it on the disk now, so that nothing is written while something is measured."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def warm_page_cache(folder, n):
    """A virtual machine may give memory that is free back to its host. Whoever writes a file then
    pays for getting it again, up to seconds for a GiB: this, and not what is measured next."""
    path = folder / "warm"
    with open(path, "wb") as file:
        for _ in range(0, n, MIB):
            file.write(bytes(MIB))
    path.unlink()


def curl(*words):
    """The arguments hold no key: a header that has one comes in a file."""
    with on_client_core():
        done = subprocess.run(["curl", "-sS", "--fail-with-body", *map(str, words)], check=True,
                              stdout=subprocess.PIPE, text=True)
    return done.stdout


def encrypt(server, name, plain, encrypted):
    """Encrypts a file through the service; returns the key."""
    head = curl("-T", plain, "-o", encrypted, "-D", "-",
                f"{server.url}/encrypt_file/?format={FORMATS[name]}")
    write_out(encrypted)
    [key] = [line.split(": ")[1].strip() for line in head.splitlines()
             if line.startswith("Encryption-Key: ")]
    return key
