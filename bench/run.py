#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks and writes results.json, results.md and plots into a folder.

Usage: run.py [--rounds N] [--scale X] [--large] [--any-peers] [--only CASE,...] [--draw] FOLDER

--scale makes large files smaller and long runs shorter. --large has a file of 10 GiB too.
--any-peers leaves out what is not installed. --only keeps what the folder has of the other cases.
--draw measures nothing, and writes all but results.json anew."""

import argparse
import fcntl
import importlib
import json
import os
import platform
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import goals
import plots
from bench import Effort
from tables import Table, markdown_rows

CASES = ["kernel", "requests", "large", "sizes", "concurrency", "against_peers", "memory",
         "scaling", "tls", "programs", "transports", "fairness"]


SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # netdevice(7)
CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--any-peers", action="store_true")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("folder", type=Path)
    return parser.parse_args()


def enter_network_of_its_own():
    """A network namespace with nothing but loopback, and with Debian's congestion control. Another,
    such as bbr, paces on loopback too, and may take more time than the service. Takes root, and a
    system that lets it; else the machine's own network has to do: the results name its control."""
    if os.environ.get("BENCH_NETWORK") or subprocess.run(
            ["unshare", "--net", "true"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        return
    os.environ["BENCH_NETWORK"] = "its own"
    os.execvp("unshare", ["unshare", "--net", sys.executable, "-B", *sys.argv])


def set_up_network():
    if os.environ.get("BENCH_NETWORK"):
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        CONGESTION.write_text("cubic")


def machine():
    model = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    congestion = CONGESTION.read_text().strip()
    kernel = platform.release().split("-")[0]
    return {"processor": model[0], "cores": os.cpu_count(), "kernel": kernel,
            "congestion": congestion}


def measure(options, results):
    """Yields after each case, whose tables are then in the results."""
    effort = Effort(rounds=options.rounds, scale=options.scale, has_large=options.large,
                    needs_peers=not options.any_peers)
    results["machine"] = machine()
    modules = {case: importlib.import_module(f"cases.{case}") for case in options.only.split(",")}
    for case, module in modules.items():
        begun = time.monotonic()
        for table in module.measure(effort):
            results["tables"][table.name] = {**table.as_json(), "case": case,
                                             "rounds": effort.rounds, "scale": effort.scale}
        results["tables"] = ordered(results["tables"])
        yield
        print(f"{case}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def ordered(tables):
    """In the order of the cases, whichever was measured last."""
    return dict(sorted(tables.items(), key=lambda item: CASES.index(item[1]["case"])))


def write_markdown(path, results, tables):
    about = results["machine"]
    lines = ["# Results", "",
             "Made by `make bench`; [performance.md](../performance.md) says what each means. "
             "Medians, and in brackets the least and the most of the rounds.", "",
             f"{about['processor']}, {about['cores']} cores, Linux {about['kernel']}, "
             f"{about['congestion']} for TCP.", "",
             "## Goals", ""]
    if any(data["scale"] != 1 for data in results["tables"].values()):
        lines += ["**Not what counts:** measured with smaller files and shorter runs.", ""]
    lines += markdown_rows(["what", "goal", "measured", "met"], goals.rows(tables))
    lines += ["", *(table.markdown() for table in tables.values())]
    path.write_text("\n".join(lines).rstrip("\n") + "\n")


def main():
    options = arguments()
    if not options.draw:
        enter_network_of_its_own()
        set_up_network()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {"tables": {}}
    if not options.draw:
        for _ in measure(options, results):
            path.write_text(json.dumps(results, indent=1) + "\n")
    tables = {name: Table.from_json(name, data) for name, data in results["tables"].items()}
    write_markdown(options.folder / "results.md", results, tables)
    plots.draw(options.folder, tables)


if __name__ == "__main__":
    main()
