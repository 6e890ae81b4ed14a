# SPDX-License-Identifier: Apache-2.0
"""One form with a large file, to the service and to its peers."""

import peers
from bench import FERNET, MIB, in_turn, load, process, service
from tables import Table, size_text


def measure(effort):
    n = effort.bytes(100 * MIB)
    table = Table("peers", f"A form with {size_text(n)}, against the peers",
                  {"s": 3, "MiB/s": 0, "first byte ms": 1, "peak MiB": 0},
                  note="Fernet from each. Peak: the most memory that the process had until then.")
    with service() as server, peers.running(effort) as rivals:
        places = {FERNET: (server.port, server.workers[0])}
        places |= {name: (peer.port, peer.worker) for name, peer in rivals.items()}
        for name, (port, pid) in in_turn(effort, places.items()):
            got = load(port, target="/encrypt_file", form=True, bytes=n)
            table.add(name, **{"s": got["seconds"], "MiB/s": n / MIB / got["seconds"],
                               "first_byte_ms": got["first_byte_ms"],
                               "peak_MiB": process.memory_kib(pid, "VmHWM") / 1024})
    return [table]
