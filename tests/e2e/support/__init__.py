# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a real nginx, clients without a library, and what to look at."""
