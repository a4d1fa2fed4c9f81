#!/usr/bin/env python3
"""Runs Redis' own Tcl suite against a server, file by file, and compares with the floor in floor.toml.

usage: run.py --server PROGRAM [--jobs N] [--raise] [--reference] [FILE ...]      FILE as unit/type/set

The suite is Debian's source package of redis 7.0. It is fetched into a cache outside of the repository and stays as it
is: nothing of it is patched. Every file runs in one of two modes:

  spawned   (the usual one) the suite starts the servers itself, as src/redis-server, with the settings that its tests
            ask for
  external  the suite is given host and port of a server that was started for this file. It then begins every block with
            FUNCTION FLUSH, and skips what restarts servers or asks for settings at their start

floor.toml records per file how many tests passed, failed and were not reached (of those that the real Redis 7.0
reaches: `reference`), and names each known failure with its reason. A run fails when fewer pass than recorded or when a
test fails that is not known. `--raise` writes better counts down, and never worse ones; `--reference` writes down what
the given server reaches as the reference.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
FLOOR = HERE / "floor.toml"
# How often a file that falls short of its floor is run.
ATTEMPTS = 3
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "synap-tests"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the server program to test")
    parser.add_argument("--jobs", type=int, default=2, help="files at a time")
    parser.add_argument("--raise", dest="lift", action="store_true", help="write better counts to floor.toml")
    parser.add_argument("--known", action="store_true", help="with --raise: take new failures as known, with the reason seen")
    parser.add_argument("--reference", action="store_true", help="record what this server reaches as the reference")
    parser.add_argument("--verbose", action="store_true", help="print every failure in full")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    # Ended from outside, end what was started as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    floor = tomllib.loads(FLOOR.read_text())
    chosen = {name: floor["file"][name] for name in options.files or floor["file"]}
    suite = fetch(floor["suite"]["package"])
    server = str(pathlib.Path(shutil.which(options.server) or options.server).absolute())

    # The longest first, so that no core idles at the end.
    order = sorted(chosen, key=lambda name: -chosen[name].get("seconds", 0))
    faults, totals = [], collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {
            pool.submit(run_until_good, suite, server, slot, name, chosen[name], floor["suite"], options): name
            for slot, name in enumerate(order)
        }
        for done in concurrent.futures.as_completed(runs):
            name, record, seen = runs[done], chosen[runs[done]], done.result()
            if options.reference:
                record["reference"] = len(seen.passed)
                continue
            faults += judge(name, record, seen, options)
            totals += seen.counts(record)
    if options.lift or options.reference:
        write(floor)
    for fault in faults:
        print(f"FAULT {fault}")
    reached = totals["passed"] + totals["failed"]
    print(f"Tcl suite: {totals['passed']} of {reached} tests pass, {totals['unreached']} are not reached")
    # A failure that the floor knows is no fault of this run.
    known = totals["failed"] - sum(1 for fault in faults if fault.is_test)
    print(f"{totals['passed']} passed, {len(faults)} failed, {known} skipped as known failures")
    return 1 if faults else 0


class Fault(str):
    is_test = False


class Seen:
    """What one run of one file did."""

    def __init__(self):
        self.passed, self.failed, self.exceptions, self.seconds = [], {}, [], 0.0

    def counts(self, record):
        reached = len(self.passed) + len(self.failed)
        unreached = max(0, record.get("reference", 0) - reached)
        return collections.Counter(passed=len(self.passed), failed=len(self.failed), unreached=unreached)


def judge(name, record, seen, options):
    """Compares one file with its floor; the faults are returned, what got better is written into `record`."""
    counts, known, faults = seen.counts(record), record.setdefault("known", {}), []
    line = f"{name:28} {counts['passed']:4} passed {counts['failed']:3} failed {counts['unreached']:3} unreached"
    print(f"{line}  (floor {record['passed']}, reference {record.get('reference', '?')}, {seen.seconds:.0f} s)", flush=True)
    for test, detail in seen.failed.items():
        if options.verbose:
            print(f"    {test}\n        " + detail.replace("\n", "\n        "))
        if test not in known and options.lift and options.known:
            known[test] = reason(detail)
        if test not in known:
            fault = Fault(f"{name}: a test fails that is not known to: {test}: {detail.splitlines()[0] if detail else ''}")
            fault.is_test = True
            faults.append(fault)
    for text in seen.exceptions:
        print(f"    {name}: {text}")
    if counts["passed"] < record["passed"]:
        faults.append(Fault(f"{name}: {counts['passed']} tests pass, the floor is {record['passed']}"))
    better = [test for test in known if test not in seen.failed]
    if counts["passed"] > record["passed"] or better or options.lift:
        if options.lift:
            for test in better:
                del known[test]
            record.update(passed=max(counts["passed"], record["passed"]))
            record.update(failed=counts["failed"], unreached=counts["unreached"], seconds=round(seen.seconds))
        else:
            print(f"    {name}: better than the floor: raise it with compat-tests/tcl/run.py --server … --raise {name}")
    return faults


def reason(detail):
    """Why a test fails, as far as its report tells it."""
    lacking = re.search(r"unknown (?:sub)?command '([^']*)'", detail)
    if lacking:
        return f"Synap does not have {lacking[1].upper()}"
    return "differs: " + " ".join(re.sub(r"\(context:.*", "", detail).split())[:160]


def run_until_good(suite, server, slot, name, record, settings, options):
    """Runs a file, and again when it falls short of its floor: many of these tests race with the clock. The best counts."""
    best = None
    for _ in range(1 if options.lift or options.reference else ATTEMPTS):
        seen = run_file(suite, server, slot, name, record, settings)
        if best is None or len(seen.passed) > len(best.passed):
            best = seen
        if len(seen.passed) >= record["passed"] and all(test in record.get("known", {}) for test in seen.failed):
            return seen
    return best


def run_file(suite, server, slot, name, record, settings):
    """Runs one file of the suite in a copy of it, against a server of its own."""
    seen, started = Seen(), time.monotonic()
    # The suite writes below itself, so every run has a tree of its own.
    with tempfile.TemporaryDirectory(prefix="synap-tcl-") as scratch:
        tree = pathlib.Path(scratch) / "suite"
        shutil.copytree(suite / "tests", tree / "tests")
        (tree / "src").mkdir()
        for tool in ["redis-cli", "redis-benchmark"]:
            (tree / "src" / tool).symlink_to(shutil.which(tool) or f"/usr/bin/{tool}")
        command = ["tclsh", "tests/test_helper.tcl", "--single", name, "--clients", "1", "--durable", "--dont-clean"]
        # Ports of its own, also beside another run of this program.
        base = 20000 + (os.getpid() * 37 + slot * 331) % 9000
        command += ["--baseport", str(base), "--portcount", "290"]
        command += ["--timeout", str(settings["stall_seconds"])]
        denied = settings["deny"] + record.get("deny", [])
        command += ["--tags", " ".join(f"-{tag}" for tag in denied)]
        for test in record.get("skip", {}):
            command += ["--skiptest", test]
        external = None
        try:
            if record.get("mode") == "external":
                external, port = start(server, tree, pathlib.Path(scratch))
                command += ["--host", "127.0.0.1", "--port", str(port)]
            else:
                wrap(server, tree)
            output = pathlib.Path(scratch) / "output"
            with output.open("wb") as sink:
                suite_run = subprocess.Popen(
                    command, cwd=tree, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                    env={**os.environ, "TERM": "dumb"}, start_new_session=True,
                )
                try:
                    suite_run.wait(record.get("limit_seconds", settings["limit_seconds"]))
                except subprocess.TimeoutExpired:
                    seen.exceptions.append("stopped at its time limit")
                finally:
                    end_session(suite_run)
            parse(output.read_text(errors="replace"), seen)
            if external and external.poll() is not None:
                log = (pathlib.Path(scratch) / "log").read_text(errors="replace").splitlines()[-8:]
                seen.exceptions.append("the server ended:\n        " + "\n        ".join(log))
        finally:
            if external:
                external.kill()
                external.wait()
    seen.seconds = time.monotonic() - started
    return seen


def start(server, tree, scratch):
    """Starts the server with the settings of the suite's own configuration file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = scratch / "data"
    data.mkdir()
    own = re.compile(r"^(port|dir|save|pidfile|logfile|bind)\b")
    lines = [line for line in (tree / "tests/assets/default.conf").read_text().splitlines() if not own.match(line)]
    lines += [f"port {port}", f"dir {data}", 'save ""', "bind 127.0.0.1"]
    (scratch / "server.conf").write_text("\n".join(lines) + "\n")
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(
            [server, str(scratch / "server.conf")], cwd=data, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    for _ in range(400):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                probe.sendall(b"PING\r\n")
                if probe.recv(7):
                    return process, port
        except OSError:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    sys.exit(f"{server} does not start:\n" + (scratch / "log").read_text(errors="replace")[-2000:])


def wrap(server, tree):
    """Puts the server where the suite starts its own, and says its process id as the suite wants to read it."""
    script = tree / "src/redis-server"
    script.write_text(f'#!/bin/sh\necho " PID: $$"\nexec "{server}" "$@" 2>&1\n')
    script.chmod(0o755)


def end_session(process):
    """Ends the suite with all it started: they are one session, begun by this program."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def parse(text, seen):
    """Reads `[ok]: name (3 ms)`, `[err]: name in tests/…` and what the suite says when it gives up."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = text.split("\n                   The End\n")[0]
    marks = re.split(r"^\[(ok|err|exception|ignore|skip|testing|ready|TIMEOUT|\d+/\d+ done)\]: ?", text, flags=re.M)
    names = collections.Counter()
    for kind, body in zip(marks[1::2], marks[2::2]):
        if kind == "ok":
            seen.passed.append(re.sub(r" \(\d+ ms\)\s*$", "", body.strip().split("\nTesting ")[0]).splitlines()[0])
        elif kind == "err":
            name, found, detail = body.partition(" in tests/")
            name = name.strip().split("\n")[0] if found else "outside of a test: " + body.strip().split("\n")[0]
            names[name] += 1
            if names[name] > 1:
                name = f"{name} ({names[name]})"
            seen.failed[name] = detail.partition("\n")[2].strip() or body.strip()
        elif kind == "exception":
            seen.exceptions.append("the suite gave up: " + body.strip()[:400])
        elif kind == "TIMEOUT":
            seen.exceptions.append("the suite saw no progress: " + " ".join(body.split())[:300])


def fetch(package):
    """The unpacked source package, from the package source that this machine already trusts."""
    home = CACHE / "tcl-suite"
    ready = list(home.glob(f"{package}-*/tests/test_helper.tcl"))
    if ready:
        return ready[-1].parent.parent
    apt = CACHE / "apt"
    for part in ["lists/partial", "archives/partial", "parts"]:
        (apt / part).mkdir(parents=True, exist_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    (apt / "parts/source.sources").write_text(source_entries())
    options = [
        "-qq", "-oDir::Etc::sourcelist=/dev/null", f"-oDir::Etc::sourceparts={apt / 'parts'}",
        f"-oDir::State::lists={apt / 'lists'}", f"-oDir::Cache={apt}", "-oAPT::Sandbox::User=",
    ]
    subprocess.run(["apt-get", *options, "update"], check=True, stdout=sys.stderr)
    subprocess.run(
        ["apt-get", *options, "source", "--download-only", "--only-source", package], check=True, cwd=home, stdout=sys.stderr
    )
    archive = sorted(home.glob(f"{package}_*.orig.tar.*"))[-1]
    subprocess.run(["tar", "-xf", archive], check=True, cwd=home)
    return fetch(package)


def source_entries():
    """The machine's own entries of its release, asking for sources."""
    release = pathlib.Path("/etc/os-release").read_text()
    codename = re.search(r"^VERSION_CODENAME=(\S+)", release, re.M)[1]
    entries = []
    for path in sorted(pathlib.Path("/etc/apt").glob("sources.list.d/*.sources")):
        for entry in re.split(r"\n\s*\n", path.read_text()):
            if re.search(rf"^Suites:.*\b{codename}\b", entry, re.M) and re.search(r"^Components:.*\bmain\b", entry, re.M):
                entries.append(re.sub(r"^Types:.*", "Types: deb-src", entry, flags=re.M))
    for path in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt").glob("sources.list.d/*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            match = re.match(rf"deb(?:\s+\[(.*?)\])?\s+(\S+)\s+({codename}\S*)\s+main\b", line)
            if match:
                key = re.search(r"signed-by=(\S+)", match[1] or "")
                signed = f"\nSigned-By: {key[1]}" if key else ""
                entries.append(f"Types: deb-src\nURIs: {match[2]}\nSuites: {match[3]}\nComponents: main{signed}")
    if not entries:
        sys.exit("no package source of this release with a component 'main' is configured below /etc/apt")
    return "\n\n".join(entries) + "\n"


def write(floor):
    """Writes floor.toml again: the comment at its head, then every table."""
    head = re.match(r"(?:#.*\n|\n)*", FLOOR.read_text())[0]
    out = [head.rstrip(), "", "[suite]"] + [f"{key} = {json.dumps(value)}" for key, value in floor["suite"].items()]
    for name, record in floor["file"].items():
        out += ["", f"[file.{json.dumps(name)}]"]
        out += [f"{key} = {json.dumps(value)}" for key, value in record.items() if not isinstance(value, dict)]
        for table in [key for key, value in record.items() if isinstance(value, dict) and value]:
            out += ["", f"[file.{json.dumps(name)}.{table}]"]
            out += [f"{json.dumps(test, ensure_ascii=False)} = {json.dumps(why, ensure_ascii=False)}" for test, why in record[table].items()]
    FLOOR.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    sys.exit(main())
