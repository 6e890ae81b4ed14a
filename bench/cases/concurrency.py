# SPDX-License-Identifier: Apache-2.0
"""Many uploads at once, which the kernel may do abreast."""

from bench import FERNET, MIB, NULL_4_3, cpu_seconds, in_turn, load, service, target
from tables import Table, size_text

CONNECTIONS = [1, 2, 4, 8, 16, 32, 64]


def measure(effort):
    each = effort.bytes(64 * MIB)
    table = Table("concurrency", "Throughput against concurrency",
                  {FERNET: 0, NULL_4_3: 0, "Fernet, per CPU s": 0, "null 4:3, per CPU s": 0},
                  corner="MiB/s at so many at once",
                  note=f"Bare files of {size_text(each)}, one on each connection, all at once. "
                       "Per CPU s: for a second of the worker's processor time.")
    with service() as server:
        cases = [(n, name) for n in CONNECTIONS for name in [FERNET, NULL_4_3]]
        for n, name in in_turn(effort, cases):
            before = cpu_seconds(server)
            got = load(server.port, target=target(name), bytes=each, connections=n, requests=n)
            mib = n * each / MIB
            table.put(str(n), name, mib / got["seconds"], n)
            cpu = max(0.01, cpu_seconds(server) - before)
            table.put(str(n), f"{name}, per CPU s", mib / cpu, n)
    return [table]
