# SPDX-License-Identifier: Apache-2.0
"""One large file over one connection: encrypted, copied by the null formats, decrypted."""

import files
from bench import AGE, FERNET, FORMATS, GIB, MIB, cpu_seconds, in_turn, load, service, target
from tables import Table, size_text


def decrypted(name):
    return f"{name}, decrypted"


def measure(effort):
    n = effort.bytes(GIB)
    table = Table("large", f"One file of {size_text(n)}",
                  {"s": 3, "MiB/s": 0, "worker's CPU s": 2, "first byte ms": 1},
                  note="Over one connection, bare, its size declared, where it is no form. "
                       "Decryption verifies all of it first.")
    with service() as server, files.folder() as folder:
        cases = {name: {"target": target(name), "bytes": n} for name in FORMATS}
        cases |= {f"{name}, a form": {"target": target(name), "bytes": n, "form": True}
                  for name in [FERNET, AGE]}
        plain = folder / "plain"
        files.write_noise(plain, n)
        for name in [FERNET, AGE]:
            key = files.encrypt(server, name, plain, folder / name)
            cases[decrypted(name)] = {"target": "/decrypt_file/", "file": folder / name, "key": key}
        plain.unlink()
        for name, flags in in_turn(effort, cases.items()):
            if "file" in flags:
                files.warm_page_cache(folder, 3 * n // 2)
            before = cpu_seconds(server)
            got = load(server.port, **flags)
            table.add(name, **{"s": got["seconds"], "MiB/s": n / MIB / got["seconds"],
                               "worker's CPU s": cpu_seconds(server) - before,
                               "first_byte_ms": got["first_byte_ms"]})
    return [table]
