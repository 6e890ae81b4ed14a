# SPDX-License-Identifier: Apache-2.0
"""What a request and a byte cost the workers' processors: with one worker and two, and with few
connections and many."""

from bench import CLIENT_CORE, FERNET, KIB, MIB, WORKER_CORE, in_turn, load, service, target
from tables import Table, size_text

CONNECTIONS = [1, 32, 1000, 10_000]
FILE = 64 * KIB  # of larger ones ten thousand are more than the kernel lets sockets hold
REQUESTS, BYTES = "requests per CPU s", "MiB per CPU s"


def row(n_workers, n_connections):
    workers = "1 worker" if n_workers == 1 else f"{n_workers} workers"
    return f"{workers}, {n_connections:,} connection{'s' if n_connections > 1 else ''}"


def measure(effort):
    table = Table("scaling", "Workers and connections",
                  {REQUESTS: 0, BYTES: 0, "requests/s": 0, "MiB/s": 0},
                  note=f"Fernet: forms of 1 KiB, and bare files of {size_text(FILE)}, one after "
                       "the other on each connection. For a second of all workers' processor "
                       "time, and in all. One worker has a core, and the client the other; two "
                       "workers and the client share both.")
    counts = [n for n in CONNECTIONS if n <= effort.count(32_000)]
    for n_workers, n_connections in in_turn(effort, [(w, c) for w in [1, 2] for c in counts]):
        both = (WORKER_CORE, CLIENT_CORE)
        with service(workers=n_workers, cores=both[:n_workers],
                     worker_connections=12_000) as server:
            flags = {"target": target(FERNET), "connections": n_connections,
                     "cpu_of": ",".join(map(str, server.workers)),
                     "cores": both if n_workers > 1 else (CLIENT_CORE,)}
            small = load(server.port, form=True, bytes=KIB, seconds=effort.seconds(2), **flags)
            large = load(server.port, bytes=FILE,
                         requests=max(effort.count(20_000), n_connections), **flags)
        mib = large["requests"] * FILE / MIB
        table.add(row(n_workers, n_connections), **{
            REQUESTS: small["requests"] / max(0.01, small["cpu_seconds"]),
            BYTES: mib / max(0.01, large["cpu_seconds"]),
            "requests/s": small["requests_per_second"], "MiB/s": mib / large["seconds"]})
    return [table]
