#!/usr/bin/env python3
"""Runs the Tcl suites of Redis and Valkey against a server, file by file, and compares with the floors in floor/.

usage: run.py --server PROGRAM [--suite NAME ...] [--jobs N] [--raise] [--reference] [FILE ...]      FILE as unit/type/set

A suite is a file floor/NAME.toml: which of Debian's source packages it is (see sources.py), and what of it is reached.
It is fetched into a cache outside of the repository and stays as it is: nothing of it is patched. What is not to be had
is named and left out, but for what is `required`. Every file runs in one of two modes:

  spawned   (the usual one) the suite starts the servers itself, as src/redis-server, with the settings that its tests
            ask for
  external  the suite is given host and port of a server that was started for this file. It then begins every block with
            FUNCTION FLUSH, and skips what restarts servers or asks for settings at their start

A file with `own_tools` is about the command-line tools of its own version. They are taken from beside the server that the
environment variable `peer` of the suite names; without them the file is left out. All others have those of Redis 7.0.

A file with `tls` runs over TLS, spawned, with certificates that the suite's own script makes; it needs openssl and Tcl's tls.

A floor records per file how many tests passed, failed and were not reached (of those that the real server of that
version reaches: `reference`), names each known failure with its reason, and files that are left out with theirs. A test
whose failure takes those behind it along may be skipped, with a reason as well. A run fails when fewer pass than recorded
or when a test fails that is not known. `--raise` writes better counts down, and never worse ones; `--reference` writes
down what the given server reaches as the reference.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib

import sources

FLOORS = pathlib.Path(__file__).resolve().parent / "floor"
# How often a file that falls short of its floor is run.
ATTEMPTS = 3
# Servers of one run of one file listen on ports of this range.
PORTS = 300


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the server program to test")
    parser.add_argument("--suite", action="append", help="this suite alone, as redis-8.0; may be given again")
    parser.add_argument("--jobs", type=int, default=3, help="files at a time")
    parser.add_argument("--raise", dest="lift", action="store_true", help="write better counts to the floor")
    parser.add_argument("--known", action="store_true", help="with --raise: take new failures as known, with the reason seen")
    parser.add_argument("--reference", action="store_true", help="record what this server reaches as the reference")
    parser.add_argument("--verbose", action="store_true", help="print every failure in full")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    # Ended from outside, end what was started as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server = str(pathlib.Path(shutil.which(options.server) or options.server).absolute())
    floors, lacking = gather(options)

    # The longest first, so that no core idles at the end.
    order = [(floor, name) for floor in floors for name in floor.chosen]
    order.sort(key=lambda entry: -entry[0].files[entry[1]].get("seconds", 0))
    workers = queue.SimpleQueue()
    for worker in range(options.jobs):
        workers.put(20000 + (os.getpid() * options.jobs + worker) * PORTS % 9000)
    faults, totals = [], {floor.name: collections.Counter() for floor in floors}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {pool.submit(run_until_good, floor, server, workers, name, options): (floor, name) for floor, name in order}
        for done in concurrent.futures.as_completed(runs):
            (floor, name), seen = runs[done], done.result()
            if options.reference:
                floor.files[name]["reference"] = len(seen.passed)
                print(f"{floor.name} {name}: {len(seen.passed)} pass, {len(seen.failed)} fail, {seen.seconds:.0f} s", flush=True)
                continue
            faults += judge(floor, name, seen, options)
            totals[floor.name] += seen.counts(floor.files[name])
    if options.lift or options.reference:
        for floor in floors:
            floor.write()
    for fault in faults:
        print(f"FAULT {fault}")
    for name, total in totals.items():
        reached = total["passed"] + total["failed"]
        share = 100 * total["passed"] / max(1, reached + total["unreached"])
        print(f"{name}: {total['passed']} of {reached} tests pass, {total['unreached']} are not reached: {share:.1f} %")
    total = sum(totals.values(), collections.Counter())
    # A failure that the floor knows is no fault of this run.
    known = total["failed"] - sum(1 for fault in faults if fault.is_test)
    print(f"{total['passed']} passed, {len(faults)} failed, {known + lacking} skipped as known failures or suites not to be had")
    return 1 if faults else 0


def gather(options):
    """The floors of the suites that are to be had, and how many are not."""
    floors, lacking = [], 0
    paths = sorted(FLOORS.glob("*.toml"))
    unknown = set(options.suite or []) - {path.stem for path in paths}
    if unknown:
        sys.exit(f"no suite {', '.join(sorted(unknown))}: there are {', '.join(path.stem for path in paths)}")
    for path in paths:
        if options.suite and path.stem not in options.suite:
            continue
        floor = Floor(path, options.files)
        try:
            floor.tree = sources.fetch(floor.name, floor.suite)
        except sources.Missing as reason:
            if floor.suite.get("required"):
                sys.exit(f"the suite {floor.name} is not to be had: {reason}")
            print(f"SKIPPED the suite {floor.name} is not to be had: {reason}")
            lacking += 1
            continue
        for name, why in [*floor.deny.items(), *floor.left_out.items(), *floor.lacking.items()]:
            print(f"{floor.name} {name} is left out: {why}")
        floors.append(floor)
    return floors, lacking


class Floor:
    """One suite: where it comes from, and what of each of its files is reached."""

    def __init__(self, path, chosen):
        table = tomllib.loads(path.read_text())
        self.path, self.name, self.tree = path, path.stem, None
        self.suite, self.files = table["suite"], table["file"]
        # Tags and files that are not run, with the reason.
        self.deny, self.left_out = table["deny"], table["left_out"]
        # Some files are about the tools of their own version: without these, they tell nothing of the server.
        lacking = own_tool(self.suite, "cli") is None
        without = {name for name, record in self.files.items() if record.get("own_tools") and lacking}
        self.lacking = dict.fromkeys(without, f"its tools are found beside the server that {self.suite.get('peer')} names")
        self.chosen = [name for name in self.files if name not in without and (not chosen or name in chosen)]

    def write(self):
        """Writes the file again: the comment at its head, then every table."""
        head = re.match(r"(?:#.*\n|\n)*", self.path.read_text())[0]
        out = [head.rstrip(), "", "[suite]"] + [f"{key} = {json.dumps(value)}" for key, value in self.suite.items()]
        for table, entries in [("deny", self.deny), ("left_out", self.left_out)]:
            out += ["", f"[{table}]"] + [f"{text(name)} = {text(why)}" for name, why in entries.items()]
        for name, record in self.files.items():
            out += ["", f"[file.{json.dumps(name)}]"]
            out += [f"{key} = {json.dumps(value)}" for key, value in record.items() if not isinstance(value, dict)]
            for table in [key for key, value in record.items() if isinstance(value, dict) and value]:
                out += ["", f"[file.{json.dumps(name)}.{table}]"]
                out += [f"{text(test)} = {text(why)}" for test, why in record[table].items()]
        self.path.write_text("\n".join(out) + "\n")


def text(words):
    return json.dumps(words, ensure_ascii=False)


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


def judge(floor, name, seen, options):
    """Compares one file with its floor; the faults are returned, what got better is written into its record."""
    record = floor.files[name]
    counts, known, faults = seen.counts(record), record.setdefault("known", {}), []
    name = f"{floor.name} {name}"
    line = f"{name:38} {counts['passed']:4} passed {counts['failed']:3} failed {counts['unreached']:3} unreached"
    print(f"{line}  (floor {record.get('passed', 'none')}, reference {record.get('reference', '?')}, {seen.seconds:.0f} s)", flush=True)
    # A file whose floor nobody has recorded yet has nothing to fall short of.
    new = "passed" not in record
    floor_passed = record.get("passed", 0)
    for test, detail in seen.failed.items():
        if options.verbose:
            print(f"    {test}\n        " + detail.replace("\n", "\n        "))
        if test not in known and options.lift and options.known:
            known[test] = reason(detail)
        if test not in known and not new:
            fault = Fault(f"{name}: a test fails that is not known to: {test}: {detail.splitlines()[0] if detail else ''}")
            fault.is_test = True
            faults.append(fault)
    for exception in seen.exceptions:
        print(f"    {name}: {exception}")
    if counts["passed"] < floor_passed:
        faults.append(Fault(f"{name}: {counts['passed']} tests pass, the floor is {floor_passed}"))
    # What was not reached has not become better.
    reached = known if not counts["unreached"] else seen.passed
    better = [test for test in known if test in reached and test not in seen.failed]
    if counts["passed"] > floor_passed or better or options.lift:
        if options.lift and counts["passed"] >= floor_passed:
            for test in better:
                del known[test]
            record.update(passed=counts["passed"])
            record.update(failed=counts["failed"], unreached=counts["unreached"], seconds=round(seen.seconds))
        else:
            print(f"    {name}: better than the floor: raise it with compat-tests/tcl/run.py --server … --raise --suite {name}")
    return faults


def reason(detail):
    """Why a test fails, as far as its report tells it."""
    lacking = re.search(r"unknown (?:sub)?command '([^']*)'", detail)
    if lacking:
        return f"Synap does not have {lacking[1].upper()}"
    return "differs: " + " ".join(re.sub(r"\(context:.*", "", detail).split())[:160]


def run_until_good(floor, server, workers, name, options):
    """Runs a file, and again when it falls short of its floor: many of these tests race with the clock. The best counts."""
    best, record, base = None, floor.files[name], workers.get()
    try:
        for _ in range(1 if options.lift or options.reference else ATTEMPTS):
            seen = run_file(floor, server, base, name)
            if best is None or len(seen.passed) > len(best.passed):
                best = seen
            unknown = [test for test in seen.failed if test not in record.get("known", {})]
            if len(seen.passed) >= record.get("passed", 0) and not unknown:
                return seen
            # Told even where the next run is good: what fails by chance may be the server's fault.
            print(f"short {floor.name} {name}: {len(seen.passed)} passed, {[*unknown, *seen.exceptions]}", flush=True)
        return best
    finally:
        workers.put(base)


def run_file(floor, server, base, name):
    """Runs one file of the suite in a copy of it, against a server of its own, on ports from `base`."""
    record, settings = floor.files[name], floor.suite
    seen, started = Seen(), time.monotonic()
    # The suite writes below itself, so every run has a tree of its own.
    with tempfile.TemporaryDirectory(prefix="synap-tcl-") as scratch:
        tree = pathlib.Path(scratch) / "suite"
        shutil.copytree(floor.tree / "tests", tree / "tests")
        (tree / "src").mkdir()
        for tool in ["cli", "benchmark", "check-aof", "check-rdb"]:
            (tree / "src" / f"{settings['package']}-{tool}").symlink_to(tool_of(settings, tool))
        command = ["tclsh", "tests/test_helper.tcl", "--single", name, "--clients", "1", "--durable", "--dont-clean"]
        command += ["--baseport", str(base), "--portcount", str(PORTS - 10)]
        # A file with a time limit of its own has tests that take long.
        command += ["--timeout", str(record.get("limit_seconds", settings["stall_seconds"]))]
        denied = [*floor.deny, *record.get("deny", [])]
        command += ["--tags", " ".join(f"-{tag}" for tag in denied)]
        for test in record.get("skip", {}):
            command += ["--skiptest", test]
        # Valkey's suite asks for the program even where it starts none.
        wrap(server, tree / "src" / f"{settings['package']}-server")
        external = None
        try:
            if record.get("mode") == "external":
                external, port = start(server, tree, pathlib.Path(scratch))
                command += ["--host", "127.0.0.1", "--port", str(port)]
            if record.get("tls"):
                # Certificates of its own, made by the suite's own script.
                subprocess.run([floor.tree / "utils/gen-test-certs.sh"], cwd=tree, check=True, capture_output=True)
                command.append("--tls")
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


def tool_of(settings, tool):
    """A tool of the suite's own version, beside the server that the suite's `peer` names, or else that of Redis 7.0."""
    peer = own_tool(settings, tool)
    return peer or shutil.which(f"redis-{tool}") or f"/usr/bin/redis-{tool}"


def own_tool(settings, tool):
    """The tool of the suite's own version, if it is there."""
    server = os.environ.get(settings.get("peer", ""))
    found = [pathlib.Path(server).parent / name for name in [tool, f"{settings['package']}-{tool}"]] if server else []
    return next((program.absolute() for program in found if program.exists()), None)


