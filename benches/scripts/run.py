#!/usr/bin/env python3
"""Whether scripts run beside each other: calls per second of one client, and of two whose keys are the same or others.

usage: run.py --server PROGRAM [--threads N] [--rounds N] [--loops N]

The script declares its key and computes for a while, so that its time is the server's own. The three are measured in turns;
figures are medians over the rounds. `--threads` is the setting `io-threads` of the server, `--loops` how long the script is.
"""

import argparse
import multiprocessing
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "compat-tests"))
from servers import Link, Server  # noqa: E402

SCRIPT = "local sum = 0 for i = 1, ARGV[1] do sum = sum + i % 7 end return redis.call('INCR', KEYS[1])"
# Neither these keys nor their shards are the same.
KEYS = {"one client": ["a"], "two, one key": ["a", "a"], "two, two keys": ["a", "b"]}
SECONDS = 2


def call(port, key, loops, counts):
    link, end, calls = Link(port), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        link("EVAL", SCRIPT, 1, key, loops)
        calls += 1
    counts.put(calls)


def rate(port, keys, loops):
    """Calls per second of one process for each key."""
    counts = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=call, args=(port, key, loops, counts)) for key in keys]
    for client in clients:
        client.start()
    calls = sum(counts.get(timeout=60) for _ in clients)
    for client in clients:
        client.join()
    return calls / SECONDS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the synap-server to measure")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loops", type=int, default=200_000)
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="synap-scripts-")
    server = Server(options.server, directory, "--save", "", "--appendonly", "no", "--io-threads", options.threads)
    server.start().wait()
    rates = {name: [] for name in KEYS}
    try:
        for _ in range(options.rounds):
            for name, keys in KEYS.items():
                rates[name].append(rate(server.port, keys, options.loops))
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, median in medians.items():
        print(f"{name:15} {median:8.0f} calls/s   {median / medians['one client']:.2f}")


if __name__ == "__main__":
    main()
