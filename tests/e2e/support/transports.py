# SPDX-License-Identifier: Apache-2.0
"""The ways in which a request can come, for tests of what is the same in all of them."""

from dataclasses import dataclass

import pytest

from support.h2_client import H2Client
from support.raw_http import RawClient, chunked, request


@dataclass(frozen=True)
class Http1:
    name: str
    tls: bool = False
    version: str = "HTTP/1.1"

    def connect(self, server):
        if self.tls:
            return RawClient(server.tls_port, certificate=server.certificate)
        return RawClient(server.port)

    def ask(self, client, method, target, headers=(), body=None, declared=True):
        """One request on a connection. Without declared its length shows at its end alone."""
        if not declared:
            headers, body = [*headers, ("Transfer-Encoding", "chunked")], chunked(body)
        sender = client.send_meanwhile(request(method, target, headers, body, self.version))
        response = client.read_response(method)
        sender.join(5)
        return response

    def exchange(self, server, *arguments, **options):
        """One request on a connection of its own."""
        with self.connect(server) as client:
            return self.ask(client, *arguments, **options)


@dataclass(frozen=True)
class Http2:
    name: str
    tls: bool

    def connect(self, server):
        if self.tls:
            return H2Client(server.tls_port, certificate=server.certificate)
        return H2Client(server.h2c_port)

    def ask(self, client, *arguments, **options):
        return client.exchange(*arguments, **options)

    def exchange(self, server, *arguments, **options):
        with self.connect(server) as client:
            return self.ask(client, *arguments, **options)


HTTP_1_1 = Http1("http/1.1")
HTTP_1_0 = Http1("http/1.0", version="HTTP/1.0")
TLS = Http1("tls", tls=True)
H2 = Http2("h2", tls=True)
H2C = Http2("h2c", tls=False)

ALL = [HTTP_1_1, HTTP_1_0, TLS, H2, H2C]
WITH_HTTP_1 = [HTTP_1_1, HTTP_1_0, TLS]
WITH_HTTP_2 = [H2, H2C]
# Those that can send a body whose length shows at its end alone.
UNDECLARED = [HTTP_1_1, TLS, H2, H2C]
# Those on which another request can follow.
LASTING = [HTTP_1_1, TLS, H2, H2C]


def each(transports=ALL):
    return pytest.mark.parametrize("transport", transports, ids=[t.name for t in transports])
