#!/usr/bin/env python3
"""Runs the suites that client libraries bring along, against Synap.

usage: suites.py --server PROGRAM [--only NAME] [--tell]

suites.toml says which. A test that fails and is not known to fail is a failure, and so are fewer passes than its floor.
The source packages and a virtual environment each are kept below ${XDG_CACHE_HOME:-~/.cache}/synap-tests. `--tell` prints
the reports of pytest. The last line is `N passed, N failed, N skipped`.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "fuzz"))
from wire import Server  # noqa: E402

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "synap-tests"
# Seconds that one test, and one group of files, may take.
TEST_SECONDS, GROUP_SECONDS = 120, 1200
# How often what failed is run again.
AGAIN = 2


def unpack(name, suite):
    """The unpacked source package, and the interpreter that runs its tests."""
    home = CACHE / f"suite-{name}"
    stamp, wanted = home / ".installed", "\n".join([suite["package"], *suite["needs"], *map(str, suite.get("edits", []))])
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", home / "env"], check=True)
        pip = [home / "env/bin/python", "-m", "pip", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *suite["needs"]], check=True)
        # Of it alone the source: what builds it would be built from source as well, for many minutes.
        source = suite["package"].partition("==")[0]
        subprocess.run([*pip, "download", "--no-deps", "--no-binary", source, "-d", home, suite["package"]], check=True)
        for archive in home.glob("*.tar.gz"):
            subprocess.run(["tar", "-xf", archive, "-C", home], check=True)
            archive.unlink()
        for path, old, new in suite.get("edits", []):
            (file,) = home.glob(f"*/{path}")
            file.write_text(file.read_text().replace(old, new))
        stamp.write_text(wanted)
    return next(path for path in home.iterdir() if path.is_dir() and path.name != "env"), home / "env/bin/python"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--tell", action="store_true")
    options = parser.parse_args()
    sums = [0, 0, 0]
    for name, suite in tomllib.loads((HERE / "suites.toml").read_text()).items():
        if options.only in ("", name):
            sums = [one + two for one, two in zip(sums, run(name, suite, os.path.abspath(options.server), options.tell))]
    print("{} passed, {} failed, {} skipped".format(*sums))
    return 1 if sums[1] else 0


def ended(report, process, tell):
    """The report of a run, once that has ended."""
    try:
        process.wait(GROUP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with report:
        report.seek(0)
        text = report.read()
    if tell:
        print(text)
    return text


def failures(text):
    """The tests that failed, by a report."""
    return {re.sub(r"\[.*", "", one) for one in re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.M)}


def is_known(test, suite):
    return test.rpartition("/")[2] in suite["known"]


def run(name, suite, program, tell):
    source, python = unpack(name, suite)
    with tempfile.TemporaryDirectory(prefix="synap-suite-") as scratch:
        runs = []
        for nth, files in enumerate(suite["groups"]):
            server = Server(program, scratch, f"server{nth}", "--enable-debug-command", "yes")
            words = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", str(TEST_SECONDS), "-rfE", "--tb=short" if tell else "--tb=no",
                     "-o", "filterwarnings=ignore", *(word.format(port=server.port) for word in suite["options"])]
            environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}

            def begin(tests, words=words, environment=environment, path=os.path.join(scratch, f"report{nth}")):
                report = open(path, "w+")
                return report, subprocess.Popen([*words, *tests], cwd=source, env=environment, stdout=report, stderr=report)

            runs.append((server, begin, *begin(files)))
        passed = failed = skipped = 0
        for server, begin, report, process in runs:
            text = ended(report, process, tell)
            count = lambda what: int((re.search(rf"(\d+) {what}", text.rstrip().rpartition("\n")[2]) or [0, 0])[1])
            passed, skipped = passed + count("passed"), skipped + count("skipped")
            failing = failures(text)
            skipped += sum(is_known(one, suite) for one in failing)
            left = sorted(one for one in failing if not is_known(one, suite))
            # Many of these tests race with the clock, and one that fails may take the next along.
            tries = AGAIN if count("passed") else 0
            while left and tries:
                print(f"again {name}: {' '.join(left)}")
                tries, report = tries - 1, ended(*begin(left), tell)
                still = sorted(failures(report)) if " passed" in report else left
                passed, left = passed + len(left) - len(still), still
            failed += len(left)
            for one in left:
                print(f"FAIL  {name}: {one}")
            if not count("passed") or server.process.poll() is not None:
                failed += 1
                print(f"FAIL  {name}: a group did not come to its end\n{text[-600:]}\n{server.log_tail()}")
            server.stop()
    if passed < suite["passed"]:
        failed += 1
        print(f"FAIL  {name}: {passed} tests pass, {suite['passed']} did")
    print(f"{name}: {passed} pass, {skipped} are skipped or known to fail, {failed} fail")
    return passed, failed, skipped


if __name__ == "__main__":
    sys.exit(main())
