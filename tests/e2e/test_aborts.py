# SPDX-License-Identifier: Apache-2.0
"""Clients that go away at random points, hundreds of them: everything of theirs goes with them, and
nobody else notices."""

import contextlib
import itertools
import os
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import process
from support.fernet import token_size
from support.formats import FORMATS, name_of_answer, size_of_answer
from support.forms import BOUNDARY, FORM, form, part
from support.nginx import SANITIZED
from support.raw_http import chunked, exchange, request
from support.sources import LARGE_MIB, MIB
from support.spool import spooling  # noqa: F401
from support.transports import H2C, WITH_HTTP_2, each
from support.unfinished import connect

PATH = "/encrypt_file"
N_POINTS = 200 if LARGE_MIB >= 1024 else 80  # of uploads, and as many of downloads
N_WARMING = 24
MAX_ROUNDS = 5  # memory settles: what one round leaves in pieces the next one uses
N_THREADS = 4
SPOOL_MIB = 96
# Within the hold, streamed, and so much that a client which does not read has a spool: more than
# the sockets hold, or the window of an HTTP/2 stream.
SMALL = [(1, 40_000), (60_000, 400_000)]
SIZES = [*SMALL, *[(4 * MIB, 6 * MIB)] * 2]
SIZES_OF_HTTP_2 = [*SMALL, *[(500_000, MIB)] * 2]
NOISE = os.urandom(6 * MIB)


class Dice:
    """What one thread does: always the same in the same order."""

    def __init__(self, *seed):
        self.random = random.Random(repr(seed))

    def plaintext(self, sizes=SIZES):
        return NOISE[:self.random.randint(*self.random.choice(sizes))]

    def point(self, n):
        """Somewhere in so many bytes; the ends are more likely than the middle."""
        near = min(n, 300)
        return self.random.choice([self.random.randint(0, n), self.random.randint(0, near),
                                   n - self.random.randint(0, near)])

    def choice(self, *of):
        return self.random.choice(of)

    def pause(self):
        time.sleep(self.choice(0, 0.002, 0.04))


def describe(dice, plaintext):
    """Method, headers and body of an upload, as a form or bare."""
    if dice.choice(True, False):
        return "POST", [("Content-Type", FORM + BOUNDARY)], form(part(plaintext))
    return "PUT", [], plaintext


def discard(client):
    """Reads from a thread until nothing comes any more."""
    def run():
        with contextlib.suppress(OSError):
            while client.socket.recv(1 << 20):
                pass
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


class OverHttp1:
    def __init__(self, server, transport, dice):
        self.server, self.transport, self.dice = server, transport, dice

    def _request(self, plaintext, options):
        method, headers, body = describe(self.dice, plaintext)
        if self.transport.version == "HTTP/1.1" and self.dice.choice(True, False):
            headers, body = [*headers, ("Transfer-Encoding", "chunked")], chunked(body)
        return request(method, PATH + options, headers, body, self.transport.version)

    def _leave(self, client, reader=None, sender=None):
        """The threads end first: one that is at work would keep the socket open, or have the next
        one with its number."""
        self.dice.pause()
        way = self.dice.choice("reset", "closed", "half-closed")
        if way == "half-closed":
            client.half_close()
            self.dice.pause()
        is_quiet = way == "reset" and not (sender and sender.is_alive())
        with contextlib.suppress(OSError):  # SHUT_RD says nothing to the server
            client.socket.shutdown(socket.SHUT_RD if is_quiet else socket.SHUT_RDWR)
        for thread in filter(None, (reader, sender)):
            thread.join(20)
            assert not thread.is_alive()
        if way == "reset":
            client.reset()

    def abort_upload(self):
        data = self._request(self.dice.plaintext(), self.dice.choice(*FORMATS))
        with connect(self.server, self.transport) as client:
            reader = discard(client) if self.dice.choice(True, False) else None
            client.send(data[:min(self.dice.point(len(data)), len(data) - 1)])
            self._leave(client, reader)

    def abort_download(self):
        plaintext = self.dice.plaintext()
        options = self.dice.choice(*FORMATS)
        data = self._request(plaintext, options)
        with connect(self.server, self.transport) as client:
            sender = client.send_meanwhile(data)
            if self.dice.choice(True, False):
                sender.join(20)  # and only then reads: it has a spool
                self.dice.pause()
            left = self.dice.point(size_of_answer(options, len(plaintext)))
            while left > 0 and (piece := client.socket.recv(min(left, 1 << 16))):
                left -= len(piece)
            self._leave(client, sender=sender)

    def run(self, n):
        for _ in range(n):
            self.abort_upload()
            self.abort_download()


