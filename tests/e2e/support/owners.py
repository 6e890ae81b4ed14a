# SPDX-License-Identifier: Apache-2.0
"""Which worker has which connection."""

import contextlib
import os
import signal
from pathlib import Path

from support import process


def owner_of(server, client):
    """The pid of the worker that has the client's connection; None if none has it (yet)."""
    plain = getattr(client, "tls", client)
    local, remote = (address[1] for address in (plain.getsockname(), plain.getpeername()))
    inode = inode_of(remote, local)
    for pid in server.workers:
        sockets = [file["target"] for file in process.as_root(process.open_files, pid)]
        if inode and f"socket:[{inode}]" in sockets:
            return pid
    return None


def inode_of(local_port, remote_port):
    """Of the socket at the end of a connection over loopback that has these ports."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = tuple(int(fields[i].rpartition(":")[2], 16) for i in (1, 2))
        if ports == (local_port, remote_port) and fields[9] != "0":
            return int(fields[9])
    return None


@contextlib.contextmanager
def only(server, worker):
    """Meanwhile the other workers take no connection: they are stopped."""
    others = [pid for pid in server.workers if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)
