# SPDX-License-Identifier: Apache-2.0
"""Workers that leave: told to, they finish what they have begun; killed, they take only that with
them."""

import random
import re
import signal

import pytest

from support import process
from support.answers import assert_encrypted, assert_no_token
from support.leaving import LEAVING, is_alive, tell_to_leave, title_of
from support.owners import only, owner_of
from support.raw_http import Closed, exchange, request
from support.sources import LARGE_MIB, MIB
from support.spool import disk, mounted, spool_on, used_bytes  # noqa: F401
from support.transports import HTTP_1_0, HTTP_1_1, LASTING, WITH_HTTP_2
from support.unfinished import (
    DRAINING, IN_ITS_HEAD, KINDS, PATIENT_EDIT, PUSHED_BACK, SPOOLING, STATES, begin, connect,
    wait_for_disk)

SEEDS = [1, 2] if LARGE_MIB >= 1024 else [1]  # of the order in which uploads finish


def begin_all_kinds(server):
    """Uploads in every state over every transport; over HTTP/2 many share a connection as well."""
    uploads = [begin(server, *kind, as_form=i % 2 == 1)
               for i, kind in enumerate([*KINDS, *KINDS[::2]])]
    for transport in WITH_HTTP_2:
        client = connect(server, transport)
        uploads += [begin(server, transport, state, client=client)
                    for state in STATES if state != IN_ITS_HEAD]
    wait_for_disk(server, uploads)
    return uploads


def assert_all_finish(server, uploads, leaving, seed=1):
    random.Random(seed).shuffle(uploads)
    last = uploads.pop()
    worker = owner_of(server, last.client.socket)
    assert worker in leaving
    for upload in uploads:
        try:
            upload.finish()
        except Exception as error:
            raise AssertionError(f"{upload} was not finished") from error
    for client in {upload.client for upload in uploads} - {last.client}:
        client.close()
    assert is_alive(worker), "it left before its last request was finished"
    last.finish()
    last.close()
    assert process.wait_until(lambda: not any(map(is_alive, leaving)))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reload_finishes_every_upload_in_whatever_state_it_is(make_server, disk, seed):
    server = make_server(workers=2, edits=[PATIENT_EDIT, spool_on(disk)])
    unused = used_bytes(disk)
    uploads = begin_all_kinds(server)
    leaving = tell_to_leave(server, signal.SIGHUP)
    assert_encrypted(exchange(server.port, request("PUT", "/encrypt_file", [], b"new")), b"new")
    assert_all_finish(server, uploads, leaving, seed)
    assert process.wait_until(lambda: len(server.workers) == 2)
    assert process.wait_until(lambda: used_bytes(disk) == unused)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_quit_finishes_every_upload_in_whatever_state_it_is(make_server, disk, seed):
    server = make_server(workers=2, edits=[PATIENT_EDIT, spool_on(disk)])
    unused = used_bytes(disk)
    uploads = begin_all_kinds(server)
    leaving = tell_to_leave(server, signal.SIGQUIT)
    with pytest.raises(ConnectionRefusedError):
        connect(server, HTTP_1_1)
    assert_all_finish(server, uploads, leaving, seed)
    assert server.master.wait(10) == 0
    assert used_bytes(disk) == unused


def test_reloads_one_after_the_other_finish_what_each_generation_has(make_server, disk):
    server = make_server(workers=2, edits=[PATIENT_EDIT, spool_on(disk)])
    unused = used_bytes(disk)
    uploads, generations = [], []
    for transport in LASTING:
        uploads += [begin(server, transport, state) for state in (PUSHED_BACK, SPOOLING, DRAINING)]
        generations += tell_to_leave(server, signal.SIGHUP)
    wait_for_disk(server, uploads)
    assert len(set(generations)) == 2 * len(LASTING)
    assert_all_finish(server, uploads, generations)
    assert process.wait_until(lambda: len(server.workers) == 2)
    assert process.wait_until(lambda: used_bytes(disk) == unused)


def whole(n):
    """A request whose answer is spooled whole, for a file of so many bytes."""
    return request("PUT", "/encrypt_file", [("Via", "1.1 test")], bytes(n))


def test_what_the_workers_that_left_had_spooled_is_counted_no_more(make_server):
    server = make_server(spool_max="40m", edits=[PATIENT_EDIT])
    uploads = [begin(server, transport, SPOOLING) for transport in (HTTP_1_1, HTTP_1_0)]
    wait_for_disk(server, uploads)
    assert exchange(server.port, whole(28 * MIB)).status == 507
    leaving = tell_to_leave(server, signal.SIGHUP)
    assert exchange(server.port, whole(28 * MIB)).status == 507
    assert_all_finish(server, uploads, leaving)
    assert_encrypted(exchange(server.port, whole(28 * MIB)), bytes(28 * MIB))


