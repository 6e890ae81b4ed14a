#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One large file over every transport: read while it is sent, and read last, by way of the spool.

Prints a table in Markdown. "of it sent" is how much of the file was under way when the first byte of
the answer came: little where both directions run at once. The cases take turns.

Usage: transports.py [MIB] [ROUNDS]"""

import functools
import sys

from bench import CLIENT_CORE, load_client, median, on_core, run_in_turn, service, table
from support import process

MIB = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3

NO_SENDFILE = [("sendfile on;", "sendfile off;")]
CASES = {
    f"{name}, {'read last' if read == 'last' else 'read while sent'}{note}": (transport, read, edits)
    for name, transport in [("HTTP/1.1", "h1"), ("HTTP/1.1 in TLS", "h1-tls"),
                            ("HTTP/2 in TLS", "h2-tls"), ("HTTP/2 in clear text", "h2c")]
    for read, note, edits in [("eager", "", []), ("last", "", []),
                              *([("last", ", without sendfile", NO_SENDFILE)]
                                if not transport.endswith("tls") else [])]
}


def measure(load, transport, read, edits):
    with service(edits) as server:
        [worker] = server.workers
        before = process.cpu_seconds(worker)
        with on_core(CLIENT_CORE):
            result = load(server, transport, kind="form", bytes=f"{MIB}m", read=read,
                          timeout="600s")
        [upload] = result["uploads"]
        assert result["ok"], upload
        return {"rate": MIB / upload["seconds"], "cpu": process.cpu_seconds(worker) - before,
                "sent": upload["sent_at_first_byte"] / 2**20,
                "first": upload["seconds_first_byte"] * 1000,
                "memory": process.memory_kib(worker, "VmHWM") / 1024}


def main():
    with load_client() as load:
        results = run_in_turn(CASES, ROUNDS, functools.partial(measure, load))
    table(["", "MiB/s", "worker's CPU s", "first byte ms", "of it sent MiB", "worker's peak MiB"],
          [[name, median(rounds, "rate", 0), median(rounds, "cpu", 2), median(rounds, "first", 0),
            median(rounds, "sent", 0), median(rounds, "memory", 1)]
           for name, rounds in results.items()])


if __name__ == "__main__":
    main()
