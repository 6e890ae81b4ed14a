# SPDX-License-Identifier: Apache-2.0
"""What memory a worker takes: for a file of each size, and for connections that wait."""

import files
from bench import (AGE, FERNET, GIB, KIB, MIB, Effort, held_load, in_turn, load, process, service,
                   target)
from tables import Table, size_text

SIZES = [MIB, 16 * MIB, 256 * MIB, GIB]
LARGE = 10 * GIB

IDLE = "an idle one, after one request"
SLOW = "a slow upload of declared size"
SLOW_CHUNKED = "a slow upload of unknown size"
SENT = 200 * KIB  # by then a slow upload's answer has begun


def measure(effort):
    effort = Effort(min(effort.rounds, 3), effort.scale, has_large=effort.has_large)
    return [by_size(effort), by_connection(effort)]


def by_size(effort):
    table = Table("memory", "Peak memory against size",
                  {"Fernet": 1, "Fernet, a form": 1, "age": 1, "Fernet, decrypted": 1,
                   "age, decrypted": 1}, corner="MiB",
                  note="The most memory that a fresh worker had, after one file.")
    sizes = effort.sizes(SIZES)
    with files.folder() as folder:
        with service() as server:
            keys = {(size, name): encrypted(server, folder, size, name)
                    for size in sizes for name in [FERNET, AGE]}
        cases = [(size, column, flags) for size in sizes + [LARGE] * effort.has_large
                 for column, flags in ways(folder, size, keys)]
        for size, column, flags in in_turn(effort, cases):
            table.put(size_text(size), column, peak_mib(flags), size)
    return table


def encrypted(server, folder, size, name):
    """Makes a file that is to be decrypted; returns its key."""
    plain = folder / f"plain-{size}"
    if not plain.exists():
        files.write_noise(plain, size)
    return files.encrypt(server, name, plain, folder / f"{name}-{size}")


def ways(folder, size, keys):
    yield "Fernet", {"target": target(FERNET), "bytes": size}
    yield "Fernet, a form", {"target": target(FERNET), "bytes": size, "form": True}
    yield "age", {"target": target(AGE), "bytes": size}
    for name in [FERNET, AGE]:
        if (size, name) in keys:
            yield f"{name}, decrypted", {"target": "/decrypt_file/", "key": keys[size, name],
                                         "file": folder / f"{name}-{size}"}


def peak_mib(flags):
    with service() as server:
        load(server.port, **flags)
        return process.memory_kib(server.workers[0], "VmHWM") / 1024


def by_connection(effort):
    n_idle, n_slow = effort.count(5000), effort.count(1000)
    slow = {"form": True, "bytes": GIB, "stall_after": SENT, "connections": n_slow,
            "requests": n_slow}
    cases = {IDLE: {"form": True, "bytes": KIB, "connections": n_idle, "requests": n_idle},
             SLOW: slow, SLOW_CHUNKED: {**slow, "chunked": True}}
    table = Table("connections", "Memory of a connection", {"Fernet": 2, "age": 2}, corner="KiB",
                  note=f"What the worker's own memory grew by, for each of {n_idle:,} idle "
                       f"connections and of {n_slow:,} uploads that stop after {size_text(SENT)} "
                       "of a form of 1 GiB.")
    for name, flags in in_turn(effort, cases.items()):
        for column in [FERNET, AGE]:
            table.put(name, column, growth_kib(column, flags))
    return table


def growth_kib(name, flags):
    with service(worker_connections=12_000) as server:
        load(server.port, target=target(name), form=True, bytes=MIB)
        [worker] = server.workers
        before = process.as_root(process.private_kib, worker)
        with held_load(server.port, target=target(name), **flags):
            return (process.as_root(process.private_kib, worker) - before) / flags["connections"]
