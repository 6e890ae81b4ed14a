# SPDX-License-Identifier: Apache-2.0
"""Other implementations of age: Debian's age, and age-encryption from npm. Debian's is a little lax
about armor, and wants a terminal for a passphrase; npm's is strict, and holds a file in memory."""

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

AGE, KEYGEN = "/usr/bin/age", "/usr/bin/age-keygen"
NPM_CLIENT = Path(__file__).resolve().parents[1] / "clients" / "age.mjs"


class AgeError(Exception):
    """The other implementation says that this is no file for these keys."""


@dataclass(frozen=True)
class Identity:
    secret: str  # AGE-SECRET-KEY-1...
    recipient: str  # age1...


def keygen():
    text = _run([KEYGEN], b"").decode()
    secret = next(line for line in text.splitlines() if not line.startswith("#"))
    return Identity(secret, recipient_of(secret))


def recipient_of(secret):
    return _run([KEYGEN, "-y"], secret.encode()).decode().strip()


def encrypt(plaintext, recipients, armor=False):
    return _run([AGE, "--encrypt", *_options(recipients, armor)], plaintext)


def decrypt(file, identities, folder):
    """Decrypts with Debian's age. The secret keys pass through a file in folder."""
    with _identity_file(identities, folder) as path:
        return _run([AGE, "--decrypt", "-i", path], file)


class Decryption:
    """Debian's age at work on a file of any size: update() with the file as it comes, then finish(),
    which returns the SHA-256 of the plaintext. It is over at the end of the with block."""

    def __init__(self, identities, folder):
        self._identities, self._folder = identities, folder
        self._digest = hashlib.sha256()
        self.n_plaintext = 0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            path = stack.enter_context(_identity_file(self._identities, self._folder))
            self._errors = stack.enter_context(tempfile.TemporaryFile())
            self._age = stack.enter_context(subprocess.Popen(
                [AGE, "--decrypt", "-i", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._errors))
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
            stack.callback(self._reader.join)
            stack.callback(self._age.kill)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self._stack.close()

    def update(self, piece):
        # One that has given up says why at its end.
        with contextlib.suppress(BrokenPipeError):
            self._age.stdin.write(piece)

    def finish(self):
        with contextlib.suppress(BrokenPipeError):
            self._age.stdin.close()
        self._reader.join()
        if self._age.wait() != 0:
            self._errors.seek(0)
            raise AgeError(self._errors.read().decode())
        return self._digest.hexdigest()

    def _read(self):
        while piece := self._age.stdout.read1(1 << 20):
            self._digest.update(piece)
            self.n_plaintext += len(piece)


def npm_encrypt(plaintext, folder, **options):
    """Encrypts with npm's age-encryption: recipients=[], or passphrase= and work_factor=; armor=."""
    return _npm_one("encrypt", plaintext, folder, options)


def npm_decrypt(file, folder, **options):
    """Decrypts with npm's age-encryption: identities=[] and passphrases=[]."""
    return _npm_one("decrypt", file, folder, options)


def npm(jobs):
    """Does many jobs of clients/age.mjs at once; returns what went wrong in each, or None."""
    done = subprocess.run(["node", NPM_CLIENT], input=json.dumps(jobs, default=os.fspath).encode(),
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    problems = json.loads(done.stdout)
    assert len(problems) == len(jobs)
    return problems


def _npm_one(do, content, folder, options):
    with tempfile.TemporaryDirectory(dir=folder) as name:
        path_in, path_out = Path(name, "in"), Path(name, "out")
        path_in.write_bytes(content)
        [problem] = npm([{"do": do, "in": path_in, "out": path_out, **options}])
        if problem is not None:
            raise AgeError(problem)
        return path_out.read_bytes()


def _options(recipients, armor):
    options = ["--armor"] if armor else []
    for recipient in recipients:
        options += ["-r", recipient]
    return options


@contextlib.contextmanager
def _identity_file(identities, folder):
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="identity-") as file:  # mode 0600
        file.writelines(secret + "\n" for secret in identities)
        file.flush()
        yield file.name


def _run(command, stdin):
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise AgeError(done.stderr.decode())
    return done.stdout
