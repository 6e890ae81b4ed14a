# SPDX-License-Identifier: Apache-2.0
"""A server whose spools are looked at. Import the fixture `spooling`."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from support import process


@pytest.fixture
def spooling(make_server):
    """make_server, with a check afterwards that no spool is left, under a name or without."""
    servers = []

    def make(**settings):
        servers.append(make_server(**settings))
        return servers[-1]

    yield make
    for server in servers:
        assert process.wait_until(lambda: process.spool_files(server) == [], 5), \
            process.spool_files(server)
        assert server.temp_files() == []


@contextlib.contextmanager
def mounted(kind, options):
    """A new file system, for the workers too."""
    if os.geteuid() != 0:
        pytest.skip("takes root: it mounts a file system")
    folder = Path(tempfile.mkdtemp(prefix="encrypter-disk-", dir="/tmp"))
    mount = subprocess.run(["mount", "-t", kind, "-o", options, kind, folder],
                           stderr=subprocess.PIPE)
    if mount.returncode != 0:
        folder.rmdir()
        pytest.skip("cannot mount: " + mount.stderr.decode().strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@pytest.fixture
def small_disk():
    """A folder on a file system of 8 MiB."""
    with mounted("tmpfs", "size=8m,mode=755") as folder:
        yield folder


@pytest.fixture
def disk():
    """A disk for the spools alone: what is in use of it is theirs."""
    with mounted("tmpfs", "size=1g,mode=755") as folder:
        yield folder


def used_bytes(disk):
    info = os.statvfs(disk)
    return (info.f_blocks - info.f_bfree) * info.f_frsize


def spool_on(folder):
    """The edit that puts the spool of a server into another folder."""
    return ("encrypter_spool_path ", f"encrypter_spool_path {folder}/spool; # ")
