# SPDX-License-Identifier: Apache-2.0
"""Builds the clients in Go, from Debian's packages alone."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CLIENTS = Path(__file__).resolve().parents[1] / "clients"


def build(source, folder):
    """Builds a file or a folder of clients/; returns the program, which is in the other folder."""
    program = folder / Path(source).stem
    environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="",
                       GOCACHE=str(folder / "cache"), CGO_ENABLED="1")
    subprocess.run(["go", "build", "-o", program, f"./{source}"], cwd=CLIENTS, env=environment,
                   check=True)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return program


def build_or_skip(source, folder):
    if not shutil.which("go"):
        pytest.skip("go is not installed")
    return build(source, folder)
