# SPDX-License-Identifier: Apache-2.0
"""Workers that were told to leave, and do so when they have finished what they have begun."""

from pathlib import Path

from support import process

LEAVING = "is shutting down"


def title_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def is_alive(pid):
    return title_of(pid) != ""


def has_begun_to_leave(pid):
    return LEAVING in title_of(pid) or not is_alive(pid)


def tell_to_leave(server, number):
    """Returns the workers that leave, once all of them know."""
    leaving = server.workers
    server.master.send_signal(number)
    assert process.wait_until(lambda: all(has_begun_to_leave(pid) for pid in leaving))
    return leaving
