#!/usr/bin/env python3
"""Runs hiredis' own tests against a server that has left the terminal.  usage: hiredis_suite.py SERVER_PROGRAM

Debian's source package is fetched and built below ${XDG_CACHE_HOME:-~/.cache}/synap-tests. The server gets a redis.conf
as those tests write one: `daemonize`, `pidfile`, a socket of Unix. The last line is `N passed, N failed, N skipped`.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "tcl")]
import sources  # noqa: E402
from servers import until  # noqa: E402

SUITE = {"package": "hiredis", "version": "1.2.0", "releases": ["trixie", "sid"]}


# What is replaced in the tests: a call within 10 ms fails on a busy machine, and nothing but this machine is to be called.
EDITS = [
    ("tv.tv_usec = 10000;", "tv.tv_usec = 500000;"),
    ("if (config.type == CONN_TCP || config.type == CONN_SSL) {\n        /* timeout can only", "if (0) {\n        /* timeout can only"),
]


def built():
    """The folder of the built tests."""
    tree = sources.CACHE / "hiredis-1.2.0"
    if not tree.exists():
        sources.HOME.mkdir(parents=True, exist_ok=True)
        sources.unpack("hiredis", SUITE, tree)
    tests = tree / "test.c"
    text = tests.read_text()
    for old, new in EDITS:
        if new not in text:
            assert old in text, f"not there any more: {old}"
            text = text.replace(old, new)
    if text != tests.read_text():
        tests.write_text(text)
    subprocess.run(["make", "-s", "hiredis-test"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    return tree


def main():
    tree = built()
    with tempfile.TemporaryDirectory(prefix="synap-hiredis-") as scratch:
        pidfile, path = pathlib.Path(scratch, "pid"), pathlib.Path(scratch, "socket")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        conf = pathlib.Path(scratch, "redis.conf")
        conf.write_text(
            f"pidfile {pidfile}\nport {port}\nunixsocket {path}\nunixsocketperm 777\ndaemonize yes\n"
            f"enable-debug-command local\nbind 127.0.0.1\ndir {scratch}\nlogfile {scratch}/log\n"
        )
        # Whoever starts it gets the terminal back, while the server lives in a session of its own.
        subprocess.run([sys.argv[1], conf], check=True, timeout=60, stdin=subprocess.DEVNULL)
        until("the socket is there", path.exists)
        pid = int(pidfile.read_text())
        try:
            alone = os.getsid(pid) != os.getsid(0) and os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"
            report = subprocess.run(
                ["./hiredis-test", "-h", "127.0.0.1", "-p", str(port), "-s", path, "--skip-throughput"],
                cwd=tree, capture_output=True, text=True, errors="replace", timeout=300,
            )
        finally:
            os.kill(pid, signal.SIGTERM)
        until("the pidfile is gone", lambda: not pidfile.exists())
        log = pathlib.Path(scratch, "log").read_text()
    text = re.sub(r"\x1b\[[\d;]*m", "", report.stdout + report.stderr)
    passed, bad = len(re.findall(r"PASSED", text)), re.findall(r"^.*FAILED.*$", text, re.M)
    if not alone:
        bad.append("the server has not left the terminal")
    # Redigo's tests, containers for tests and others wait for these words, star and all.
    ready = [word for word in ("tcp", "unix") if f" * Ready to accept connections {word}" in log]
    if len(ready) < 2:
        bad.append(f"the log tells that it is ready for {ready} only")
    if report.returncode and not bad or passed < 150:
        bad.append(f"{passed} tests passed, and it ended with status {report.returncode}:\n{text[-600:]}")
    for one in bad:
        print(f"FAIL  {one}")
    print(f"{passed + alone + len(ready)} passed, {len(bad)} failed, {len(re.findall('SKIPPED', text))} skipped")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
