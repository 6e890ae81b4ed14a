# SPDX-License-Identifier: Apache-2.0
"""What is measured: each module has measure(effort), which returns its tables."""