class OverHttp2:
    """On a connection are a few uploads at a time: most of them are aborted, one is not."""

    def __init__(self, server, transport, dice):
        self.server, self.transport, self.dice = server, transport, dice
        self.client = connect(server, transport)

    def _begin(self, body, method, headers, options, ends, reads=True):
        declared = [("content-length", str(len(body)))] if ends else []
        return self.client.request(method, PATH + options, headers + declared, iter([body]),
                                   ends=ends, gives_window=reads)

    def abort_upload(self):
        method, headers, body = describe(self.dice, self.dice.plaintext(SIZES_OF_HTTP_2))
        stream = self._begin(body[:self.dice.point(len(body))], method, headers,
                             self.dice.choice(*FORMATS), ends=False,
                             reads=self.dice.choice(True, False))
        self.client.send_all(stream)
        self._leave(stream)

    def abort_download(self):
        plaintext = self.dice.plaintext(SIZES_OF_HTTP_2)
        method, headers, body = describe(self.dice, plaintext)
        reads = self.dice.choice(True, False)
        options = self.dice.choice(*FORMATS)
        n_answer = size_of_answer(options, len(plaintext))
        stream = self._begin(body, method, headers, options, ends=True, reads=reads)
        self.client.send_all(stream)
        if not reads:
            self.dice.pause()
            self._give_window(stream, self.dice.point(n_answer) + 1)
            self.dice.pause()
        n = self.dice.point(n_answer) if reads else 0
        self.client.run(lambda: stream.is_over or sum(map(len, stream.pieces)) >= n)
        self._leave(stream)

    def _give_window(self, stream, n):
        if not stream.is_over:
            self.client.give_window(stream, n)

    def _leave(self, stream):
        self.dice.pause()
        way = self.dice.choice(*["one stream"] * 8, "reset", "closed")
        if way == "one stream":
            if not stream.is_over:
                self.client.reset_stream(stream)
            return
        if way == "reset":
            self.client.abort()
        self.client.close()
        self.good = None
        self.client = connect(self.server, self.transport)

    def run(self, n):
        for _ in range(n):
            plaintext = self.dice.plaintext(SIZES_OF_HTTP_2)
            options = self.dice.choice(*FORMATS)
            self.good = self._begin(plaintext, "PUT", [], options, ends=True)
            self.abort_upload()
            self.abort_download()
            if self.good:
                FORMATS[options](self.client.read_response(self.good), plaintext)
        self.client.close()


def upload_well(server, transport, dice, stop):
    """Uploads one file after the other; returns how many."""
    for n in itertools.count():
        if stop.is_set():
            return n
        plaintext = dice.plaintext(SIZES_OF_HTTP_2)
        method, headers, body = describe(dice, plaintext)
        options = dice.choice(*FORMATS)
        response = transport.exchange(server, method, PATH + options, headers, body)
        name = "file.txt" if method == "POST" or not options else "file"
        FORMATS[options](response, plaintext, name_of_answer(options, name))


def abort_many(server, transport, n, seed):
    """Aborts n uploads and n downloads, and meanwhile uploads some files well. Returns how many
    spools were seen."""
    kind = OverHttp2 if transport in WITH_HTTP_2 else OverHttp1
    stop = threading.Event()
    with ThreadPoolExecutor(N_THREADS + 2) as pool:
        good = [pool.submit(upload_well, server, transport, Dice("good", seed, i), stop)
                for i in range(2)]
        bad = [pool.submit(kind(server, transport, Dice("bad", seed, i)).run, n // N_THREADS)
               for i in range(N_THREADS)]
        spools = set()
        while not all(result.done() for result in bad):
            spools.update(file["inode"] for file in process.spool_files(server))
            time.sleep(0.01)
        stop.set()
        for result in bad:
            result.result()
        assert all(result.result() > 0 for result in good)
    return len(spools)


def take_the_whole_spool(server):
    """An upload that needs nearly all of what all may have: what others left would be missing."""
    n = SPOOL_MIB * MIB // 4 * 3
    response = exchange(server.port, request("PUT", PATH, [("Via", "1.1 test")], bytes(n)))
    assert (response.status, len(response.body)) == (200, token_size(n))
    n += MIB
    response = exchange(server.port, request("PUT", PATH, [("Via", "1.1 test")], bytes(n)))
    assert response.status == 507


def count_fds_at_rest(server):
    """Of the only worker, once it is there and has no connection."""
    [worker] = server.workers
    assert exchange(server.port, request("GET", "/healthz")).status == 200
    time.sleep(0.3)
    return process.count_fds(worker)


def is_at_rest(server, n_fds):
    return (process.spool_files(server) == []
            and all(process.count_fds(pid) <= n_fds for pid in server.workers))


def memory_kib(server):
    """Without what is shared: the cache of TLS sessions fills."""
    return sum(process.memory_kib(pid, "RssAnon") for pid in server.workers)


@each()
def test_clients_that_go_away_at_many_points_leave_nothing_and_harm_nobody(spooling, transport):
    server = spooling(spool_max=f"{SPOOL_MIB}m", spool_patience="2ms")
    workers = server.workers
    [worker] = workers
    n_fds = count_fds_at_rest(server)
    abort_many(server, transport, N_WARMING, "warming")
    for i in range(MAX_ROUNDS):
        take_the_whole_spool(server)
        assert process.wait_until(lambda: is_at_rest(server, n_fds)), process.spool_files(server)
        assert (server.workers, server.temp_files()) == (workers, [])
        if i > 0 and memory_kib(server) - kib < 1024:
            break
        kib = memory_kib(server)
        assert abort_many(server, transport, N_POINTS, i) > 2, "hardly anything was spooled"
    else:
        assert SANITIZED, "each round takes up more memory"
    before = process.cpu_seconds(worker)
    time.sleep(0.3)
    assert process.cpu_seconds(worker) - before < 0.1, "the worker is busy with nothing"


@pytest.mark.parametrize("how", ["one stream", "reset", "closed"])
def test_an_http_2_client_that_goes_right_after_its_upload_is_not_missed(spooling, how):
    server = spooling(spool_patience="2ms")
    with contextlib.ExitStack() as left:
        for i in range(40):  # at a point that few of them hit
            client = connect(server, H2C)
            body = NOISE[:500_000 + i * 13_000]
            stream = client.request("PUT", PATH, body=body, gives_window=False)
            client.send_all(stream)
            if how == "one stream":
                client.reset_stream(stream)
                left.callback(client.close)
            elif how == "reset":
                client.abort()
            else:
                client.close()
        assert process.wait_until(lambda: process.spool_files(server) == [])
