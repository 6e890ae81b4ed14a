# SPDX-License-Identifier: Apache-2.0
"""The servers that the tests talk to: real ones, with the shipped configuration, judged at their
end."""

import pytest

from support import nginx


@pytest.fixture(scope="session", autouse=True)
def _module_is_built():
    if not nginx.MODULE:
        pytest.exit("ENCRYPTER_MODULE must name the nginx module", returncode=2)


@pytest.fixture(scope="session")
def sanitized():
    return nginx.SANITIZED


def end(servers):
    problems = [problem for server in servers for problem in server.stop()]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture(scope="session")
def server():
    """The configuration as it is shipped, with two workers."""
    started = nginx.Nginx({"workers": 2})
    try:
        yield started.start()
    finally:
        end([started])


@pytest.fixture
def make_server():
    """Starts a server with settings of the test's own, one worker unless it says otherwise."""
    started = []

    def make(expected_trouble=(), edits=(), **settings):
        started.append(nginx.Nginx({"workers": 1, **settings}, expected_trouble, edits))
        return started[-1].start()

    try:
        yield make
    finally:
        end(started)
