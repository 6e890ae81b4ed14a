# SPDX-License-Identifier: Apache-2.0
"""TLS as it is shipped: which versions, which ciphers, which protocols in it."""

import os
import ssl

import pytest

from support.answers import assert_encrypted, assert_error
from support.h2_client import H2Client
from support.raw_http import RawClient, connect, request
from support.sources import curl
from support.tls import client_context

PATH = "/encrypt_file"
V1_1, V1_2, V1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
PLAINTEXTS = {"empty": b"", "1 KiB": os.urandom(1 << 10), "5 MiB": os.urandom(5 << 20)}
each_plaintext = pytest.mark.parametrize("plaintext", PLAINTEXTS.values(), ids=PLAINTEXTS)
each_version = pytest.mark.parametrize("version", [V1_2, V1_3])


def context(server, version, protocols=("http/1.1",), ciphers=None):
    made = client_context(server.certificate, list(protocols))
    made.set_ciphers(ciphers or "ALL:@SECLEVEL=0")  # it is the server that has to refuse
    made.minimum_version = made.maximum_version = version
    return made


def handshake(server, settings, **options):
    return settings.wrap_socket(connect(server.tls_port), server_hostname="localhost", **options)


@each_version
def test_tls_is_accepted(server, version):
    with handshake(server, context(server, version)) as client:
        assert client.version() == {V1_2: "TLSv1.2", V1_3: "TLSv1.3"}[version]


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
def test_tls_1_1_is_refused(server):
    with pytest.raises(ssl.SSLError) as refusal:
        handshake(server, context(server, V1_1))
    assert refusal.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                    "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_ciphers_with_forward_secrecy_are_accepted_in_tls_1_2(server, cipher):
    with handshake(server, context(server, V1_2, ciphers=cipher)) as client:
        assert client.cipher()[0] == cipher


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AECDH",
                                    "kRSA"])
def test_other_ciphers_are_refused_in_tls_1_2(server, cipher):
    with pytest.raises(ssl.SSLError) as refusal:
        handshake(server, context(server, V1_2, ciphers=cipher + ":@SECLEVEL=0"))
    assert refusal.value.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE"


@each_version
@pytest.mark.parametrize("offered, chosen", [
    (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["h2"], "h2"),
    (["http/1.1"], "http/1.1"), ([], None)])
def test_the_protocol_is_negotiated(server, version, offered, chosen):
    with handshake(server, context(server, version, offered)) as client:
        assert client.selected_alpn_protocol() == chosen


def test_a_client_that_does_not_negotiate_gets_http_1_1(server):
    with handshake(server, context(server, V1_3, [])) as client:
        client.sendall(request("GET", "/healthz"))
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_a_client_comes_back_without_a_full_handshake_and_without_a_ticket(server):
    settings = context(server, V1_2)
    with handshake(server, settings) as client:
        session = client.session
    assert not session.has_ticket
    with handshake(server, settings, session=session) as client:
        assert client.session_reused


@each_plaintext
@pytest.mark.parametrize("tls", [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]],
                         ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("option, version", [("--http2", "HTTP/2"), ("--http1.1", "HTTP/1.1")])
@pytest.mark.parametrize("kind", ["form", "put"])
def test_curl_gets_its_file_encrypted(server, tmp_path, plaintext, tls, option, version, kind):
    file = tmp_path / "report.pdf"
    file.write_bytes(plaintext)
    how = ["-F", f"file=@{file}"] if kind == "form" else ["-T", file]
    url = server.tls_url + (PATH if kind == "form" else PATH + "/")
    response = curl(tmp_path, option, *tls, "--cacert", server.certificate, *how, url)
    assert_encrypted(response, plaintext, "encrypted_report.pdf")
    assert (tmp_path / "headers").read_text().rpartition("HTTP/")[2].startswith(version[5:] + " 200")


@pytest.mark.parametrize("option", ["--http2", "--http1.1"])
def test_curl_gets_a_pipe_encrypted(server, tmp_path, option):
    plaintext = PLAINTEXTS["5 MiB"]
    response = curl(tmp_path, option, "--cacert", server.certificate, "-T", "-",
                    server.tls_url + PATH, stdin=plaintext)
    assert_encrypted(response, plaintext)


def test_half_a_mib_of_an_http_2_upload_may_be_under_way(server):
    with H2Client(server.tls_port, certificate=server.certificate) as client:
        client.exchange("GET", "/healthz")
        assert client.h2.remote_settings.initial_window_size == 512 << 10


def test_clear_text_on_the_port_of_tls_is_a_400(server):
    with RawClient(server.tls_port) as client:
        client.send(request("PUT", PATH, [], b"x"))
        assert_error(client.read_response(), 400, "bad_request", "use https")
