# SPDX-License-Identifier: Apache-2.0
"""The core's age, by the programs age_files and age_parts: what their lines mean is said there."""

import os
import subprocess


def run_files(lines):
    """The status name, or what else comes out, for each line of age_files."""
    return _run("AGE_FILES", lines)


def run_parts(lines):
    """The same for age_parts."""
    return _run("AGE_PARTS", lines)


def passphrase(text, work_factor=None):
    """A passphrase as an identity, or with a work factor as a recipient."""
    fields = ["passphrase", work_factor, text.encode().hex()]
    return ":".join(str(field) for field in fields if field is not None)


def _run(program, lines):
    text = "".join(" ".join(str(field) for field in line) + "\n" for line in lines)
    done = subprocess.run([os.environ[program]], input=text.encode(), stdout=subprocess.PIPE,
                          check=True, timeout=300)
    answers = done.stdout.decode().splitlines()
    assert len(answers) == len(lines)
    return answers
