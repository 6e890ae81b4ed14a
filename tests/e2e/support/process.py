# SPDX-License-Identifier: Apache-2.0
"""What /proc shows of a process. Workers are not dumpable, so some of it is for root alone."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path


def children(pid):
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def memory_kib(pid, field):
    """A field of /proc/PID/status such as VmRSS or VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def core_limits(pid):
    """The soft and the hard limit of a core file, as /proc words them."""
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4:6]
    raise KeyError("core")


def owners(pid):
    """The user that the process runs as, and the one that may look into it: root alone if it is
    not dumpable."""
    status = Path(f"/proc/{pid}/status").read_text()
    uid = next(line.split()[2] for line in status.splitlines() if line.startswith("Uid:"))
    return int(uid), os.stat(f"/proc/{pid}/mem").st_uid


def count_fds(pid):
    return len(as_root(open_files, pid))


# What a worker's peak may grow by, whatever the size of the file.
GROWTH_KIB = 16 << 10


def reset_peaks(server):
    """The peak memory of each worker, counted from now on."""
    for pid in server.workers:
        as_root(reset_peak, pid)
    return {pid: memory_kib(pid, "VmHWM") for pid in server.workers}


def assert_peaks_grew_little(server, before):
    growth = {pid: memory_kib(pid, "VmHWM") - kib for pid, kib in before.items()}
    assert set(server.workers) == set(before)
    assert max(growth.values()) <= GROWTH_KIB, f"memory grew by {growth} KiB"
    return max(growth.values())


def spool_files(server):
    """The unlinked files that the workers hold open: one entry for each file, with its disk space."""
    files = {}
    for pid in server.workers:
        for file in as_root(unlinked_files, pid):
            files[file["inode"]] = file
    return list(files.values())


def spool_bytes(server):
    """The disk space that the spools take up now."""
    return sum(file["disk_bytes"] for file in spool_files(server))


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def files_with(server, needle):
    """The files that the server's processes may write to, nameless ones too, that hold the needle."""
    return [file for pid in [server.master.pid, *server.workers]
            for file in as_root(find_in_written_files, pid, needle.hex())]


# For root. They take and return what JSON can carry: without root they run in a python under sudo.


def open_files(pid):
    """What each file descriptor is, and whether it can be written to."""
    files = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            info = Path(f"/proc/{pid}/fdinfo/{fd}").read_text()
        except OSError:
            continue  # closed meanwhile
        flags = int(info.split("flags:")[1].split()[0], 8)
        files.append({"fd": int(fd), "target": target, "written": flags & os.O_ACCMODE != 0})
    return files


def unlinked_files(pid):
    """The regular files without a name that the process holds open."""
    files = []
    for file in open_files(pid):
        try:
            info = os.stat(f"/proc/{pid}/fd/{file['fd']}")
        except OSError:
            continue  # closed meanwhile
        if stat.S_ISREG(info.st_mode) and info.st_nlink == 0:
            files.append({**file, "inode": f"{info.st_dev}:{info.st_ino}", "size": info.st_size,
                          "disk_bytes": info.st_blocks * 512})
    return files


def bytes_in(pid, fd):
    """The byte values that stand in a file, each once."""
    found = set()
    with open(f"/proc/{pid}/fd/{fd}", "rb", buffering=0) as file:
        while piece := file.read(1 << 20):
            found |= set(piece)
    return sorted(found)


def find_in_written_files(pid, needle_hex):
    """The files, unlinked ones too, that pid may write to and that hold the needle."""
    needle = bytes.fromhex(needle_hex)
    found = []
    for file in open_files(pid):
        path = f"/proc/{pid}/fd/{file['fd']}"
        if file["written"] and os.path.isfile(path) and holds(path, needle):
            found.append(file["target"])
    return found


def holds(path, needle):
    rest = b""
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(1 << 22):
            if needle in rest + piece:
                return True
            rest = piece[-len(needle):]
    return False


def find_in_memory(pid, needles_hex):
    """Which needles stand in memory that pid can write to."""
    needles = {n: bytes.fromhex(n) for n in needles_hex}
    found = set()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in writable_regions(pid):
            try:
                memory.seek(start)
                content = without_empty_pages(memory.read(end - start))
            except OSError:
                continue  # not memory: a device
            found |= {n for n, needle in needles.items() if needle in content}
    return sorted(found)


PAGE = 4096
EMPTY_PAGE = bytes(PAGE)


def without_empty_pages(content):
    """Most pages are: it takes the search a tenth of the time."""
    pages = (content[i:i + PAGE] for i in range(0, len(content), PAGE))
    return b"".join(page for page in pages if page != EMPTY_PAGE)


def writable_regions(pid):
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, permissions = line.split()[:2]
        if permissions.startswith("rw"):
            start, end = addresses.split("-")
            yield int(start, 16), int(end, 16)


def reset_peak(pid):
    """Sets VmHWM back to VmRSS."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def private_kib(pid):
    """The memory that the process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def as_root(function, *arguments):
    """Calls one of this file's functions as root; skips the test where that cannot be."""
    if os.geteuid() == 0:
        return function(*arguments)
    if not has_sudo():
        import pytest
        pytest.skip("takes root, or a sudo that does not ask")
    command = ["sudo", "-n", sys.executable, "-B", __file__, function.__name__]
    result = subprocess.run(command, input=json.dumps(arguments), stdout=subprocess.PIPE, text=True,
                            check=True)
    return json.loads(result.stdout)


def has_sudo():
    try:
        return subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*json.load(sys.stdin))))
