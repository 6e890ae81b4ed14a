# SPDX-License-Identifier: Apache-2.0
"""Small requests: how many a second, beside what nginx alone and what the peers do."""

import peers
from bench import FORMATS, KIB, in_turn, load, service, target
from tables import Table

CONNECTIONS = 32
RETURN_200 = "nginx's `return 200`"


def measure(effort):
    table = Table("requests", "Small requests", {"requests/s": 0, "p50 ms": 2, "p99 ms": 2},
                  note=f"Forms with a file of 1 KiB over {CONNECTIONS} kept connections.")
    with service() as server, peers.running(effort) as rivals:
        places = {RETURN_200: (server.port, "/return_200")}
        places |= {name: (server.port, target(name)) for name in FORMATS}
        places |= {name: (peer.port, "/encrypt_file") for name, peer in rivals.items()}
        for name, (port, path) in in_turn(effort, places.items()):
            got = load(port, target=path, form=True, bytes=KIB, connections=CONNECTIONS,
                       seconds=effort.seconds(2))
            table.add(name, **{"requests/s": got["requests_per_second"], "p50_ms": got["p50_ms"],
                               "p99_ms": got["p99_ms"]})
    return [table]
