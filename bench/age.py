#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The age encryptor by itself beside the cipher by itself, as OpenSSL measures it.

Prints a table in Markdown: GB for each second of the processor, and the ratio to the cipher. The cases
take turns.

Usage: age.py AGE_PAYLOAD [ROUNDS]"""

import subprocess
import sys

from bench import WORKER_CORE, median, on_core, run_in_turn, table

PROGRAM = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5

OPENSSL = ["openssl", "speed", "-mr", "-seconds", "1", "-bytes", "65536", "-evp",
           "chacha20-poly1305"]
FORMS = {"sized": "age, of known size", "binary": "age", "armor": "age, armored"}
CASES = {"`openssl speed -evp chacha20-poly1305 -bytes 65536`": (None, None)} | {
    f"{label}, pieces of {kib} KiB": (form, kib)
    for form, label in FORMS.items() for kib in [16, 64, 128, 1024]}


def measure(form, kib):
    command = OPENSSL if form is None else [PROGRAM, str(kib * 1024), form, "1"]
    with on_core(WORKER_CORE):
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # The last line of openssl's: +F:NUMBER:NAME:BYTES_PER_SECOND
    return {"rate": float(out.split()[-1].split(":")[-1])}


def main():
    rates = {name: float(median(rounds, "rate", 0))
             for name, rounds in run_in_turn(CASES, ROUNDS, measure).items()}
    cipher = next(iter(rates.values()))
    table(["", "GB/s", "of the cipher"],
          [[name, f"{rate / 1e9:.2f}", f"{rate / cipher:.2f}"] for name, rate in rates.items()])


if __name__ == "__main__":
    main()
