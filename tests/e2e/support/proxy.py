# SPDX-License-Identifier: Apache-2.0
"""An nginx in front of a service: another one, without the module. Import the fixture
`make_proxy`."""

import os
from pathlib import Path

import pytest

from support.nginx import Nginx
from support.tls import PROJECT

ESTABLISHED = "01"  # in /proc/net/tcp
SHIPPED = f"include {PROJECT}/conf/proxy.conf;"

CONFIGURATION = """
{user}
worker_processes 1;
pid {runtime}/nginx.pid;
error_log {error_log} warn;
events {{ }}
http {{
    access_log {access_log};
    client_body_temp_path {runtime}/temp/body;
    proxy_temp_path {runtime}/temp/proxy;
    fastcgi_temp_path {runtime}/temp/fastcgi;
    uwsgi_temp_path {runtime}/temp/uwsgi;
    scgi_temp_path {runtime}/temp/scgi;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{h2c_port} http2;
        listen 127.0.0.1:{tls_port} ssl http2;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            proxy_pass http://127.0.0.1:{service};
            {directives}
        }}
    }}
}}
"""


class Proxy(Nginx):
    """directives: what stands in its location besides the proxy_pass."""

    def __init__(self, service, directives=SHIPPED, expected_trouble=()):
        super().__init__({}, expected_trouble)
        self.service = service
        self.directives = directives

    def _render(self):
        temp = self.runtime / "temp"
        temp.mkdir(exist_ok=True)
        temp.chmod(0o711)
        (self.runtime / "nginx.conf").write_text(CONFIGURATION.format(
            user="user www-data;" if os.geteuid() == 0 else "",
            folder=self.certificate.parent, service=self.service.port,
            **{name: getattr(self, name) for name in (
                "runtime", "error_log", "access_log", "port", "h2c_port", "tls_port",
                "directives")}))


def n_connections_to(server):
    """Over loopback, in clear text for HTTP/1.1."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[2].endswith(f":{server.port:04X}") and line.split()[3] == ESTABLISHED
               for line in lines)


@pytest.fixture
def make_proxy(make_server):
    """Starts proxies, each in front of a service of its own; its settings are make_server's."""
    started = []

    def make(directives=SHIPPED, expected_trouble=(), **settings):
        service = make_server(expected_trouble=expected_trouble, **settings)
        started.append(Proxy(service, directives))
        return started[-1].start()

    yield make
    problems = [problem for proxy in started for problem in proxy.stop()]
    assert not problems, "\n".join(problems)
