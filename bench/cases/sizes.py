# SPDX-License-Identifier: Apache-2.0
"""Files of many sizes, one after the other over one connection."""

import peers
from bench import FORMATS, GIB, KIB, MIB, in_turn, load, service, target
from tables import Table, size_text

SIZES = [4**i * KIB for i in range(11)]
PEERS_MOST = 64 * MIB  # bytes: one keeps all of a file in memory
SHORT = 4 * MIB  # bytes: up to here many for a while, else one


def flags_for(effort, size):
    return {"seconds": effort.seconds(0.25)} if size <= SHORT else {"requests": 1}


def measure(effort):
    sizes = effort.sizes(SIZES)
    columns = [*FORMATS, *peers.COMMANDS]
    rate = Table("sizes", "Throughput against size", dict.fromkeys(columns, 0), corner="MiB/s",
                 note="Over one kept connection, the next file after the last one's answer. Bare "
                      "files, their size declared; the peers have forms.")
    first = Table("first_byte", "Time to the first byte", dict.fromkeys(columns, 2), corner="ms",
                  note="Of the answer, from the first byte of the request on. The same requests as "
                       "above.")
    with service() as server, peers.running(effort) as rivals:
        cases = [(size, name, server.port, {"target": target(name)})
                 for size in sizes for name in FORMATS]
        cases += [(size, name, peer.port, {"target": "/encrypt_file", "form": True})
                  for size in sizes if size <= PEERS_MOST for name, peer in rivals.items()]
        for size, name, port, flags in in_turn(effort, sorted(cases, key=lambda case: case[0])):
            got = load(port, bytes=size, **flags_for(effort, size), **flags)
            rate.put(size_text(size), name, got["requests_per_second"] * size / MIB, size)
            first.put(size_text(size), name, got["first_byte_ms"], size)
    return [rate, first]


assert SIZES[-1] == GIB
