# SPDX-License-Identifier: Apache-2.0
"""What small requests feel while large uploads run and while the spool is written."""

from bench import Effort, in_turn, load_client, on_client_core, service
from tables import Table

# Without a queue for its threads the worker writes by itself.
NO_THREADS = [("thread_pool default threads=4 max_queue=65536;",
               "thread_pool default threads=1 max_queue=0;")]
# How many large uploads, and how they read.
CASES = {
    "none": (0, None, []),
    "2 that read while they send": (2, "eager", []),
    "16 that read while they send": (16, "eager", []),
    "2 that read last": (2, "last", []),
    "16 that read last": (16, "last", []),
    "2 that read last, without threads": (2, "last", NO_THREADS),
    "16 that read last, without threads": (16, "last", NO_THREADS),
}


def measure(effort):
    seconds = effort.seconds(5)
    effort = Effort((effort.rounds + 1) // 2, effort.scale)
    table = Table("fairness", "Small requests beside large ones",
                  {"p50 ms": 1, "p99 ms": 1, "max ms": 1}, corner="large uploads",
                  note="The latency of forms with 1 KiB, 50 a second over four kept connections, "
                       "beside large uploads that run all the time. Without threads: the worker "
                       "writes the spool itself.")
    with load_client() as client:
        for name, case in in_turn(effort, effort.some(CASES).items()):
            got = probe(client, seconds, *case)
            table.add(name, **{column: got[column.replace(" ", "_")] for column in table.columns})
    return [table]


def probe(client, seconds, n, read, edits):
    """The probe's result beside n uploads."""
    with service(edits) as server, on_client_core():
        running = None
        if n:
            running = client.start(server, kind="form", bytes="15g", read=read, parallel=n,
                                   timeout="600s")
        try:
            return client(server, probe=True, seconds=seconds, rate=50)
        finally:
            if running:
                running.stop()
