# SPDX-License-Identifier: Apache-2.0
"""One server for tests in another language: prints where it is, as a line of JSON, and runs until its
standard input ends. Exits with 1, and says why on standard error, if anything was wrong with it."""

import argparse
import json
import os
import signal
import sys

from support import nginx, process


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE",
                        help="of the shipped configuration; one worker unless it says otherwise")
    parser.add_argument("--edit", nargs=2, action="append", default=[], metavar=("OLD", "NEW"),
                        help="what an operator may write into the configuration")
    parser.add_argument("--expect", action="append", default=[], metavar="REGEX",
                        help="trouble in the error log that the test means to make")
    return parser.parse_args()


def spools_left(server):
    """What it has not let go of, waiting a while; looking takes root."""
    if os.geteuid() != 0 and not process.has_sudo():
        return []
    process.wait_until(lambda: process.spool_files(server) == [], 5)
    return [f"left in the spool: {file}" for file in process.spool_files(server)]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    args = arguments()
    if not nginx.MODULE:
        sys.exit("ENCRYPTER_MODULE must name the nginx module")
    settings = dict(word.split("=", 1) for word in args.settings)
    server = nginx.Nginx({"workers": 1, **settings}, args.expect, args.edit)
    problems = []
    try:
        server.start()
        print(json.dumps({
            "url": server.url, "tlsUrl": server.tls_url, "directory": str(server.directory),
            "errorLog": str(server.error_log), "accessLog": str(server.access_log),
        }), flush=True)
        sys.stdin.read()
        problems += spools_left(server)
    finally:
        problems += server.stop()
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
