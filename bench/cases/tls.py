# SPDX-License-Identifier: Apache-2.0
"""One large file in TLS and without."""

import time

import files
from bench import AGE, FERNET, FORMATS, GIB, cpu_seconds, in_turn, service
from tables import Table, size_text


def measure(effort):
    n = effort.bytes(GIB)
    table = Table("tls", f"{size_text(n)} in TLS and without", {"s": 2, "worker's CPU s": 2},
                  note="A bare file by curl, over HTTP/1.1.")
    with service() as server, files.folder() as folder:
        files.write_noise(folder / "plain", n)
        cases = [(name, secure) for name in [FERNET, AGE] for secure in [False, True]]
        for name, secure in in_turn(effort, cases):
            url = server.tls_url if secure else server.url
            before, begun = cpu_seconds(server), time.monotonic()
            files.curl("--http1.1", "--cacert", server.certificate, "-T", folder / "plain", "-o",
                       "/dev/null", f"{url}/encrypt_file/?format={FORMATS[name]}")
            table.add(name + (", in TLS" if secure else ""),
                      **{"s": time.monotonic() - begun,
                         "worker's CPU s": cpu_seconds(server) - before})
    return [table]
