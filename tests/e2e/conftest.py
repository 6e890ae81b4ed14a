# SPDX-License-Identifier: Apache-2.0
"""The servers that the tests talk to: real ones, with the shipped configuration, judged at their
end."""

import contextlib

import pytest

from support import nginx


@pytest.fixture(scope="session", autouse=True)
def _module_is_built():
    if not nginx.MODULE:
        pytest.exit("ENCRYPTER_MODULE must name the nginx module", returncode=2)


@pytest.fixture(scope="session")
def sanitized():
    return nginx.SANITIZED


@contextlib.contextmanager
def servers():
    """Starts servers with settings of a test's own, one worker unless it says otherwise."""
    started = []

    def make(expected_trouble=(), edits=(), preload=(), environment=(), **settings):
        started.append(nginx.Nginx({"workers": 1, **settings}, expected_trouble, edits, preload,
                                   environment))
        return started[-1].start()

    try:
        yield make
    finally:
        problems = [problem for server in started for problem in server.stop()]
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture(scope="session")
def server():
    """The configuration as it is shipped, with two workers."""
    with servers() as make:
        yield make(workers=2)


@pytest.fixture
def make_server():
    with servers() as make:
        yield make


@pytest.fixture(scope="module")
def make_module_server():
    """For one server that all tests of a file share."""
    with servers() as make:
        yield make