@pytest.fixture
def named_files_only():
    """A folder on a file system that has no O_TMPFILE."""
    with mounted("bpf", "mode=755") as folder:
        yield folder


def edit(server, old, new):
    """The text that was in its place."""
    path = server.runtime / "nginx.conf"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return text


def assert_reload_is_refused(server, old, new, message):
    upload = begin(server, HTTP_1_1, SPOOLING)
    workers = server.workers
    text = edit(server, old, new)
    server.master.send_signal(signal.SIGHUP)
    assert process.wait_until(lambda: re.search(rf"\[emerg\].*{message}", server.log()))
    assert exchange(server.port, request("GET", "/healthz")).status == 200
    assert_encrypted(exchange(server.port, whole(MIB)), bytes(MIB))
    assert server.workers == workers and not any(LEAVING in title_of(pid) for pid in workers)
    upload.finish()
    upload.close()
    (server.runtime / "nginx.conf").write_text(text)
    leaving = tell_to_leave(server, signal.SIGHUP)
    assert process.wait_until(lambda: not any(map(is_alive, leaving)))
    assert_encrypted(exchange(server.port, whole(MIB)), bytes(MIB))


@pytest.mark.parametrize("old, new, message", [
    ("encrypter_spool_path ", "encrypter_spool_path /proc/encrypter; # ", "/proc/encrypter"),
    ("encrypter_spool_patience ", "encrypter_spool_patience soon; # ", "invalid value"),
    ("sendfile on;", "sendfile on; no_such_directive;", "unknown directive"),
])
def test_a_reload_with_a_bad_configuration_leaves_the_old_one_in_force(make_server, old, new,
                                                                       message):
    server = make_server(expected_trouble=[r"\[emerg\]"])
    assert_reload_is_refused(server, old, new, message)


def test_a_reload_with_a_spool_where_all_files_have_names_leaves_the_old_one_in_force(
        make_server, named_files_only):
    server = make_server(expected_trouble=[r"\[emerg\]"])
    assert_reload_is_refused(server, *spool_on(named_files_only), "O_TMPFILE")


def assert_cut(upload):
    """There is no answer, or one that is visibly not whole."""
    try:
        response = upload.read_rest()
    except (Closed, ConnectionError):
        return
    finally:
        upload.close()
    assert not response.complete, upload
    if len(response.body) < MIB:
        assert_no_token(response)


def begin_with(server, worker, kinds):
    """Uploads that this worker has to do with."""
    with only(server, worker):
        uploads = [begin(server, *kind) for kind in kinds]
        assert {owner_of(server, upload.client.socket) for upload in uploads} == {worker}
    return uploads


def test_a_killed_worker_takes_only_its_own_requests_with_it(make_server, disk):
    server = make_server(workers=2, edits=[PATIENT_EDIT, spool_on(disk)], spool_max="140m",
                         expected_trouble=["exited on signal 9"])
    unused = used_bytes(disk)
    victim, other = server.workers
    lost = begin_with(server, victim, KINDS)
    kept = begin_with(server, other, [(t, s) for t, s in KINDS if s != SPOOLING])
    wait_for_disk(server, lost + kept)
    assert exchange(server.port, whole(50 * MIB)).status == 507
    process.as_root(process.kill, victim)
    assert process.wait_until(lambda: len(server.workers) == 2 and victim not in server.workers)
    for upload in lost:
        assert_cut(upload)
    assert_encrypted(exchange(server.port, whole(50 * MIB)), bytes(50 * MIB))
    for upload in kept:
        upload.finish()
        upload.close()
    assert other in server.workers
    assert process.wait_until(lambda: used_bytes(disk) == unused)


def test_what_a_worker_had_spooled_that_was_killed_while_it_left_is_counted_no_more(
        make_server, disk):
    server = make_server(edits=[spool_on(disk)], spool_max="40m",
                         expected_trouble=["exited on signal 9"])
    unused = used_bytes(disk)
    uploads = [begin(server, transport, SPOOLING) for transport in (HTTP_1_1, HTTP_1_0)]
    wait_for_disk(server, uploads)
    [leaving] = tell_to_leave(server, signal.SIGHUP)
    assert exchange(server.port, whole(28 * MIB)).status == 507
    process.as_root(process.kill, leaving)
    assert process.wait_until(lambda: not is_alive(leaving))
    assert_encrypted(exchange(server.port, whole(28 * MIB)), bytes(28 * MIB))
    assert process.wait_until(lambda: len(server.workers) == 1), "nobody was to take its place"
    for upload in uploads:
        assert_cut(upload)
    assert used_bytes(disk) == unused
