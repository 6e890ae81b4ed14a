# SPDX-License-Identifier: Apache-2.0
"""What was to be reached, and whether it was."""


def rows(tables):
    return []
