#!/usr/bin/env python3
"""Runs the tests that Redis' module of vector sets brings along, by redis-py.  usage: vector_sets.py SERVER_PROGRAM [SUITE]

They come with the Tcl suite of the same version (`../tcl/floor/SUITE.toml`): redis-8.0, unless it is said otherwise. Each is a
class with a method that asserts what it expects of a server. The last line is `N passed, N failed, N skipped`.
"""

import contextlib
import importlib
import inspect
import io
import pathlib
import signal
import sys
import tempfile
import tomllib

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "tcl"), str(TESTS / "fuzz")]
import sources  # noqa: E402
from wire import Server  # noqa: E402

# Seconds that a test may take: some add thousands of vectors, to a server that is not optimised perhaps.
SECONDS = 900
# Tests that fail, and why.
KNOWN = {
    "ComprehensiveReplicationTest": "there is no replication yet",
    "ThreadingConfigTest": "asks for a setting that came after Redis 8.0, about threads",
    "VSIMLimitEFSearch": "since Redis 8.2 a large EF is refused; here it costs no more than there are elements",
}
# Tests that pass at least.
FLOOR = {"redis-8.0": 24, "redis-8.6": 34}


def tests(tree):
    """The classes of tests, by the names of their files."""
    sys.path.insert(0, str(tree))
    for file in sorted((tree / "tests").glob("*.py")):
        module = importlib.import_module(f"tests.{file.stem}")
        for name, one in inspect.getmembers(module, inspect.isclass):
            if name != "TestCase" and hasattr(one, "test"):
                yield name, one


def expire(*_):
    raise TimeoutError(f"it took more than {SECONDS} seconds")


def main():
    program, suite = sys.argv[1], (sys.argv[2:] or ["redis-8.0"])[0]
    floor = tomllib.loads((TESTS / "tcl/floor" / f"{suite}.toml").read_text())
    tree = sources.fetch(suite, floor["suite"]) / "modules/vector-sets"
    signal.signal(signal.SIGALRM, expire)
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory(prefix="synap-vectors-") as scratch:
        server = Server(program, scratch, "vectors", "--enable-debug-command", "yes")
        for name, one in tests(tree):
            # Nobody listens where the replica should.
            test = one(primary_port=server.port, replica_port=1)
            signal.alarm(SECONDS)
            with contextlib.redirect_stdout(io.StringIO()):
                fine = test.run()
            signal.alarm(0)
            if fine:
                passed += 1
            elif name in KNOWN:
                skipped += 1
                print(f"known to fail: {name}: {KNOWN[name]}")
            else:
                failed += 1
                print(f"FAIL  {name}: {test.error_details or test.error_msg}")
        if server.process.poll() is not None:
            failed += 1
            print(f"FAIL  the server ended\n{server.log_tail()}")
        server.stop()
    if passed < FLOOR[suite]:
        failed += 1
        print(f"FAIL  {passed} tests pass, {FLOOR[suite]} did")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
