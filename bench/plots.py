# SPDX-License-Identifier: Apache-2.0
"""Plots."""


def draw(folder, tables):
    pass
