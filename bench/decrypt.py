#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One large file, encrypted and decrypted by the service, and decrypted by others.

Prints a table in Markdown: seconds by curl, the worker's processor time, and how long it took beside
encrypting the same file. The last rows are `age -d` and Python's cryptography, on the second core as
curl is. The cases take turns.

Usage: decrypt.py [MIB] [ROUNDS]"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import CLIENT_CORE, median, on_core, run_in_turn, service, table
from support import process

MIB = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3

FORMATS = {"Fernet": "format=fernet", "age": "format=age", "age, armored": "format=age&armor=true"}
CHUNKS = "?release=verified-chunks"
FERNET = """
import sys
from cryptography.fernet import Fernet
with open(sys.argv[1], "rb") as token, open(sys.argv[2]) as key:
    Fernet(key.read()).decrypt(token.read())
"""


class Files:
    """The plain file, and what the service has made of it."""

    def __init__(self, folder):
        self.folder = folder
        self.plain = folder / "plain"
        with open(self.plain, "wb") as file:
            for _ in range(MIB):
                file.write(os.urandom(2**20))

    def encrypted(self, name):
        return self.folder / name.replace(", ", "-")

    def key(self, name):
        return self.encrypted(name).with_suffix(".key")

    def encrypt(self, server, name):
        head = self.folder / "head"
        curl(server, "/encrypt_file/?" + FORMATS[name], self.plain, "-D", str(head),
             "-o", str(self.encrypted(name)))
        [key] = [line.split(": ")[1].strip() for line in head.read_text().splitlines()
                 if line.startswith("Encryption-Key: ")]
        self.key(name).write_text(key)


def curl(server, target, file, *options):
    subprocess.run(["curl", "-sS", "--fail-with-body", "-T", str(file), *options,
                    f"http://127.0.0.1:{server.port}{target}"], check=True)


def through_service(files, server, what, name):
    [worker] = server.workers
    before, begun = process.cpu_seconds(worker), time.monotonic()
    if what == "encrypt":
        curl(server, "/encrypt_file/?" + FORMATS[name], files.plain, "-o", "/dev/null")
    else:
        header = files.folder / "header"
        header.write_text("Encryption-Key: " + files.key(name).read_text())
        curl(server, "/decrypt_file/" + what, files.encrypted(name), "-H", f"@{header}",
             "-o", "/dev/null")
    return {"seconds": time.monotonic() - begun, "cpu": process.cpu_seconds(worker) - before,
            "memory": process.memory_kib(worker, "VmHWM") / 1024}


def by_others(files, name):
    commands = {
        "Fernet": [sys.executable, "-c", FERNET, files.encrypted(name), files.key(name)],
        "age": ["age", "-d", "-i", files.key(name), "-o", "/dev/null", files.encrypted(name)],
    }
    begun = time.monotonic()
    subprocess.run(commands[name], check=True)
    return {"seconds": time.monotonic() - begun, "cpu": 0, "memory": 0}


def measure(files, what, name):
    with on_core(CLIENT_CORE):
        if what == "others":
            return by_others(files, name)
    with service() as server, on_core(CLIENT_CORE):
        return through_service(files, server, what, name)


CASES = {f"{name}, {verb}": (what, name) for name in FORMATS
         for verb, what in [("encrypted", "encrypt"), ("decrypted", "")]} | {
    "age, decrypted, verified chunks": (CHUNKS, "age"),
    "`age -d`": ("others", "age"),
    "Python's `Fernet.decrypt`": ("others", "Fernet"),
}


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        with service() as server:
            for name in FORMATS:
                files.encrypt(server, name)
        results = run_in_turn({name: (files, *case) for name, case in CASES.items()}, ROUNDS, measure)
    encrypted = {name: float(median(results[name + ", encrypted"], "seconds", 2)) for name in FORMATS}
    table(["", "s", "worker's CPU s", "worker's peak MiB", "of the time to encrypt"],
          [[name, median(rounds, "seconds", 2), median(rounds, "cpu", 2),
            median(rounds, "memory", 1),
            f"{float(median(rounds, 'seconds', 2)) / encrypted[CASES[name][1]]:.2f}"]
           for name, rounds in results.items()])


if __name__ == "__main__":
    main()
