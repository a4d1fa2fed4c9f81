#!/usr/bin/env python3
"""Holds what the server says about its memory against what its allocator has given out, and looks for leaks.

usage: run.py --server PROGRAM [--seed N] [--rounds N]

Values of all types are made at random, from one seed. For each type, MEMORY USAGE of all keys and the tables' overhead that MEMORY
STATS tells are to add up to what `used_memory` grew by, within 5 %. Right behind calls, it is to tell what it tells once the
allocator was asked again. Rounds of random commands, each ended by FLUSHALL, are then to leave no more in use than the
rounds before. The last line is `N passed, N failed, N skipped`.
"""

import argparse
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from servers import Failure, Link, Server, fields  # noqa: E402

# Share of what a type's values take that may be accounted wrongly.
TOLERANCE = 0.05
# Bytes that rounds may leave in use: buffers that threads keep for the next call.
LEFT_MAX = 1 << 20
# Bytes that may be told wrongly right behind calls: much less than the 32 KiB of a slab.
HASTY_MAX = 12 << 10
HASTY_CALLS = 600
# Seconds after which the allocator is asked again.
HASTY_WAIT = 0.0015
# Bytes that the values of a type take at least, so that buffers do not count.
LOAD = 12 << 20
PIPELINE = 200


def pipe(link, calls):
    """Sends calls in pipelines; errors are raised."""
    for at in range(0, len(calls), PIPELINE):
        part = calls[at : at + PIPELINE]
        link.send(*part)
        for reply in [link.read() for _ in part]:
            if isinstance(reply, Failure):
                raise reply


def text(rng, low, high):
    return rng.randbytes(rng.randint(low, high)).replace(b"\0", b"x")


def member(rng):
    return rng.choice([lambda: b"%d" % rng.randrange(1 << 40), lambda: text(rng, 4, 40)])()


def size(rng):
    """Elements of a collection: mostly small, now and then large."""
    return rng.choice([1, 3, 5, 10, 20, 60, 100, 400, 2000] if rng.random() < 0.2 else [1, 3, 5, 10, 20])


def parts(words, each, per_call=200):
    """Words in calls of at most `per_call` groups of `each`."""
    step = per_call * each
    return [words[at : at + step] for at in range(0, len(words), step)]


def strings(rng, key):
    value = rng.choice(
        [
            lambda: b"%d" % rng.randrange(1 << 50),
            lambda: text(rng, 1, 100),
            lambda: text(rng, 100, 1200),
            lambda: text(rng, 3000, 30000),
        ]
    )()
    more = (b"EX", 100000) if rng.random() < 0.3 else ()
    return [(b"SET", key, value, *more)]


def lists(rng, key):
    words = [member(rng) for _ in range(size(rng))]
    return [(b"RPUSH", key, *part) for part in parts(words, 1)]


def sets(rng, key):
    number = rng.random() < 0.5
    words = [b"%d" % rng.randrange(1 << 30) if number else member(rng) for _ in range(size(rng))]
    return [(b"SADD", key, *part) for part in parts(words, 1)]


def hashes(rng, key):
    words = [word for _ in range(size(rng)) for word in (member(rng), text(rng, 1, 60))]
    calls = [(b"HSET", key, *part) for part in parts(words, 2)]
    if rng.random() < 0.2:
        calls.append((b"HEXPIRE", key, 100000, b"FIELDS", 1, words[0]))
    return calls


def sorted_sets(rng, key):
    words = [word for _ in range(size(rng)) for word in (b"%d" % rng.randrange(1 << 30), member(rng))]
    return [(b"ZADD", key, *part) for part in parts(words, 2)]


def streams(rng, key):
    calls = [(b"XADD", key, b"*", b"sensor", member(rng), b"value", text(rng, 1, 30)) for _ in range(size(rng))]
    if rng.random() < 0.3:
        calls += [(b"XGROUP", b"CREATE", key, b"group", 0)]
        calls += [(b"XREADGROUP", b"GROUP", b"group", b"consumer", b"COUNT", 20, b"STREAMS", key, b">")]
    return calls


def bits(rng, key):
    if rng.random() < 0.5:
        return [(b"PFADD", key, *(member(rng) for _ in range(size(rng))))]
    return [(b"SETBIT", key, rng.randrange(40000), 1)]


def queues(rng, key):
    return [(b"QPUSH", key, text(rng, 10, 2000)) for _ in range(rng.choice([1, 3, 10, 50]))]


TYPES = [strings, lists, sets, hashes, sorted_sets, streams, bits, queues]


