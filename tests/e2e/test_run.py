# SPDX-License-Identifier: Apache-2.0
"""scripts/run, which `make run` calls, and the certificate that it makes."""

import os
import signal
import ssl
import stat
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from support import process
from support.answers import assert_encrypted
from support.nginx import MODULE, PRELOAD, START_SECONDS, free_port
from support.raw_http import Closed, RawClient, request
from support.sources import curl
from support.tls import PROJECT

SCRIPTS = PROJECT / "scripts"
GROUP = os.killpg  # what Ctrl-C in a terminal does
SCRIPT = os.kill


class Run:
    """The script, as the leader of its process group."""

    def __init__(self, folder, **settings):
        self.port = free_port()
        self.temp = folder / "temp"
        self.temp.mkdir()
        self.output = folder / "output"
        environment = dict(os.environ, PORT=str(self.port), TMPDIR=str(self.temp), **settings)
        environment |= {"LD_PRELOAD": PRELOAD} if PRELOAD else {}
        with open(self.output, "wb") as output:
            self.script = subprocess.Popen([SCRIPTS / "run", MODULE], cwd=folder, env=environment,
                                           stdout=output, stderr=output, start_new_session=True)

    def wait_until_it_serves(self):
        ready = process.wait_until(lambda: "serves on" in self.text() or self.script.poll() is not None,
                                   START_SECONDS)
        assert ready and self.script.poll() is None, self.text()
        return self

    def text(self):
        return self.output.read_text()

    def descendants(self):
        children = process.children(self.script.pid)
        return children + [pid for child in children for pid in process.children(child)]

    def signal(self, number, whom=SCRIPT):
        whom(self.script.pid, number)

    def assert_gone(self, pids):
        """The script ended well and left nothing behind."""
        assert self.script.wait(20) == 0
        assert process.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
        assert os.listdir(self.temp) == []


@pytest.fixture
def run(tmp_path):
    started = []

    def start(**settings):
        started.append(Run(tmp_path, **settings))
        return started[-1]

    yield start
    for one in started:
        if one.script.poll() is None:
            one.script.kill()
            one.script.wait()


def test_it_says_in_one_line_where_it_serves(run, tmp_path):
    service = run().wait_until_it_serves()
    url = f"http://localhost:{service.port}"
    assert service.text() == f"The encrypter serves on {url} (Ctrl-C stops it)\n"
    assert_encrypted(curl(tmp_path, "-T", "-", url + "/encrypt_file", stdin=b"x"), b"x")


def test_with_tls_it_says_what_to_trust(run, tmp_path):
    service = run(TLS="1").wait_until_it_serves()
    url = f"https://localhost:{service.port}"
    assert service.text().splitlines() == [
        "Its certificate is self-made: curl trusts it with --cacert build/tls/cert.pem",
        f"The encrypter serves on {url} (Ctrl-C stops it)"]
    certificate = tmp_path / "build" / "tls" / "cert.pem"
    for host in ("localhost", "127.0.0.1"):
        response = curl(tmp_path, "--cacert", certificate, "-T", "-",
                        f"https://{host}:{service.port}/encrypt_file", stdin=b"x")
        assert_encrypted(response, b"x")
    pids = service.descendants()
    service.signal(signal.SIGTERM)
    service.assert_gone(pids)


def test_with_tls_it_takes_a_certificate_of_ones_own(run, tmp_path):
    own = tmp_path / "own certificate"
    make_certificate(own)
    service = run(TLS=str(own)).wait_until_it_serves()
    assert len(service.text().splitlines()) == 1
    response = curl(tmp_path, "--cacert", own / "cert.pem",
                    f"https://localhost:{service.port}/healthz")
    assert response.body == b"ok\n"
    assert not (tmp_path / "build").exists()


def test_an_address_is_among_the_names_of_the_certificate(run, tmp_path):
    service = run(TLS="1", ADDRESS="127.0.0.7").wait_until_it_serves()
    response = curl(tmp_path, "--cacert", tmp_path / "build" / "tls" / "cert.pem",
                    f"https://127.0.0.7:{service.port}/healthz")
    assert response.body == b"ok\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("whom", [SCRIPT, GROUP])
def test_a_signal_ends_it_and_leaves_nothing(run, number, whom):
    service = run().wait_until_it_serves()
    assert process.wait_until(lambda: len(service.descendants()) >= 2)  # a worker may come later
    pids = service.descendants()
    service.signal(number, whom)
    service.assert_gone(pids)


