#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What small requests feel while large uploads run and while the spool is written.

Prints a table in Markdown: the latency of 1 KiB forms over kept connections, 50 a second, with no,
two and sixteen large uploads beside them; with the threads that write the spool, and without. The
cases take turns.

Usage: fairness.py [SECONDS] [ROUNDS]"""

import functools
import sys

from bench import CLIENT_CORE, load_client, median, on_core, run_in_turn, service, table

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3

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


def measure(load, n, read, edits):
    """The probe's result beside n uploads."""
    with service(edits) as server, on_core(CLIENT_CORE):
        running = None
        if n:
            running = load.start(server, kind="form", bytes="15g", read=read, parallel=n,
                                 timeout="600s")
        try:
            return load(server, probe=True, seconds=SECONDS, rate=50)
        finally:
            if running:
                running.stop()


def main():
    with load_client() as load:
        results = run_in_turn(CASES, ROUNDS, functools.partial(measure, load))
    table(["large uploads", "p50 ms", "p99 ms", "max ms"],
          [[name] + [median(rounds, key) for key in ("p50_ms", "p99_ms", "max_ms")]
           for name, rounds in results.items()])


if __name__ == "__main__":
    main()
