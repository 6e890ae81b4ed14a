# SPDX-License-Identifier: Apache-2.0
"""Builds the clients in Go, from Debian's packages alone: once, when the tests are built; tests that are
run without meson build their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
BUILT = os.environ.get("ENCRYPTER_GO_CLIENTS", "")  # the folder that they are in already


def build(source, folder):
    """Builds a file or a folder of clients/; returns the program, which is in the other folder."""
    program = folder / Path(source).stem
    environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="",
                       GOCACHE=str(folder / "cache"), CGO_ENABLED="1")
    subprocess.run(["go", "build", "-o", program, f"./{source}"], cwd=CLIENTS, env=environment,
                   check=True)
    return program


def built(source, tmp_path_factory):
    """The program of a file or a folder of clients/. The test is skipped where there is no Go."""
    if BUILT:
        return Path(BUILT) / Path(source).stem
    if not shutil.which("go"):
        import pytest
        pytest.skip("go is not installed")
    folder = tmp_path_factory.mktemp("go")
    program = build(source, folder)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return program


if __name__ == "__main__":
    for name in sys.argv[2:]:
        build(name, Path(sys.argv[1]).absolute())