def used(link):
    """`used_memory` once it stays: what is freed in the background is gone."""
    last = None
    for _ in range(50):
        now = int(link.info("memory")["used_memory"])
        if last is not None and abs(now - last) < 4096:
            return now
        last = now
        time.sleep(0.1)
    return last


def accounting(link, make, rng):
    """What the server says that values of one type take, over what they take."""
    link("FLUSHALL", "SYNC")
    before, keys = used(link), 0
    while int(link.info("memory")["used_memory"]) - before < LOAD:
        batch = [call for key in range(keys, keys + 100) for call in make(rng, b"%s:%d" % (make.__name__.encode(), key))]
        pipe(link, batch)
        keys += 100
    took = used(link) - before
    told = 0
    for at in range(0, keys, PIPELINE):
        calls = [(b"MEMORY", b"USAGE", b"%s:%d" % (make.__name__.encode(), key), b"SAMPLES", 0) for key in range(at, min(keys, at + PIPELINE))]
        link.send(*calls)
        told += sum(link.read() for _ in calls)
    stats = link("MEMORY", "STATS")
    stats = dict(zip(stats[::2], stats[1::2]))
    tables = stats[b"overhead.total"] - stats[b"startup.allocated"] - stats[b"clients.normal"]
    return told, tables, took, keys


def hasty(link, rng):
    """How many bytes what is told right behind calls is off by at most, but for one of them in a hundred."""
    off = []
    for number in range(HASTY_CALLS):
        make = rng.choice(TYPES)
        calls = make(rng, b"%s:hasty:%d" % (make.__name__.encode(), number % 100))
        # The first INFO asks the allocator, the last adds what was done since.
        link.send((b"INFO", b"memory"), *calls, (b"INFO", b"memory"))
        told = [link.read() for _ in range(len(calls) + 2)][-1]
        time.sleep(HASTY_WAIT)
        off.append(abs(int(fields(told)["used_memory"]) - int(link.info("memory")["used_memory"])))
    # Now and then something is done in the background meanwhile.
    return sorted(off)[-HASTY_CALLS // 100]


def round_of(link, rng):
    """Random values of all types, some of them changed, removed, expired, read by a script or in a transaction."""
    for number in range(2500):
        make = rng.choice(TYPES)
        key = b"%s:%d" % (make.__name__.encode(), rng.randrange(400))
        calls = make(rng, key)
        if rng.random() < 0.1:
            calls = [(b"MULTI",), *calls, (b"EXEC",)]
        link.send(*calls)
        [link.read() for _ in calls]
        other = rng.choice(
            [
                (b"DEL", key),
                (b"PEXPIRE", key, 1),
                (b"COPY", key, b"copy:" + key, b"REPLACE"),
                (b"RENAME", key, b"renamed:" + key),
                (b"EVAL", b"return redis.call('TYPE', KEYS[1])", 1, key),
                (b"EVAL", b"return %d" % number, 0),
                (b"DUMP", key),
                (b"OBJECT", b"ENCODING", key),
                (b"SORT", key, b"ALPHA"),
            ]
        )
        link.ask(*other)
    link("FLUSHALL", "SYNC")
    link("SCRIPT", "FLUSH", "SYNC")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--server", required=True)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--rounds", type=int, default=3)
    options = options.parse_args()
    print(f"seed {options.seed}")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        server = Server(options.server, directory, "--save", "", "--appendonly", "no").start()
        try:
            link = server.wait()
            for make in TYPES:
                told, tables, took, keys = accounting(link, make, random.Random(options.seed))
                off = (told + tables - took) / took
                ok = abs(off) <= TOLERANCE
                passed, failed = passed + ok, failed + (not ok)
                verdict = "ok" if ok else "FAILED"
                print(f"{verdict}: {keys} {make.__name__} take {took} bytes; told are {told} and {tables} of tables: {off:+.1%}")
            off = hasty(link, random.Random(options.seed))
            ok = off <= HASTY_MAX
            passed, failed = passed + ok, failed + (not ok)
            print(f"{'ok' if ok else 'FAILED'}: right behind calls the memory told is off by {off} bytes at most, but for one in 100")
            rng, left = random.Random(options.seed), []
            for _ in range(2 * options.rounds):
                round_of(link, rng)
                left.append(used(link))
            # The first half makes what stays: buffers, counters, the interpreter of scripts.
            early, late = max(left[: options.rounds]), min(left[options.rounds :])
            ok = late <= early + LEFT_MAX
            passed, failed = passed + ok, failed + (not ok)
            print(f"{'ok' if ok else 'FAILED'}: {options.rounds} rounds leave {early} bytes in use, as many again {late}")
        finally:
            server.kill()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
