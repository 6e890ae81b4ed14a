# SPDX-License-Identifier: Apache-2.0
"""A disk that gives back something else than was written, for one server: see lying_disk.c."""

import contextlib
import os
from pathlib import Path

from support.nginx import MODULE

LIBRARY = Path(os.environ.get("ENCRYPTER_LYING_DISK")
               or Path(MODULE).parents[2] / "tests" / "e2e" / "support" / "lying_disk.so")


class LyingDisk:
    """It tells the truth but within a lying()."""

    def __init__(self, folder):
        assert LIBRARY.is_file(), LIBRARY
        self._lies = folder / "lies"
        self._lies.write_text("")
        # For make_server.
        self.settings = {"preload": [LIBRARY], "environment": {"ENCRYPTER_LIES": self._lies}}

    @contextlib.contextmanager
    def lying(self, kind, where, bit=0, cold=False):
        """cold: it is read from the disk itself, and not from the page cache."""
        self._lies.write_text(f"{'cold ' * cold}{kind} {where} {bit}\n")
        try:
            yield
        finally:
            self._lies.write_text("")
