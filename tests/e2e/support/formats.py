# SPDX-License-Identifier: Apache-2.0
"""The formats that can be asked for, for tests of what goes for all of them."""

import functools

from support.age_files import assert_age, file_size
from support.answers import assert_encrypted
from support.fernet import token_size

# From the query to what its answer must be.
FORMATS = {
    "": assert_encrypted,
    "?format=age": assert_age,
    "?format=age&armor=true": functools.partial(assert_age, armor=True),
}


def size_of_answer(options, n):
    """For a file of n bytes."""
    return file_size(n, 1, "armor" in options) if options else token_size(n)


def name_of_answer(options, name):
    return f"{name}.age" if options else f"encrypted_{name}"
