#!/usr/bin/env python3
"""Exchanges data with real servers, every type in every encoding, both ways, and compares it by content.

usage: run.py --server PROGRAM --migrate PROGRAM [--only NAME]

The others are the redis-server of the PATH, and the servers that SYNAP_ORACLE_8 and SYNAP_ORACLE_VALKEY name. Contents
are compared by DEBUG DIGEST-VALUE, which is the same on all of them, and expiries beside it.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import appended  # noqa: E402
from servers import Failure, Server, show  # noqa: E402

NOW_MS = int(time.time() * 1000)
LATER_MS = NOW_MS + 3_600_000


class Peer(Server):
    """A server that is ready; `name` says which, `link` is a connection to it."""

    def __init__(self, name, program, scratch, directory=None, *settings):
        directory = pathlib.Path(directory or tempfile.mkdtemp(dir=scratch))
        log = ("--appendonly", "yes") if name == "synap" else ()
        super().__init__(program, directory, "--save", "", *log, "--enable-debug-command", "yes", *settings)
        self.name, self.dir = name, directory
        self.link = self.start().wait()


def fill(call, fields_expire):
    """Every type in every encoding."""
    call("FLUSHALL")
    # Strings: integers of each width, short ones, ones that compress, ones that do not, long ones.
    for n in (0, 1, -1, 127, 128, -128, -129, 32767, 32768, -32769, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)):
        call("SET", f"int:{n}", n)
    for text in ("", " 1", "01", "+1", "-0", "hello", "a" * 44, "a" * 45, "ab" * 5000, "\x00\r\n", "x" * 300_000):
        call("SET", f"text:{text[:10]}:{len(text)}", text)
    call("SET", "noise", os.urandom(100_000))
    call("SET", b"\x00key \r\n\xff", "binary key")
    call("SET", "k" * 300, "long key")
    call("SET", "expires", "soon", "PXAT", LATER_MS)
    call("APPEND", "raw", "built")
    call("APPEND", "raw", " up")
    call("PFADD", "hll:sparse", *range(20))
    call("PFADD", "hll:dense", *range(3000))
    # Lists.
    odd = ["", "a", 0, -1, 127, 128, 4095, 4096, -4097, 2**15, 2**23, 2**31, 2**40, 2**63 - 1, "x" * 63, "x" * 64, "y" * 4095]
    call("RPUSH", "list:small", *odd)
    call("RPUSH", "list:one", "x")
    for n in range(0, 3000, 500):
        call("RPUSH", "list:large", *[f"element {i}" if i % 3 else i * 1000 for i in range(n, n + 500)])
    call("RPUSH", "list:wide", "a" * 9000, "b", "c" * 70_000, "d", 5)
    call("PEXPIREAT", "list:small", LATER_MS)
    # Sets.
    call("SADD", "set:ints16", *range(-5, 50))
    call("SADD", "set:ints32", 1, 2, 100_000)
    call("SADD", "set:ints64", 1, 2**40, -(2**50))
    call("SADD", "set:small", *odd)
    call("SADD", "set:was", "text", 1, 2)
    call("SREM", "set:was", "text")
    call("SADD", "set:many", *[f"member {i}" for i in range(2000)])
    call("SADD", "set:manyints", *range(2000))
    call("SADD", "set:long", "z" * 100, "short")
    # Sorted sets.
    scores = [0, 1, -1, 1.5, 0.1, 3.0e-5, 1e17, 2**53, -2.5e100, "inf", "-inf", 5e-324, 1e308]
    call("ZADD", "sorted:small", *[w for i, s in enumerate(scores) for w in (s, f"m{i}")])
    call("ZADD", "sorted:ints", *[w for i in range(20) for w in (i % 7, i)])
    call("ZADD", "sorted:many", *[w for i in range(1000) for w in (i * 0.37, f"member {i}")])
    call("ZADD", "sorted:long", 1, "z" * 100, 2, "short")
    call("GEOADD", "geo", 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")
    # Hashes.
    call("HSET", "hash:small", *[w for i, o in enumerate(odd) for w in (f"f{i}", o)])
    call("HSET", "hash:ints", *[w for i in range(50) for w in (i, i * i)])
    call("HSET", "hash:many", *[w for i in range(1000) for w in (f"field {i}", f"value {i}")])
    call("HSET", "hash:long", "field", "v" * 100)
    if fields_expire:
        call("HSET", "hash:expiring", *[w for i in range(9) for w in (f"f{i}", i)])
        call("HPEXPIREAT", "hash:expiring", LATER_MS + 5, "FIELDS", 2, "f3", "f4")
        call("HPEXPIREAT", "hash:expiring", LATER_MS, "FIELDS", 1, "f7")
        call("HSET", "hash:expiringmany", *[w for i in range(1000) for w in (f"field {i}", i)])
        for i in range(0, 1000, 10):
            call("HPEXPIREAT", "hash:expiringmany", LATER_MS + i * 1000, "FIELDS", 1, f"field {i}")
        call("HSET", "hash:persisted", "a", 1, "b", 2)
        call("HPEXPIREAT", "hash:persisted", LATER_MS, "FIELDS", 1, "a")
        call("HPERSIST", "hash:persisted", "FIELDS", 1, "a")
    # Streams.
    for i in range(350):
        call("XADD", "stream:many", f"{1000 + i // 3}-{i % 3}", "temperature", i, "place", f"p{i % 5}")
    call("XADD", "stream:mixed", "5-5", "a", 1)
    call("XADD", "stream:mixed", "5-6", "b", "x" * 5000, "c", "")
    call("XADD", "stream:mixed", "18446744073709551615-1", "a", 2)
    call("XADD", "stream:groups", "1-1", "a", 1)
    for i in range(2, 30):
        call("XADD", "stream:groups", f"{i}-1", "a", i)
    call("XDEL", "stream:groups", "3-1", "29-1")
    call("XGROUP", "CREATE", "stream:groups", "g1", "0")
    call("XGROUP", "CREATE", "stream:groups", "g2", "$")
    call("XGROUP", "CREATE", "stream:groups", "g3", "5-1", "ENTRIESREAD", 4)
    call("XREADGROUP", "GROUP", "g1", "ann", "COUNT", 7, "STREAMS", "stream:groups", ">")
    call("XREADGROUP", "GROUP", "g1", "bob", "COUNT", 3, "STREAMS", "stream:groups", ">")
    call("XACK", "stream:groups", "g1", "2-1")
    call("XGROUP", "CREATECONSUMER", "stream:groups", "g2", "idle")
    call("XGROUP", "CREATE", "stream:empty", "g", "$", "MKSTREAM")
    call("XADD", "stream:emptied", "7-7", "a", 1)
    call("XDEL", "stream:emptied", "7-7")


def contents(call):
    """What a server holds: for each key its type, encoding-independent digest, expiry and details that digests leave out."""
    found, cursor = {}, b"0"
    while True:
        cursor, keys = call("SCAN", cursor, "COUNT", 1000)
        for key in keys:
            kind = call("TYPE", key)
            details = []
            if kind == b"stream":
                info = call("XINFO", "STREAM", key, "FULL", "COUNT", 0)
                # Nodes of the index, and when a consumer was active (Redis 7.0 does not know it).
                details = strip(info, {b"radix-tree-keys", b"radix-tree-nodes", b"active-time"})
            elif kind == b"zset":
                # Redis 7.0 has other digits of scores in its digests.
                words = call("ZRANGE", key, 0, -1, "WITHSCORES")
                details = [[m, float(s)] for m, s in zip(words[::2], words[1::2])]
            elif kind == b"hash" and key.startswith(b"hash:exp"):
                fields = sorted(call("HKEYS", key))
                times = call.__self__.ask("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
                details = [call("HMGET", key, *fields), None if isinstance(times, Failure) else times]
            # Valkey has no times of fields in its digests.
            exact = kind != b"zset" and not key.startswith(b"hash:exp")
            digest = call("DEBUG", "DIGEST-VALUE", key) if exact else None
            # The same to half a minute: time passes while keys are handed over.
            expiry = round((call("PEXPIRETIME", key) - LATER_MS) / 60_000)
            found[key] = (kind, digest, expiry, details)
        if cursor == b"0":
            return found


def strip(info, names):
    """`info` without the pairs of these names, anywhere in it."""
    if not isinstance(info, list):
        return info
    out, at = [], 0
    while at < len(info):
        if isinstance(info[at], bytes) and info[at] in names:
            at += 2
        else:
            out.append(strip(info[at], names))
            at += 1
    return out


class Caller:
    """Calls that must not fail."""

    def __init__(self, link):
        self.link = link

    def ask(self, *words):
        return self.link.ask(*words)

    def call(self, *words):
        return self.link(*words)


def compare(left, right, but=()):
    """The differences between two contents."""
    faults = []
    for key in sorted(left.keys() | right.keys()):
        if key not in but and left.get(key) != right.get(key):
            faults.append(f"{show(key)}: {show(str(left.get(key)))[:300]} against {show(str(right.get(key)))[:300]}")
    return faults


def restore_each(source, target, unreadable=()):
    """Hands every key over by DUMP and RESTORE; the keys the target refuses must be those expected."""
    target.link("FLUSHALL")
    faults, refused = [], set()
    for key in contents(Caller(source.link).call):
        payload, ttl = source.link("DUMP", key), source.link("PTTL", key)
        reply = target.link.ask("RESTORE", key, max(ttl, 0), payload)
        if isinstance(reply, Failure):
            refused.add(key)
            if key not in unreadable:
                faults.append(f"RESTORE {show(key)}: {reply}")
    faults += [f"{show(key)} is taken, and should not be" for key in unreadable if key not in refused]
    left, right = contents(Caller(source.link).call), contents(Caller(target.link).call)
    faults += compare(left, right, unreadable)
    if "redis-8" in (source.name, target.name):
        left, right = source.link("DEBUG", "DIGEST"), target.link("DEBUG", "DIGEST")
        faults += [f"DEBUG DIGEST: {left} against {right}"] if left != right else []
    return faults


class Suite:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.passed = self.failed = 0
        self.servers = []

    def check(self, name, faults):
        if faults:
            self.failed += 1
            print(f"FAULT {name}")
            for fault in faults[:12]:
                print(f"    {fault}")
        else:
            self.passed += 1
            print(f"ok    {name}")

    def run(self, name, test, *arguments):
        if self.options.only and self.options.only not in name:
            return
        try:
            self.check(name, test(*arguments))
        except (Failure, OSError, subprocess.SubprocessError) as error:
            logs = [f"{server.name}: {line}" for server in self.servers if server.name in name for line in server.tail().splitlines()[-5:]]
            self.check(name, [f"{type(error).__name__}: {error}", *logs])


def payloads(suite, synap, other):
    """DUMP and RESTORE between Synap and another server."""
    fields = b"hpexpireat" in [other.link("COMMAND", "INFO", "HPEXPIREAT")[0][0]] if other.link("COMMAND", "INFO", "HPEXPIREAT")[0] else False
    fill(synap.link, True)
    # They are of Redis 8's version, which other servers refuse; what MIGRATE sends is of one that they read.
    unreadable = [] if other.name == "redis-8" else list(contents(Caller(synap.link).call))
    suite.run(f"{other.name}: restores the payloads of Synap", restore_each, synap, other, unreadable)
    suite.run(f"{other.name}: Synap migrates keys to it", migrate, synap, other)
    if other.name != "valkey":
        suite.run(f"{other.name}: it migrates keys to Synap", migrate, other, synap)
    fill(other.link, fields)
    suite.run(f"{other.name}: its payloads are restored by Synap", restore_each, other, synap)


def migrate(source, target):
    """MIGRATE in each of its ways, from one server to another."""
    source.link("FLUSHALL"), target.link("FLUSHALL")
    ask, port = source.link.ask, target.port
    target.link("CONFIG", "SET", "requirepass", "secret")
    target.link("AUTH", "secret")
    faults = []

    def expect(reply, wanted, *words):
        got = ask(*words)
        text = str(got) if isinstance(got, Failure) else got
        if not (text == wanted if isinstance(wanted, bytes) else str(wanted) in str(text)):
            faults.append(f"{' '.join(show(w) for w in words)}: {text!r}, not {wanted!r}")
        if reply != (source.link("DBSIZE"), target.link("DBSIZE")):
            faults.append(f"{' '.join(show(w) for w in words)}: {(source.link('DBSIZE'), target.link('DBSIZE'))} keys, not {reply}")

    source.link("MSET", "a", 1, "b", 2, "c", 3)
    source.link("SET", "d", 4, "PXAT", LATER_MS)
    expect((4, 0), "NOAUTH", "MIGRATE", "127.0.0.1", port, "a", 0, 5000)
    expect((4, 0), "WRONGPASS", "MIGRATE", "127.0.0.1", port, "a", 0, 5000, "AUTH", "wrong")
    expect((3, 1), b"OK", "MIGRATE", "127.0.0.1", port, "a", 0, 5000, "AUTH", "secret")
    expect((3, 2), b"OK", "MIGRATE", "127.0.0.1", port, "d", 0, 5000, "COPY", "AUTH2", "default", "secret")
    source.link("SET", "a", "newer")
    expect((4, 2), "BUSYKEY", "MIGRATE", "127.0.0.1", port, "a", 0, 5000, "AUTH", "secret")
    expect((1, 4), b"OK", "MIGRATE", "127.0.0.1", port, "", 0, 5000, "REPLACE", "AUTH", "secret", "KEYS", "a", "b", "c", "none")
    expect((1, 4), "out of range", "MIGRATE", "127.0.0.1", port, "d", 99, 5000, "AUTH", "secret")
    if target.link("MGET", "a", "b", "c", "d") != [b"newer", b"2", b"3", b"4"] or target.link("PTTL", "d") < 1_000_000:
        faults.append("the target has other values")
    # Many keys at once, all types.
    target.link("FLUSHALL")
    fill(source.link, False)
    before, keys = contents(Caller(source.link).call), source.link("KEYS", "*")
    left = [b"set:was", b"stream:groups"] if target.name == "redis-7.0" else []
    keys = [key for key in keys if key not in left]
    expect((len(left), len(keys)), b"OK", "MIGRATE", "127.0.0.1", port, "", 0, 20000, "AUTH", "secret", "KEYS", *keys)
    faults += compare(before, contents(Caller(target.link).call), left)
    target.link("CONFIG", "SET", "requirepass", "")
    return faults


def tool(options, *words, code=0):
    """Runs synap-migrate; returns what it writes."""
    done = subprocess.run([options.migrate, *words], capture_output=True, text=True, timeout=120)
    if done.returncode != code:
        raise Failure(f"{' '.join(words)}: exit code {done.returncode}, not {code}: {done.stderr[-300:]}")
    return done.stdout + done.stderr


def url(server):
    return f"redis://127.0.0.1:{server.port}"


def differences(left, right, but=()):
    """As `compare`, between two servers."""
    return compare(contents(Caller(left.link).call), contents(Caller(right.link).call), but)


def import_file(suite, source, synap):
    """What the other server saved is imported, from each of its files."""
    faults = []
    source.link("SAVE")
    for path in ("dump.rdb", "."):
        synap.link("FLUSHALL")
        tool(suite.options, "import", "--from", str(source.dir / path), "--to", url(synap))
        faults += differences(source, synap)
    report = tool(suite.options, "verify", str(source.dir / "dump.rdb"))
    faults += [] if "whole" in report else [report]
    return faults


def import_appended(suite, source, synap):
    """Base and increments of an append-only directory, whole and with a torn end."""
    source.link("CONFIG", "SET", "appendonly", "yes")
    until = time.monotonic() + 60
    while b"aof_rewrite_in_progress:0" not in source.link("INFO", "persistence"):
        if time.monotonic() > until:
            raise Failure("the append-only file is not rewritten in time")
        time.sleep(0.02)
    for i in range(50):
        source.link("RPUSH", "appended", i)
    source.link("MULTI"), source.link("SET", "in", 1), source.link("INCR", "in"), source.link("EXEC")
    source.link("SELECT", 3), source.link("SET", "elsewhere", 1), source.link("SELECT", 0)
    synap.link("FLUSHALL")
    tool(suite.options, "import", "--from", str(source.dir), "--to", url(synap))
    faults = differences(source, synap)
    synap.link("SELECT", 3)
    faults += [] if synap.link("GET", "elsewhere") == b"1" else ["database 3 is not imported"]
    synap.link("SELECT", 0)
    # Torn in its last command.
    copy = pathlib.Path(tempfile.mkdtemp(dir=suite.scratch)) / "torn"
    shutil.copytree(source.dir, copy)
    torn = sorted((copy / "appendonlydir").glob("*.incr.aof"))[-1]
    torn.write_bytes(torn.read_bytes()[:-5])
    synap.link("FLUSHALL")
    report = tool(suite.options, "import", "--from", str(copy), "--to", url(synap))
    faults += differences(source, synap)
    faults += [] if "left out" in report else ["the torn end is not told"]
    tool(suite.options, "repair", str(torn))
    faults += [] if "repaired" in tool(suite.options, "repair", str(torn)) else ["a repaired file is not whole"]
    # Damaged in the middle.
    data = bytearray(torn.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4] = b"\0\0\0\0"
    torn.write_bytes(data)
    tool(suite.options, "verify", str(copy), code=3)
    source.link("CONFIG", "SET", "appendonly", "no")
    return faults


def late(suite, synap):
    """Commands that are imported after their time, or answer an error, into a running server."""
    synap.link("FLUSHALL")
    path = pathlib.Path(suite.scratch) / "late.aof"
    past = NOW_MS - 100_000
    calls = [("SELECT", 1), ("SET", "k", 5), ("PEXPIREAT", "k", past), ("LPUSH", "k", 1), ("INCR", "k"), ("PERSIST", "k")]
    path.write_bytes(b"".join(appended.call(*words) for words in calls))
    report = tool(suite.options, "import", "--from", str(path), "--to", url(synap))
    synap.link("SELECT", 1)
    found = synap.link("GET", "k"), synap.link("CONFIG", "GET", "import-mode")[1]
    synap.link("SELECT", 0)
    return [] if found == (b"6", b"no") and "1 commands were refused" in report else [f"{found}: {report}"]


def import_live(suite, source, synap, *settings):
    """By replication, with changes in the middle."""
    synap.link("FLUSHALL")
    if settings:
        source.link("CONFIG", "SET", *settings)
    process = subprocess.Popen(
        [suite.options.migrate, "import", "--from", url(source), "--to", url(synap), "--follow"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        for line in process.stderr:
            if "follow" in line:
                break
        source.link("SELECT", 2), source.link("SET", "later", 2), source.link("SELECT", 0)
        for i in range(200):
            source.link("RPUSH", "changes", i)
        source.link("MULTI"), source.link("INCR", "in"), source.link("DEL", "int:0"), source.link("EXEC")
        until = time.monotonic() + 60
        while synap.link("GET", "in") != source.link("GET", "in") and time.monotonic() < until:
            time.sleep(0.02)
        faults = differences(source, synap)
    finally:
        process.kill()
        process.wait()
    # Without --follow it ends by itself.
    tool(suite.options, "import", "--from", url(source), "--to", url(synap), "--replace")
    return faults + differences(source, synap)


def export_file(suite, synap, name, program, reader, but=()):
    """A server starts with what Synap exports, without the queues."""
    target = pathlib.Path(tempfile.mkdtemp(dir=suite.scratch))
    synap.link("QPUSH", "queue", "job")
    report = tool(suite.options, "export", "--from", url(synap), "--out", str(target / "dump.rdb"), "--for", reader)
    synap.link("DEL", "queue")
    faults = [] if "left out 1 key" in report else [report]
    other = Peer(name, program, suite.scratch, target)
    try:
        return faults + differences(synap, other, but)
    finally:
        other.kill()


def copies(suite, synap, name, program):
    """What redis-cli --rdb takes from Synap: a server starts with it. The functions alone, and what is refused."""
    fill(synap.link, True)
    synap.link("QPUSH", "queue", "job")
    synap.link("FUNCTION", "LOAD", "REPLACE", "#!lua name=copied\nredis.register_function('told', function() return 'told' end)")
    faults, target = [], pathlib.Path(tempfile.mkdtemp(dir=suite.scratch))
    cli = ["redis-cli", "-p", str(synap.port)]
    for words, path in ((["--rdb"], target / "dump.rdb"), (["--functions-rdb"], target / "functions.rdb")):
        done = subprocess.run([*cli, *words, str(path)], capture_output=True, text=True, timeout=60)
        faults += [] if done.returncode == 0 and "success" in done.stderr else [done.stderr[-300:]]
    counts = json.loads(tool(suite.options, "inspect", str(target / "functions.rdb"), "--json"))["files"][0]
    faults += [] if (counts["keys"], counts["libraries"]) == (0, 1) else [str(counts)]
    (target / "functions.rdb").unlink()
    done = subprocess.run([*cli, "SYNC"], capture_output=True, text=True, timeout=60)
    faults += [] if "no replicas yet" in done.stdout + done.stderr else [f"a replica is not refused: {done}"]
    left = [path.name for path in (synap.dir / "synapdata").iterdir() if path.name.startswith("transfer")]
    faults += [f"files are left: {left}"] if left else []
    synap.link("DEL", "queue")
    other = Peer(name, program, suite.scratch, target)
    try:
        faults += differences(synap, other)
        faults += [] if other.link("FCALL", "told", 0) == b"told" else ["the function is not there"]
    finally:
        other.kill()
        synap.link("FUNCTION", "FLUSH")
    return faults


def files(suite, synap, other, program):
    """Files and replication between Synap and another server."""
    name = other.name
    fields = name != "redis-7.0"
    fill(other.link, fields)
    suite.run(f"{name}: its RDB file is imported", import_file, suite, other, synap)
    suite.run(f"{name}: its append-only files are imported", import_appended, suite, other, synap)
    suite.run(f"{name}: Synap starts in its directory", drop_in, suite, other)
    if name == "redis-8":
        suite.run(f"{name}: starts with the same append-only files", appended.compare, suite.options.server, program, suite.scratch)
    suite.run(f"{name}: append-only commands after their time", late, suite, synap)
    suite.run(f"{name}: live import, diskless", import_live, suite, other, synap)
    suite.run(f"{name}: live import, from disk", import_live, suite, other, synap, "repl-diskless-sync", "no")
    fill(synap.link, False)
    suite.run(f"{name}: loads an export for Redis 7.0", export_file, suite, synap, name, program, "redis-7.0")
    if fields:
        fill(synap.link, True)
        reader = "redis-8" if name == "redis-8" else "valkey-9"
        suite.run(f"{name}: loads an export for {reader}", export_file, suite, synap, name, program, reader)
    if name == "redis-8":
        suite.run(f"{name}: starts with what redis-cli --rdb takes from Synap", copies, suite, synap, name, program)


def drop_in(suite, source):
    """Synap starts in a directory of the other server: with an RDB file, and with append-only files."""
    source.link("SAVE")
    faults = []
    for left in ("dump.rdb", "appendonlydir"):
        copy = pathlib.Path(tempfile.mkdtemp(dir=suite.scratch)) / "taken"
        copy.mkdir()
        if left == "dump.rdb":
            shutil.copy(source.dir / left, copy)
        else:
            shutil.copytree(source.dir / left, copy / left)
        # Killed and started again, it has everything from its own log, whatever becomes of the files.
        for start in ("imported", "from the log"):
            synap = Peer("synap", suite.options.server, suite.scratch, copy, "--appendonly", "yes")
            try:
                found = differences(source, synap)
                faults += [f"{left}, {start}: {fault}" for fault in found]
            finally:
                synap.kill()
            (copy / "dump.rdb").write_bytes(b"no RDB file")
        if suite.options.migrate:
            report = tool(suite.options, "verify", str(copy))
            faults += [] if "whole" in report else [report]
            faults += [] if "segments" in tool(suite.options, "inspect", str(copy), "--json") else ["no segments"]
            faults += [] if "nothing" in tool(suite.options, "repair", str(copy)) else ["a whole log is repaired"]
    # What cannot be read is no reason to start empty, not even at the second try.
    manifest = "appendonlydir/appendonly.aof.manifest"
    damaged = {
        "dump.rdb": (source.dir / "dump.rdb").read_bytes()[:-20],
        manifest: (source.dir / manifest).read_bytes() + b"\xff",
    }
    for name, data in [*damaged.items(), (manifest, b"")]:
        copy = pathlib.Path(tempfile.mkdtemp(dir=suite.scratch))
        (copy / name).parent.mkdir(exist_ok=True)
        for _ in range(2):
            (copy / name).write_bytes(data)
            try:
                Peer("synap", suite.options.server, suite.scratch, copy).kill()
                faults.append(f"a damaged {name} is ignored")
            except Failure as refused:
                told = pathlib.Path(name).name in str(refused) and "panicked" not in str(refused)
                faults += [] if told else [str(refused)]
    return faults + gone(suite, source)


def gone(suite, source):
    """An import that failed is forgotten when its files are gone: what is written then outlives files that come later."""
    copy = pathlib.Path(tempfile.mkdtemp(dir=suite.scratch))
    saved = (source.dir / "dump.rdb").read_bytes()
    faults = []
    for left in (saved[:-20], None, saved):
        (copy / "dump.rdb").unlink() if left is None else (copy / "dump.rdb").write_bytes(left)
        try:
            synap = Peer("synap", suite.options.server, suite.scratch, copy, "--appendfsync", "always")
        except Failure:
            continue
        if left is None:
            synap.link("SET", "written", "since")
        elif synap.link("GET", "written") != b"since" or synap.link("DBSIZE") != 1:
            faults.append("a file that came later takes the place of what was written since")
        synap.kill()
    return faults


def refusals(suite, synap):
    """What the tool does not do."""
    fill(synap.link, True)
    out = pathlib.Path(suite.scratch) / "refused.rdb"
    report = tool(suite.options, "export", "--from", url(synap), "--out", str(out), code=1)
    faults = [] if "--for redis-8" in report and not out.exists() else [report]
    tool(suite.options, "export", "--from", url(synap), "--out", str(out), "--for", "redis-8")
    report = tool(suite.options, "import", "--from", str(out), "--to", url(synap), code=1)
    faults += [] if "--replace" in report else [report]
    report = tool(suite.options, "inspect", str(out), "--json")
    faults += [] if json.loads(report)["files"][0]["keys"] == synap.link("DBSIZE") else [report]
    data = bytearray(out.read_bytes())
    data[len(data) // 2] ^= 1
    out.write_bytes(data)
    tool(suite.options, "verify", str(out), code=3)
    tool(suite.options, "import", code=2)
    return faults


def one_writer(suite):
    """A directory has one server that writes to it."""
    faults = []
    directory = pathlib.Path(tempfile.mkdtemp(dir=suite.scratch))
    unlogged = Peer("synap", suite.options.server, suite.scratch, directory, "--appendonly", "no")
    suite.servers.append(unlogged)
    suite.servers.append(Peer("synap", suite.options.server, suite.scratch, directory))
    for settings in ((), ("--appendonly", "no")):
        try:
            suite.servers.append(Peer("synap", suite.options.server, suite.scratch, directory, *settings))
            faults.append(f"two servers at once {settings}")
        except Failure as refused:
            faults += [] if "another server uses it" in str(refused) else [str(refused)]
    for words in (("SAVE",), ("CONFIG", "SET", "appendonly", "yes")):
        try:
            unlogged.link(*words)
            faults.append(f"{words} writes where another server does")
        except Failure:
            pass
    faults += [] if unlogged.link("PING") == b"PONG" else ["it does not go on"]
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the synap-server to test")
    parser.add_argument("--migrate", help="the synap-migrate to test")
    parser.add_argument("--only", help="run what has this in its name")
    options = parser.parse_args()
    options.server = str(pathlib.Path(options.server).absolute())
    others = {"redis-7.0": shutil.which("redis-server")}
    others["redis-8"] = os.environ.get("SYNAP_ORACLE_8")
    others["valkey"] = os.environ.get("SYNAP_ORACLE_VALKEY")
    with tempfile.TemporaryDirectory(prefix="synap-exchange-") as scratch:
        suite = Suite(options, scratch)
        try:
            synap = Peer("synap", options.server, scratch)
            suite.servers.append(synap)
            for name, program in others.items():
                if program:
                    other = Peer(name, program, scratch, None, "--repl-diskless-sync-delay", "0")
                    suite.servers.append(other)
                    payloads(suite, synap, other)
                    if options.migrate:
                        files(suite, synap, other, program)
            suite.run("one server a directory", one_writer, suite)
            if options.migrate:
                suite.run("what the tool refuses", refusals, suite, synap)
                suite.run("synap: starts with what redis-cli --rdb takes from it", copies, suite, synap, "synap", options.server)
        except (Failure, OSError) as error:
            suite.check("the servers", [str(error)])
        finally:
            for server in suite.servers:
                server.kill()
    print(f"{suite.passed} passed, {suite.failed} failed")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
