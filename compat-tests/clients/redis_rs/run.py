#!/usr/bin/env python3
"""Runs the tests of the crate `redis`, each of which starts servers of its own.  usage: run.py SERVER_PROGRAM

The crate's package is fetched by cargo and built below ${XDG_CACHE_HOME:-~/.cache}/synap-tests. Its tests run in RESP2 and in
RESP3, one after the other, as they look for panics of each other's threads. The last line is `N passed, N failed, N skipped`.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"), "synap-tests")
VERSION, HELPER = "1.8.1", "1.0.4"
FEATURES = "tokio-comp,connection-manager,cache-aio"
FILES = "basic acl auth streams script geospatial types cache bignum async".split()
# Tests that fail in one protocol at least, and why.
KNOWN = {
    "basic::test_pipeline_with_err": "there is no replication yet: SLAVEOF",
    "basic::test_pipeline_transaction_with_errors": "there is no replication yet: SLAVEOF",
    "basic_async::test_pipeline_with_ignore_errors": "there is no replication yet: SLAVEOF",
    "basic_async::test_pipeline_transaction_with_errors": "there is no replication yet: SLAVEOF",
}
# Tests that pass at least, of both protocols together.
FLOOR = 640


def built():
    """Fetches and builds the tests; returns their programs."""
    tree = CACHE / f"redis-rs-{VERSION}"
    if not tree.exists():
        with tempfile.TemporaryDirectory() as scratch:
            manifest = pathlib.Path(scratch, "Cargo.toml")
            manifest.write_text(
                f'[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2024"\n[lib]\npath = "lib.rs"\n'
                f'[dependencies]\nredis = "={VERSION}"\n'
            )
            pathlib.Path(scratch, "lib.rs").touch()
            told = subprocess.run(
                ["cargo", "metadata", "-q", "--format-version", "1", "--manifest-path", manifest],
                check=True, capture_output=True, text=True,
            ).stdout
            package = next(p for p in json.loads(told)["packages"] if p["name"] == "redis")
            shutil.copytree(pathlib.Path(package["manifest_path"]).parent, tree)
        with (tree / "Cargo.toml").open("a") as manifest:
            manifest.write(
                f'\n[dev-dependencies.redis-test]\nversion = "={HELPER}"\n'
                f'\n[dev-dependencies.test_macros]\npath = "{HERE / "macros"}"\n'
                '\n[patch.crates-io]\nredis = { path = "." }\n\n[workspace]\n'
            )
    command = ["cargo", "test", "-q", "--no-run", "--message-format", "json", "--features", FEATURES]
    for file in FILES:
        command += ["--test", f"test_{file}"]
    told = subprocess.run(
        command, cwd=tree, check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "CARGO_TARGET_DIR": str(CACHE / "redis-rs-target")},
    ).stdout
    artifacts = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return {a["target"]["name"]: a["executable"] for a in artifacts if a.get("executable")}


def main():
    server = str(pathlib.Path(sys.argv[1]).absolute())
    programs = built()
    passed = failed = skipped = 0
    for protocol in ("RESP2", "RESP3"):
        for name, program in sorted(programs.items()):
            with tempfile.TemporaryDirectory(prefix="synap-redis-rs-") as scratch:
                out = subprocess.run(
                    [program, "--test-threads", "1"], cwd=scratch, capture_output=True, text=True, timeout=600,
                    env={**os.environ, "REDISRS_SERVER_BIN": server, "PROTOCOL": protocol, "RUST_BACKTRACE": "0"},
                ).stdout
            for test, how in re.findall(r"^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED|ignored)", out, re.M):
                if how == "ok":
                    passed += 1
                elif how == "ignored":
                    skipped += 1
                    print(f"skip {protocol} {name} {test}: its authors leave it out")
                elif test in KNOWN:
                    skipped += 1
                    print(f"skip {protocol} {name} {test}: {KNOWN[test]}")
                else:
                    failed += 1
                    why = re.search(rf"---- {re.escape(test)} stdout ----\n(.*?)\n\n", out, re.S)
                    print(f"FAIL {protocol} {name} {test}", *(why[1] if why else "").splitlines()[:6], sep="\n    ")
    if passed < FLOOR:
        failed += 1
        print(f"FAIL {passed} tests pass, at least {FLOOR} did before")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