@pytest.mark.parametrize("seconds", [0.01, 0.03, 0.1])
def test_a_signal_while_it_starts_ends_it_too(run, seconds):
    service = run()
    time.sleep(seconds)
    service.signal(signal.SIGTERM)
    service.script.wait(20)
    assert os.listdir(service.temp) == []


@pytest.mark.parametrize("number, whom", [(signal.SIGTERM, SCRIPT), (signal.SIGINT, GROUP)],
                         ids=["TERM", "Ctrl-C"])
def test_a_signal_lets_an_upload_finish_and_a_second_one_cuts_it(run, number, whom):
    service = run().wait_until_it_serves()
    pids = service.descendants()
    with RawClient(service.port) as one, RawClient(service.port) as other:
        for client in (one, other):
            client.send(request("PUT", "/encrypt_file", [], b"whole")[:-1])
        time.sleep(0.2)
        service.signal(number, whom)
        time.sleep(0.2)
        one.send(b"e")
        assert_encrypted(one.read_response(), b"whole")
        assert service.script.poll() is None
        service.signal(number, whom)
        with pytest.raises(Closed):
            other.read_response()
    service.assert_gone(pids)


def test_the_server_does_not_outlive_the_script(run):
    service = run().wait_until_it_serves()
    pids = service.descendants()
    service.script.kill()
    service.script.wait()
    assert process.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def make_certificate(folder, *names):
    result = subprocess.run([SCRIPTS / "make-certificate", folder, *names], capture_output=True)
    return result.returncode


def read_certificate(folder):
    return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())


def names_of(certificate):
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def test_a_certificate_is_for_this_machine_and_its_key_for_its_owner(tmp_path):
    assert make_certificate(tmp_path / "tls") == 0
    certificate = read_certificate(tmp_path / "tls")
    assert {"localhost", "127.0.0.1", "::1", os.uname().nodename} <= names_of(certificate)
    assert isinstance(certificate.public_key().curve, ec.SECP256R1)
    assert 366 <= (certificate.not_valid_after - certificate.not_valid_before).days <= 731
    assert stat.S_IMODE((tmp_path / "tls" / "key.pem").stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path / "tls")) == ["cert.pem", "key.pem"]
    ssl.create_default_context().load_cert_chain(tmp_path / "tls/cert.pem", tmp_path / "tls/key.pem")


@pytest.mark.parametrize("name", ["192.0.2.7", "2001:db8::7", "files.example.org"])
def test_a_certificate_is_made_anew_for_another_name_and_only_then(tmp_path, name):
    make_certificate(tmp_path)
    first = read_certificate(tmp_path)
    make_certificate(tmp_path)
    assert read_certificate(tmp_path) == first
    make_certificate(tmp_path, name)
    second = read_certificate(tmp_path)
    assert second != first and name in names_of(second)
    make_certificate(tmp_path, name)
    make_certificate(tmp_path)
    assert read_certificate(tmp_path) == second


def test_a_certificate_that_is_about_to_expire_is_made_anew(tmp_path):
    make_certificate(tmp_path)
    subprocess.run(["openssl", "req", "-x509", "-days", "20", "-key", tmp_path / "key.pem", "-subj",
                    "/CN=x", "-addext", "subjectAltName=DNS:localhost", "-out",
                    tmp_path / "cert.pem"], check=True)
    short = read_certificate(tmp_path)
    make_certificate(tmp_path)
    assert read_certificate(tmp_path) != short


def test_a_certificate_whose_key_is_another_one_is_made_anew(tmp_path):
    make_certificate(tmp_path / "a")
    make_certificate(tmp_path / "b")
    stray = read_certificate(tmp_path / "a")
    os.replace(tmp_path / "b" / "key.pem", tmp_path / "a" / "key.pem")
    make_certificate(tmp_path / "a")
    assert read_certificate(tmp_path / "a") != stray


def test_a_name_that_is_none_leaves_the_certificate_that_is_there(tmp_path):
    make_certificate(tmp_path)
    before = sorted((f.name, f.read_bytes()) for f in tmp_path.iterdir())
    assert make_certificate(tmp_path, "no name, really") != 0
    assert sorted((f.name, f.read_bytes()) for f in tmp_path.iterdir()) == before
