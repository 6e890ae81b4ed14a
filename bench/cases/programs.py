# SPDX-License-Identifier: Apache-2.0
"""The same file by programs that have no server around them: age, and Python's cryptography."""

import subprocess
import sys
import time

import files
from bench import AGE, FERNET, FORMATS, MIB, in_turn, on_client_core, service
from tables import Table, size_text

SERVICE = "the service, by curl"
FERNET_PROGRAM = """
import sys
from cryptography.fernet import Fernet
with open(sys.argv[2], "rb") as file, open(sys.argv[3]) as key:
    getattr(Fernet(key.read()), sys.argv[1])(file.read())
"""


def run(*words):
    with on_client_core():
        subprocess.run([str(word) for word in words], check=True)


def cases_for(server, folder):
    """(row, column, command) of each program, by files that the service has encrypted."""
    plain = folder / "plain"
    for name in [FERNET, AGE]:
        key = folder / f"{name}.key"
        key.write_text(files.encrypt(server, name, plain, folder / name))
        header = folder / f"{name}.header"
        header.write_text(f"Encryption-Key: {key.read_text()}")
        curl = ["curl", "-sS", "--fail-with-body", "-o", "/dev/null"]
        yield f"{name}, {SERVICE}", "encrypting s", [
            *curl, "-T", plain, f"{server.url}/encrypt_file/?format={FORMATS[name]}"]
        yield f"{name}, {SERVICE}", "decrypting s", [
            *curl, "-T", folder / name, "-H", f"@{header}", f"{server.url}/decrypt_file/"]
    recipient = folder / "recipient"
    run("age-keygen", "-y", "-o", recipient, folder / f"{AGE}.key")
    yield "age, the program `age`", "encrypting s", [
        "age", "-R", recipient, "-o", "/dev/null", plain]
    yield "age, the program `age`", "decrypting s", [
        "age", "-d", "-i", folder / f"{AGE}.key", "-o", "/dev/null", folder / AGE]
    for method, file in [("encrypt", plain), ("decrypt", folder / FERNET)]:
        yield "Fernet, Python's `cryptography`", f"{method}ing s", [
            sys.executable, "-c", FERNET_PROGRAM, method, file, folder / f"{FERNET}.key"]


def measure(effort):
    n = effort.bytes(256 * MIB)
    table = Table("programs", f"{size_text(n)} by programs", {"encrypting s": 2, "decrypting s": 2},
                  note="From a file to nowhere, with the start of the program. The service has one "
                       "core and curl the other; a program has one.")
    with service() as server, files.folder() as folder:
        files.write_noise(folder / "plain", n)
        for name, column, command in in_turn(effort, list(cases_for(server, folder))):
            begun = time.monotonic()
            run(*command)
            table.put(name, column, time.monotonic() - begun)
    return [table]
