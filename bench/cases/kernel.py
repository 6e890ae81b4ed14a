# SPDX-License-Identifier: Apache-2.0
"""The inner loops by themselves."""

import json
import subprocess

from bench import BUILD, on_worker_core
from tables import Table

CBC = "AES-128-CBC, OpenSSL"
LEVELS = ["portable", "avx2", "avx512"]
STREAMS = [1, 2, 4, 8, 16]


def kernel(level, n):
    return f"kernel, {level}, {n} {'stream' if n == 1 else 'streams'}"


def measure(effort):
    table = Table("kernel", "The inner loops alone", {"GB/s": 2},
                  note="GB for a second of the processor, in pieces of 12 KiB that stay in the "
                       "cache.")
    milliseconds = effort.seconds(0.1) * 1000
    with on_worker_core():
        done = subprocess.run([BUILD / "bench" / "kernel", str(effort.rounds), str(milliseconds)],
                              check=True, stdout=subprocess.PIPE, text=True)
    for name, rates in json.loads(done.stdout).items():
        for rate in rates:
            table.put(name, "GB/s", rate / 1e9)
    return [table]
