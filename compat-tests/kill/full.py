#!/usr/bin/env python3
"""The full disk: a server whose data lies on a tmpfs of a few MB fills it, refuses writes with -MISCONF, serves reads,
and goes on by itself once there is room; after SIGKILL everything acknowledged is there, nothing twice.

usage: run.py --server PROGRAM        needs root, to mount; otherwise its tests are skipped
The last line is `N passed, N failed, N skipped`.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]
from run import SETTINGS  # noqa: E402
from servers import Failure, Gone, Server, until  # noqa: E402

SIZE = "6m"


def fill(link, mode, acknowledged):
    """Writes until it is refused; returns the refusal."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        n = len(acknowledged)
        reply = link.ask("RPUSH", "list", f"{n}:" + "x" * 8000)
        if isinstance(reply, Failure):
            return str(reply)
        acknowledged.append(n)
    raise RuntimeError(f"the disk of {SIZE} does not fill in mode {mode}")


def check(server, mode):
    directory = server.directory
    ballast = directory / "ballast"
    ballast.write_bytes(b"x" * 1_500_000)
    server.start("--appendfsync", mode)
    link = server.wait()
    acknowledged = []
    refusal = fill(link, mode, acknowledged)
    assert refusal.startswith("MISCONF Errors writing to the AOF file: No space left on device"), refusal
    assert link.info("persistence")["aof_last_write_status"] == "err", "INFO says nothing"
    # Reads are served, also of what is not durable; PING tells those who watch.
    assert link("LLEN", "list") >= len(acknowledged)
    assert link("LINDEX", "list", 0).startswith(b"0:")
    try:
        link("PING")
        raise RuntimeError("PING is answered")
    except RuntimeError as refusal:
        assert "MISCONF" in str(refusal), refusal
    ballast.unlink()
    until("the recovery", lambda: link.info("persistence")["aof_last_write_status"] == "ok")
    link("SET", "after", "1")
    link("WAITAOF", 1, 0, 10000)
    length = link("LLEN", "list")
    elements = link("LRANGE", "list", 0, -1)
    server.kill()
    server.start("--appendfsync", mode)
    link = server.wait()
    assert link("GET", "after") == b"1"
    assert link("LLEN", "list") == length, "lost or doubled"
    assert link("LRANGE", "list", 0, -1) == elements
    numbers = [int(element.split(b":")[0]) for element in elements]
    # What was refused may be there, once.
    assert set(acknowledged) <= set(numbers), "something acknowledged is lost"
    server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    options = parser.parse_args()
    modes = ["always", "everysec", "no"]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="synap-full-"))
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", directory], capture_output=True
    ).returncode == 0
    if not mounted:
        directory.rmdir()
        print("nothing can be mounted here")
        print(f"0 passed, 0 failed, {len(modes)} skipped")
        return 0
    passed = failed = 0
    try:
        for mode in modes:
            data = directory / mode
            data.mkdir()
            server = Server(options.server, data, *SETTINGS)
            try:
                check(server, mode)
                passed += 1
            except (AssertionError, RuntimeError, Gone, OSError) as why:
                failed += 1
                log = (data / "log").read_text(errors="replace").splitlines()[-8:]
                print(f"FAIL mode {mode}: {why!r}", *log, sep="\n    ", flush=True)
            finally:
                server.kill()
            shutil.rmtree(data)
    finally:
        subprocess.run(["umount", "-l", directory])
        directory.rmdir()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
