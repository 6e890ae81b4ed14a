# SPDX-License-Identifier: Apache-2.0
"""Workers that run out of file descriptors."""

from support import process, raw_http

# Other than the connections, a worker has about twenty. The connections must not be what runs out.
SETTINGS = {"nofile": "96", "worker_connections": "512"}


class Idle:
    """Connections that say nothing, as many as take every descriptor that is left."""

    def __init__(self, server):
        [self.worker] = server.workers
        self.limit = int(SETTINGS["nofile"])
        self.port = server.port
        self.clients = []

    def __enter__(self):
        n_free = self.limit - process.count_fds(self.worker)
        assert 0 < n_free < self.limit - 10
        # No connection more: nginx would say that it cannot accept one.
        self.clients = [raw_http.connect(self.port) for _ in range(n_free)]
        assert process.wait_until(lambda: process.count_fds(self.worker) == self.limit)
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()
        n_left = self.limit - len(self.clients)
        assert process.wait_until(lambda: process.count_fds(self.worker) <= n_left)
