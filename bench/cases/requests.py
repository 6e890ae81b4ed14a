# SPDX-License-Identifier: Apache-2.0
"""Small requests: how many a second, beside what nginx alone and what the peers do."""

import peers
from bench import FORMATS, KIB, in_turn, load, service, target
from tables import Table

CONNECTIONS = 32
RETURN_200 = "nginx's `return 200`"
RETURN_200_AS_NGINX_IS = "`return 200`, nginx's own buffers"
# The service has larger ones, of which `return 200` gains more than the service.
AS_NGINX_IS = [("    client_header_buffer_size 4k;\n", ""), ("    request_pool_size 12k;\n", "")]


def measure(effort):
    table = Table("requests", "Small requests",
                  {"requests/s": 0, "p50 ms": 2, "p99 ms": 2, "busy": 2},
                  note=f"Forms with a file of 1 KiB over {CONNECTIONS} kept connections. Busy: how "
                       "much of the time the process had its core. Where that is not 1, the client "
                       "or another process was the limit.")
    with (service() as server, service(AS_NGINX_IS) as plain,
          peers.running(effort) as rivals):
        [worker] = server.workers
        places = {RETURN_200: (server.port, "/return_200", worker),
                  RETURN_200_AS_NGINX_IS: (plain.port, "/return_200", plain.workers[0])}
        places |= {name: (server.port, target(name), worker) for name in FORMATS}
        places |= {name: (peer.port, "/encrypt_file", peer.worker)
                   for name, peer in rivals.items()}
        for name, (port, path, pid) in in_turn(effort, places.items()):
            got = load(port, target=path, form=True, bytes=KIB, connections=CONNECTIONS,
                       seconds=effort.seconds(2), cpu_of=pid)
            table.add(name, **{"requests/s": got["requests_per_second"], "p50_ms": got["p50_ms"],
                               "p99_ms": got["p99_ms"],
                               "busy": got["cpu_seconds"] / got["seconds"]})
    return [table]
