#!/usr/bin/env python3
"""Server CPU of some 240 calls beside another server: finds what is dearer there than it need be.

usage: run.py --server PROGRAM --peer PROGRAM --driver PROGRAM [--only REGEX] [--pipeline N] [--rounds N] [--seconds S]

The calls are those of `calls.txt`, each over its own data. Per call and round both servers are emptied, filled and driven in
turns with valkey-benchmark, for about so many seconds; what counts is the processes' own time over the calls done, as a median
over the rounds. Calls that take more than 0.9 times what they take the peer are marked. On a busy machine a single row means
little: run it again with `--only` before believing it.
"""

import argparse
import pathlib
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "compat-tests"))
from servers import Server  # noqa: E402

CLIENTS = 32
# What the driver puts a random number in place of, and how large that is.
RANDOM, RANGE = "__rand_int__", 100_000
# Calls of the first look, which tells how many there are to be.
LOOK = 3_000
CALLS_MAX = 400_000
MARKED = 0.9


def numbered(prefix, n):
    """Texts with numbers as the driver writes them."""
    return [f"{prefix}{i:012}" for i in range(n)]


def pairs(keys, values):
    return [word for pair in zip(keys, values) for word in pair]


def words(prefix, first, count):
    return [f"{prefix}{i}" for i in range(first, first + count)]


