# SPDX-License-Identifier: Apache-2.0
"""What asks other implementations is shared with the end-to-end tests: the package `support`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))
