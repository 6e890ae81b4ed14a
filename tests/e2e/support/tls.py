# SPDX-License-Identifier: Apache-2.0
"""TLS for the clients of the tests, and the one certificate of all their servers."""

import atexit
import functools
import select
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


@functools.cache
def certificate():
    """cert.pem of the certificate that is made for this run of the tests; key.pem is beside it."""
    folder = Path(tempfile.mkdtemp(prefix="encrypter-e2e-tls-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([PROJECT / "scripts" / "make-certificate", folder], check=True)
    return folder / "cert.pem"


def client_context(certificate, protocols):
    """A client's settings: it trusts that certificate alone, and offers these protocols (ALPN)."""
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols(protocols)
    return context


class TlsSocket:
    """What the tests use of a socket, in TLS. Unlike ssl.SSLSocket, one thread may send while another
    one receives."""

    def __init__(self, client, context, timeout):
        self.tls = context.wrap_socket(client, server_hostname="localhost")
        self.tls.setblocking(False)
        self.timeout = timeout
        self.lock = threading.Lock()
        for name in ("setsockopt", "shutdown", "close", "version", "selected_alpn_protocol"):
            setattr(self, name, getattr(self.tls, name))

    def settimeout(self, seconds):
        self.timeout = seconds

    def recv(self, size):
        return self._when_ready(self.tls.recv, size)

    def sendall(self, data):
        left = memoryview(data)
        while left:
            left = left[self._when_ready(self.tls.send, left[:1 << 16]):]

    def _when_ready(self, operation, argument):
        end = time.monotonic() + self.timeout
        while True:
            reads, writes = [], []
            try:
                with self.lock:
                    return operation(argument)
            except ssl.SSLWantReadError:
                reads = [self.tls]
            except ssl.SSLWantWriteError:
                writes = [self.tls]
            seconds = end - time.monotonic()
            if self.tls.fileno() < 0:
                raise ConnectionAbortedError("another thread closed it")
            if seconds <= 0 or not any(select.select(reads, writes, [], seconds)):
                raise TimeoutError