def overlapping(command, count, weigh=lambda members: members):
    """Two collections that share half of their members."""
    return [(command, key, *weigh(words("x", first, count))) for key, first in (("a", 0), ("b", count // 2))]


def scored(members):
    return pairs(range(len(members)), members)


VALUE = "x" * 64
# What a call finds: the calls that make it.
DATA = {
    "nothing": [],
    "strings": [("SET", key, VALUE) for key in numbered("k:", RANGE)],
    "strings-1k": [("SET", key, "v") for key in numbered("k:", 1_000)],
    "value-1k": [("SET", "big", "v" * 1_000)],
    "value-10k": [("SET", "big", "v" * 10_000)],
    "value-100k": [("SET", "big", "v" * 100_000)],
    "texts": [("SET", "a", "abcdefghij" * 10), ("SET", "b", "bcdefghijk" * 10)],
    "bits": [("SETBIT", key, 8_000_000, 1) for key in ("a", "b")] + [("SETRANGE", "a", 5_000, "abcdefgh" * 100)],
    "list-100": [("RPUSH", "l", *words("element", 0, 100))],
    "list-10k": [("RPUSH", "l", *(f"e{i:06}" for i in range(10_000)))],
    "list-ints": [("RPUSH", "l", *(i * 7919 % 1009 for i in range(1_000)))],
    "list-by": [("RPUSH", "l", *range(50))] + [("HSET", f"h_{i}", "w", i * 31 % 50, "v", "x") for i in range(50)],
    "set-100": [("SADD", "s", *words("member", 0, 100))],
    "set-100k": [("SADD", "s", *numbered("m:", RANGE))],
    "sets-100": overlapping("SADD", 100),
    "sets-300": overlapping("SADD", 300),
    "sets-10k": overlapping("SADD", 10_000),
    "sets-ints": [("SADD", "a", *range(400)), ("SADD", "b", *range(200, 600))],
    "hash-100": [("HSET", "h", *pairs(words("field", 0, 100), words("value", 0, 100)))],
    "hash-1k": [("HSET", "h", *pairs(words("field", 0, 1_000), words("value", 0, 1_000)))],
    "hash-100k": [("HSET", "h", *pairs(numbered("f:", RANGE), [VALUE] * RANGE))],
    "hashes": [("HSET", key, *pairs(words("field", 0, 10), words("value", 0, 10))) for key in numbered("h:", 50_000)],
    "sorted-100": [("ZADD", "z", *scored(words("member", 0, 100)))],
    "sorted-10k": [("ZADD", "z", *pairs((f"{i * 0.731:.3f}" for i in range(10_000)), numbered("m:", 10_000)))],
    "sorted-lex": [("ZADD", "z", *pairs([0] * 10_000, (f"a{i:06}" for i in range(10_000))))],
    "sorted-100k": [("ZADD", "z", *pairs((i * 7919 % 100_003 for i in range(RANGE)), numbered("m:", RANGE)))],
    "sorted-300": overlapping("ZADD", 300, scored),
    "sorted-2x10k": overlapping("ZADD", 10_000, scored),
    "many-sorted": [("ZADD", key, *pairs(range(0, 30, 3), words("member", 0, 10))) for key in numbered("z:", 50_000)],
    "hyperlogs": [("PFADD", key, *range(first, first + 5_000)) for key, first in (("a", 0), ("b", 2_500))],
    "hyperlogs-sparse": [("PFADD", "a", *range(50)), ("PFADD", "b", *range(50, 100))],
    "places": [("GEOADD", "g", f"{i % 360 / 2 - 90:.5f}", f"{i // 360 * 2 - 30:.5f}", f"p{i}") for i in range(10_000)],
    "stream": [("XADD", "x", f"{i}-1", "f", f"v{i}", "g", "w") for i in range(1, 10_001)]
    + [("XGROUP", "CREATE", "x", "grp", "0"), ("XREADGROUP", "GROUP", "grp", "c", "COUNT", 1_000, "STREAMS", "x", ">")],
}


def calls():
    """The rows of `calls.txt`: the data, and the call's words, as the file says."""
    repeated = re.compile(r"\{(\d+):([^{}]*)\}")
    for line in (pathlib.Path(__file__).parent / "calls.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        data, call = line.split(None, 1)
        spread = repeated.sub(lambda part: " ".join([part[2]] * int(part[1])), call)
        spread = re.sub(r"<(\d+)>", lambda part: "x" * int(part[1]), spread).replace("%", RANDOM)
        yield call, DATA[data], shlex.split(spread)


def drive(options, server, call, count):
    """Microseconds of the server's CPU for each of `count` calls, and how many of them it did per second."""
    before = server.cpu_seconds()
    sizes = ["-n", count, "-c", CLIENTS, "-P", options.pipeline, "-r", RANGE]
    command = [options.driver, "-p", server.port, *sizes, "-q", "--", *call]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    rates = re.findall(r"([\d.]+) requests per second", done.stdout)
    if not rates or done.returncode:
        raise SystemExit(f"the driver failed: {done.stdout[-300:]} {done.stderr[-300:]}")
    return (server.cpu_seconds() - before) / count * 1e6, float(rates[-1])


def measure(options, servers, data, call):
    """Medians of what each server took."""
    count, found = None, [[] for _ in servers]
    for round_ in range(options.rounds):
        order = range(len(servers)) if round_ % 2 == 0 else reversed(range(len(servers)))
        for i in order:
            link = servers[i].reach()
            link("FLUSHALL", "SYNC")
            for first in range(0, len(data), 1_000):
                some = data[first : first + 1_000]
                link.send(*some)
                for _ in some:
                    link.read()
            if count is None:
                _, rate = drive(options, servers[i], call, LOOK)
                count = int(min(max(rate * options.seconds, LOOK), CALLS_MAX))
            found[i].append(drive(options, servers[i], call, count)[0])
    return [statistics.median(costs) for costs in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the synap-server to measure")
    parser.add_argument("--peer", required=True, help="the server to compare with, a valkey-server or redis-server")
    parser.add_argument("--driver", required=True, help="a valkey-benchmark")
    parser.add_argument("--only", default="", help="calls that this regular expression finds")
    parser.add_argument("--pipeline", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="synap-sweep-")
    plain = ["--save", "", "--appendonly", "no"]
    servers = []
    try:
        for name in ("server", "peer"):
            own = pathlib.Path(directory, name)
            own.mkdir()
            servers.append(Server(getattr(options, name), str(own), *plain))
            servers[-1].start().wait()
        print(f"{'call':50} {'µs':>9} {'peer µs':>9} {'ratio':>6}")
        for name, data, call in calls():
            if re.search(options.only, name):
                own, peer = measure(options, servers, data, call)
                ratio = own / peer if peer else float("nan")
                mark = "  <" if ratio > MARKED else ""
                print(f"{name[:50]:50} {own:9.2f} {peer:9.2f} {ratio:6.2f}{mark}", flush=True)
    finally:
        for server in servers:
            server.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
