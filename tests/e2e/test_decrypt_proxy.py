# SPDX-License-Identifier: Apache-2.0
"""Decryption through an nginx in front of the service, with conf/proxy.conf and without: no
decrypted file gets to its disk either."""

import os

import pytest

from support import process
from support.decryption import SEALS, as_put, assert_decrypted
from support.proxy import SHIPPED, make_proxy  # noqa: F401
from support.raw_http import RawClient, request
from support.sources import MIB

# A proxy_pass and nothing else, but for large files.
DEFAULT = "client_max_body_size 0;"
MARKER = os.urandom(64)
# More than the sockets on the way hold.
PLAINTEXT = MARKER * (24 * MIB // len(MARKER))

each_proxy = pytest.mark.parametrize("directives", [DEFAULT, SHIPPED], ids=["default", "shipped"])


@each_proxy
@pytest.mark.parametrize("seal", SEALS)
def test_what_is_decrypted_is_in_no_file_of_a_proxy(make_proxy, directives, seal):
    proxy = make_proxy(directives)
    sealed = SEALS[seal](PLAINTEXT)
    with RawClient(proxy.port, timeout=60, receive_buffer=4096) as client:
        client.send(request(*as_put(sealed)))
        # The answer is under way, and this client is not quick.
        assert client.socket.recv(1, 0x02)  # MSG_PEEK
        assert process.files_with(proxy, MARKER) == process.files_with(proxy.service, MARKER) == []
        response = client.read_response()
    assert "upstream response is buffered to a temporary file" not in proxy.log()
    # nginx keeps the header to itself that tells it so.
    assert_decrypted(response, sealed)


@each_proxy
def test_a_damaged_file_is_the_same_error_through_a_proxy(make_proxy, directives):
    sealed = SEALS["age"](PLAINTEXT[:MIB])
    method, target, headers, body = as_put(sealed, query="?release=verified-chunks")
    with RawClient(make_proxy(directives).port) as client:
        client.send(request(method, target, headers, body[:-1] + bytes([body[-1] ^ 1])))
        response = client.read_response()
    assert (response.status, response.complete) == (422, True)
    assert MARKER not in response.body
