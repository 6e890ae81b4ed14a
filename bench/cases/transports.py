# SPDX-License-Identifier: Apache-2.0
"""One large file over every transport: read while it is sent, and read last, by the spool."""

from bench import (GIB, MIB, Effort, cpu_seconds, in_turn, load_client, on_client_core, process,
                   service)
from tables import Table, size_text

NO_SENDFILE = [("sendfile on;", "sendfile off;")]
MANNERS = {"eager": "read while sent", "last": "read last"}
CASES = {
    f"{name}, {MANNERS[read]}{note}": (transport, read, edits)
    for name, transport in [("HTTP/1.1", "h1"), ("HTTP/1.1 in TLS", "h1-tls"),
                            ("HTTP/2 in TLS", "h2-tls"), ("HTTP/2 in clear text", "h2c")]
    for read, note, edits in [("eager", "", []), ("last", "", []),
                              *([("last", ", without sendfile", NO_SENDFILE)]
                                if not transport.endswith("tls") else [])]
}


def measure(effort):
    n = effort.bytes(GIB // 2)
    effort = Effort((effort.rounds + 1) // 2, effort.scale)
    table = Table("transports", f"A form with {size_text(n)} over every transport",
                  {"MiB/s": 0, "worker's CPU s": 2, "first byte ms": 0, "of it sent MiB": 0,
                   "worker's peak MiB": 1},
                  note="Fernet, by a client that verifies each byte, and so takes as long as the "
                       "service. Of it sent: how much of the file was under way when the answer's "
                       "first byte came.")
    with load_client() as client:
        for name, case in in_turn(effort, effort.some(CASES).items()):
            table.add(name, **upload(client, n, *case))
    return [table]


def upload(client, n, transport, read, edits):
    with service(edits) as server:
        before = cpu_seconds(server)
        with on_client_core():
            result = client(server, transport, kind="form", bytes=n, read=read, timeout="600s")
        [one] = result["uploads"]
        assert result["ok"], one
        return {"MiB/s": n / MIB / one["seconds"], "worker's CPU s": cpu_seconds(server) - before,
                "first_byte_ms": one["seconds_first_byte"] * 1000,
                "of_it_sent_MiB": one["sent_at_first_byte"] / MIB,
                "worker's peak MiB": process.memory_kib(server.workers[0], "VmHWM") / 1024}