def start(server, tree, scratch):
    """Starts the server with the settings of the suite's own configuration file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = scratch / "data"
    data.mkdir()
    own = re.compile(r"^(port|dir|save|pidfile|logfile|bind)\b")
    lines = [line for line in (tree / "tests/assets/default.conf").read_text().splitlines() if not own.match(line)]
    lines += [f"port {port}", f"dir {data}", 'save ""', "appendonly yes", "bind 127.0.0.1"]
    (scratch / "server.conf").write_text("\n".join(lines) + "\n")
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(
            [server, str(scratch / "server.conf")], cwd=data, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    for _ in range(1200):
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as probe:
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


def wrap(server, script):
    """Puts the server where the suite starts its own; what it says on stderr joins the log that the suite reads."""
    script.write_text(f'#!/bin/sh\nexec "{server}" "$@" 2>&1\n')
    script.chmod(0o755)


def end_session(process):
    """Ends the suite with all it started: they are one session, begun by this program."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def parse(output, seen):
    """Reads `[ok]: name (3 ms)`, `[err]: name in tests/…` and what the suite says when it gives up."""
    output = re.sub(r"\x1b\[[0-9;]*m", "", output)
    output = output.split("\n                   The End\n")[0]
    marks = re.split(r"^\[(ok|err|exception|ignore|skip|testing|ready|TIMEOUT|\d+/\d+ done)\]: ?", output, flags=re.M)
    names = collections.Counter()
    for kind, body in zip(marks[1::2], marks[2::2]):
        if kind == "ok":
            seen.passed.append(re.sub(r" \(\d+ ms\)\s*$", "", body.strip().split("\nTesting ")[0]).splitlines()[0])
        elif kind == "err":
            name, found, detail = body.partition(" in tests/")
            name = name.strip().split("\n")[0] if found else outside(body.strip().split("\n")[0])
            names[name] += 1
            if names[name] > 1:
                name = f"{name} ({names[name]})"
            seen.failed[name] = detail.partition("\n")[2].strip() or body.strip()
        elif kind == "exception":
            seen.exceptions.append("the suite gave up: " + body.strip()[:400])
        elif kind == "TIMEOUT":
            seen.exceptions.append("the suite saw no progress: " + " ".join(body.split())[:300])


def outside(words):
    """The name of a failure outside of a test: without paths, addresses and ports, which change from run to run."""
    return "outside of a test: " + re.sub(r"""(["'])[^"']*[/\d][^"']*\1""", r"\1…\1", words)


if __name__ == "__main__":
    sys.exit(main())
