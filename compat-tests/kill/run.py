#!/usr/bin/env python3
"""The kill loop: writers change values of all types and note what was acknowledged, the server is killed with SIGKILL
at random moments and at those it could be caught at (see MOMENTS), also while it recovers, started again, and compared.

    always      every acknowledged step is there
    everysec    no step is missing that was acknowledged longer ago than the interval; only a suffix is
    no          only a suffix is missing
    each mode   no transaction is torn, no key comes back that was deleted or had expired

A life in ten ends with SIGTERM instead: then nothing acknowledged is missing in any mode.

A writer works in steps. Step n changes one of its keys and sets its key `seq` to n, in a transaction or one call
behind the other. So `seq` tells after a restart how far it got, and everything else has to be what a model in Python
says after as many steps, or, behind a step that was no transaction, with the next step's change too.

usage: run.py --server PROGRAM [--kills N] [--seed N]
The last line is `N passed, N failed, 0 skipped`; a kill counts as one test, and so does that no kind of moment was missed.
"""

import argparse
import copy
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from servers import Gone, Link, Server  # noqa: E402

WRITERS = 4
# Milliseconds between two syncs in mode `everysec`, and what starting a write and a sync may take on top.
INTERVAL_MS = 50
SLACK_MS = 1500
DAY_MS = 86_400_000


# ---- what a step does: the calls, and the same on the model ----
# The model of a writer is a dict from key to a value: bytes, list, set, dict, ("zset", dict), ("stream", …), and
# "ttl" beside it from key to unix milliseconds.


class Model:
    def __init__(self):
        self.values = {}
        self.ttl = {}

    def drop(self, key):
        self.values.pop(key, None)
        self.ttl.pop(key, None)

    def settle(self, key):
        if key in self.values and not self.values[key]:
            self.drop(key)


def text(rng):
    # The long ones fill segments of 1 MiB.
    return bytes([rng.choice(b"abcdefgh")]) * rng.choice([1, 4, 40, 300, 300, 9000])


# Two writes of one script: both are there, or none.
SCRIPT = "redis.call('SET', KEYS[1], ARGV[1]) redis.call('SET', KEYS[2], ARGV[1])"


def step(rng, n, now_ms):
    """The calls of step `n`, and a function that does the same to a model."""
    member = b"m%d" % rng.randrange(12)
    value = text(rng)
    index = rng.randrange(200)

    def string(model, value, keep=False):
        model.values["str"] = value
        if not keep:
            model.ttl.pop("str", None)

    def of(model, key, empty):
        return model.values.setdefault(key, empty)

    def append(model):
        string(model, model.values.get("str", b"") + value, keep=True)

    def setrange(model):
        old = model.values.get("str", b"").ljust(index, b"\0")
        string(model, old[:index] + value + old[index + len(value):], keep=True)

    def lpop(model):
        if "list" in model.values:
            model.values["list"].pop(0)
            model.settle("list")

    def ltrim(model):
        if "list" in model.values:
            model.values["list"] = model.values["list"][-5:]

    def srem(model):
        if "set" in model.values:
            model.values["set"].discard(member)
            model.settle("set")

    def hdel(model):
        if "hash" in model.values:
            model.values["hash"].pop(member, None)
            model.settle("hash")

    def zincr(model):
        scores = of(model, "zset", {})
        scores[member] = scores.get(member, 0.0) + 1.5

    def zrem(model):
        if "zset" in model.values:
            model.values["zset"].pop(member, None)
            model.settle("zset")

    def incr(model):
        model.values["count"] = b"%d" % (int(model.values.get("count", b"0")) + 7)

    def rename(model):
        if "list" in model.values:
            model.drop("moved")
            model.values["moved"] = model.values.pop("list")
            if "list" in model.ttl:
                model.ttl["moved"] = model.ttl.pop("list")

    def copied(model):
        if "hash" in model.values:
            model.values["copy"] = dict(model.values["hash"])
            model.ttl.pop("copy", None)
            if "hash" in model.ttl:
                model.ttl["copy"] = model.ttl["hash"]

    def union(model):
        both = model.values.get("set", set()) | {b"x"}
        model.values["union"] = set(both)
        model.ttl.pop("union", None)

    def expire(model, key, at):
        if key in model.values:
            model.ttl[key] = at

    def xadd(model):
        of(model, "stream", []).append((b"%d-%d" % (now_ms, n), [b"f", value]))

    def xtrim(model):
        if "stream" in model.values:
            model.values["stream"] = model.values["stream"][-10:]

    def vrem(model):
        if "vectors" in model.values:
            model.values["vectors"].pop(member, None)
            model.settle("vectors")

    def vsetattr(model):
        if member in model.values.get("vectors", {}):
            model.values["vectors"][member] = value

    def setbit(model):
        bits = bytearray(model.values.get("bits", b"").ljust(index // 8 + 1, b"\0"))
        bits[index // 8] |= 0x80 >> (index % 8)
        model.values["bits"] = bytes(bits)

    def brief(model):
        model.values["brief"] = value
        model.ttl["brief"] = now_ms + 40

    def put(model, key, value):
        model.values[key] = value
        model.ttl.pop(key, None)

    def run(model, calls):
        for call in calls:
            call(model)

    at = now_ms + DAY_MS + index
    key = rng.choice(["str", "list", "set", "hash", "zset", "stream", "vectors", "moved", "copy"])
    return rng.choice([
        ([("SET", "str", value)], lambda m: string(m, value)),
        ([("APPEND", "str", value)], append),
        ([("SETRANGE", "str", index, value)], setrange),
        ([("INCRBY", "count", 7)], incr),
        ([("RPUSH", "list", value, member)], lambda m: of(m, "list", []).extend([value, member])),
        ([("LPUSH", "list", value)], lambda m: of(m, "list", []).insert(0, value)),
        ([("LPOP", "list")], lpop),
        ([("LTRIM", "list", -5, -1)], ltrim),
        ([("SADD", "set", member, value)], lambda m: of(m, "set", set()).update([member, value])),
        ([("SREM", "set", member)], srem),
        ([("SUNIONSTORE", "union", "set"), ("SADD", "union", "x")], union),
        ([("HSET", "hash", member, value)], lambda m: of(m, "hash", {}).update({member: value})),
        ([("HDEL", "hash", member)], hdel),
        ([("ZADD", "zset", index, member)], lambda m: of(m, "zset", {}).update({member: float(index)})),
        ([("ZINCRBY", "zset", "1.5", member)], zincr),
        ([("ZREM", "zset", member)], zrem),
        ([("XADD", "stream", f"{now_ms}-{n}", "f", value)], xadd),
        ([("XTRIM", "stream", "MAXLEN", "=", 10)], xtrim),
        (
            [("VADD", "vectors", "VALUES", 2, index + 1, 1, member, "SETATTR", value)],
            lambda m: of(m, "vectors", {}).update({member: value}),
        ),
        ([("VREM", "vectors", member)], vrem),
        ([("VSETATTR", "vectors", member, value)], vsetattr),
        ([("SETBIT", "bits", index, 1)], setbit),
        ([("RENAME", "list", "moved")], rename),
        ([("COPY", "hash", "copy", "REPLACE")], copied),
        ([("DEL", key)], lambda m: m.drop(key)),
        ([("PEXPIREAT", key, at)], lambda m: expire(m, key, at)),
        ([("PERSIST", key)], lambda m: m.ttl.pop(key, None)),
        ([("SET", "brief", value, "PXAT", now_ms + 40)], brief),
        (
            [("EVAL", SCRIPT, 2, "one", "two", value)],
            lambda m: run(m, [lambda m: put(m, "one", value), lambda m: put(m, "two", value)]),
        ),
        ([("MSET", "one", value, "two", value)], lambda m: run(m, [lambda m: put(m, "one", value), lambda m: put(m, "two", value)])),
    ])


READERS = {
    b"string": lambda link, key: link("GET", key),
    b"list": lambda link, key: link("LRANGE", key, 0, -1),
    b"set": lambda link, key: set(link("SMEMBERS", key)),
    b"hash": lambda link, key: pairs(link("HGETALL", key)),
    b"zset": lambda link, key: {m: float(s) for m, s in pairs(link("ZRANGE", key, 0, -1, "WITHSCORES")).items()},
    b"stream": lambda link, key: [(entry[0], entry[1]) for entry in link("XRANGE", key, "-", "+")],
    b"vectorset": lambda link, key: {member: link("VGETATTR", key, member) for member in link("VRANGE", key, "-", "+", -1)},
}
KEYS = ["str", "count", "list", "moved", "set", "union", "hash", "copy", "zset", "stream", "vectors", "bits", "brief", "one", "two"]
# A stream stays when its last entry is gone; the model has none then.


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


class Writer(threading.Thread):
    """One connection that works in steps until the server is gone."""

    def __init__(self, port, number, seed, model, first, durable):
        super().__init__(daemon=True)
        self.port, self.number, self.rng = port, number, random.Random(seed)
        self.base, self.first, self.durable = model, first, durable
        # Of each step: what it does to a model, whether it is a transaction, when it was sent and acknowledged.
        self.steps = []
        self.error = None

    def name(self, key):
        return f"w{self.number}:{key}"

    def run(self):
        try:
            self.work()
        except Gone:
            pass
        except Exception as error:  # told by the main thread
            self.error = error

    def work(self):
        link = Link(self.port)
        if self.durable:
            link("CLIENT", "DURABILITY", "ALWAYS")
        while True:
            batch = []
            for _ in range(self.rng.choice([1, 1, 4, 16])):
                n = self.first + len(self.steps) + 1
                calls, change = step(self.rng, n, int(time.time() * 1000))
                calls = [tuple(self.name(w) if w in KEYS and i > 0 else w for i, w in enumerate(call)) for call in calls]
                calls.append(("SET", self.name("seq"), n))
                atomic = self.rng.random() < 0.5
                if atomic or len(calls) > 2:
                    calls, atomic = [("MULTI",), *calls, ("EXEC",)], True
                self.steps.append([change, atomic, time.monotonic(), None])
                batch.append(calls)
            link.send(*[call for calls in batch for call in calls])
            first = len(self.steps) - len(batch)
            for at, calls in enumerate(batch):
                for _ in calls:
                    reply = link.read()
                self.steps[first + at][3] = time.monotonic()
                if isinstance(reply, RuntimeError):
                    raise reply

    # ---- after the restart ----

    def check(self, link, killed, mode, faults):
        """Compares what is there with the model; returns how many steps survived."""
        survived = int(link("GET", self.name("seq")) or 0) - self.first
        where = f"writer {self.number}"
        if not 0 <= survived <= len(self.steps):
            faults.append(f"{where}: step {survived + self.first} of {self.first}+{len(self.steps)}")
            return 0
        acked = sum(1 for step in self.steps if step[3] is not None)
        must = 0
        if mode == "always" or self.durable:
            must = acked
        elif mode == "everysec":
            must = sum(1 for s in self.steps if s[3] is not None and s[3] < killed - (INTERVAL_MS + SLACK_MS) / 1000)
        if survived < must:
            first, last = (killed - self.steps[at][3] for at in (survived, must - 1))
            why = "its connection waits for the disk" if self.durable else f"{first:.2f} to {last:.2f} s before the end"
            faults.append(f"{where}: {survived} steps are there, {must} were acknowledged and durable ({why})")
        asked_ms = time.time() * 1000
        found = self.fetch(link)
        fetched_ms = time.time() * 1000
        model = copy.deepcopy(self.base)
        for change, *_ in self.steps[:survived]:
            change(model)
        problem = self.compare(model, found, asked_ms, fetched_ms)
        if problem and survived < len(self.steps) and not self.steps[survived][1]:
            self.steps[survived][0](model)
            problem = self.compare(model, found, asked_ms, fetched_ms)
        if problem:
            faults.append(f"{where}, after {survived} of {len(self.steps)} steps: {problem}")
        self.base, self.first = found, survived + self.first
        return survived

    def fetch(self, link):
        found = Model()
        for key in KEYS:
            kind = link("TYPE", self.name(key))
            if kind == b"none":
                continue
            try:
                found.values[key] = READERS[kind](link, self.name(key))
            except RuntimeError:
                continue
            ttl = link("PEXPIRETIME", self.name(key))
            if ttl == -2:
                found.values.pop(key)
            elif ttl >= 0:
                found.ttl[key] = ttl
        return found

    def compare(self, model, found, asked_ms, fetched_ms):
        """What is wrong with `found`, which was fetched between these times."""
        for key in KEYS:
            want, have = model.values.get(key), found.values.get(key)
            if not want and not have:
                continue  # an empty stream is as good as none here
            due = model.ttl.get(key)
            if due is not None and due < fetched_ms + 1000:
                if have is not None and due < asked_ms - 1000:
                    return f"{key} has come back"
                continue
            if want != have:
                return f"{key} is {str(have)[:300]}, not {str(want)[:300]}"
            if model.ttl.get(key) != found.ttl.get(key):
                return f"{key} expires at {found.ttl.get(key)}, not {model.ttl.get(key)}"
        return None


# When a life ends.
#   chance      at a random moment
#   rotation    when the log goes on in another segment, or is about to
#   saving      in the middle of a snapshot that is saved slowly
#   compaction  when the log's snapshot gets its name, before or while what it covers is removed
#   term        by SIGTERM
MOMENTS = ["chance"] * 4 + ["rotation"] * 2 + ["saving", "compaction", "compaction", "term"]


def files(directory, *prefixes):
    """The names of the data files that begin so."""
    try:
        return sorted(name for name in os.listdir(directory / "synapdata") if name.startswith(prefixes))
    except FileNotFoundError:
        return []


def changed(directory, prefixes, seconds):
    """Waits until the names of these files change; whether they did."""
    before, end = files(directory, *prefixes), time.monotonic() + seconds
    while time.monotonic() < end:
        if files(directory, *prefixes) != before:
            return True
    return False


def meet(moment, link, directory, rng):
    """Waits for the moment a life ends at; whether it came."""
    time.sleep(rng.choice([0.01, 0.05, 0.2, 0.4]) * (0.5 + rng.random()))
    if moment == "rotation":
        return changed(directory, ("log-",), 2)
    if moment == "saving":
        link("CONFIG", "SET", "rdb-key-save-delay", rng.choice([100, 2000]))
        link.send(("BGSAVE",))
        return changed(directory, ("snapshot.part",), 3)
    if moment == "compaction":
        link("BGREWRITEAOF")
        if not changed(directory, ("snapshot-",), 5):
            return False
        return rng.random() < 0.5 or changed(directory, ("log-",), 0.5)
    return True


SETTINGS = ["--save", "", "--appendonly", "yes", "--persistence.wal.segment_size_mb", 1]
SETTINGS += ["--persistence.wal.fsync_interval_ms", INTERVAL_MS]


def suffix(lives):
    """What is wrong with the order across writers: a step that is there though one acknowledged before it is not."""
    for mine, survived in lives:
        lost = [s[3] for s in mine.steps[survived:] if s[3] is not None]
        if not lost:
            continue
        for other, kept in lives:
            # The last one's change may have come by a call before its `seq`.
            if kept and other.steps[kept - 1][2] > min(lost):
                return f"writer {other.number} has a step sent after one of writer {mine.number} was acknowledged that is lost"
    return None


class Lives:
    """The lives of one server, over data of its own that is removed at the end, or kept after a failure if so wanted."""

    FAILED_MAX = 5

    def __init__(self, description, kills):
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--server", required=True)
        parser.add_argument("--kills", type=int, default=kills)
        parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
        parser.add_argument("--keep", action="store_true", help="leaves the data of a failure where it is")
        self.options = parser.parse_args()
        print(f"seed {self.options.seed}", flush=True)
        self.rng = random.Random(self.options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="synap-kill-"))
        self.server = Server(self.options.server, self.directory, *SETTINGS)
        self.passed = self.failed = 0

    def judge(self, life, faults):
        """Counts a life; `False` once so many failed that more would tell nothing."""
        if not faults:
            self.passed += 1
            return True
        self.failed += 1
        print(f"FAIL {life}, seed {self.options.seed}:", *faults, sep="\n    ", flush=True)
        return self.failed < self.FAILED_MAX

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.server.kill()
        wrong = isinstance(error, RuntimeError)
        if wrong:
            self.failed += 1
            print(f"FAIL seed {self.options.seed}: {error}")
        if self.failed and self.options.keep:
            print(f"the data is in {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        return wrong

    def status(self):
        """Prints how many passed; the status to exit with."""
        print(f"{self.passed} passed, {self.failed} failed, 0 skipped")
        return 1 if self.failed else 0


def main():
    run = Lives(__doc__, kills=200)
    rng, server, directory = run.rng, run.server, run.directory
    models = [(Model(), 0) for _ in range(WRITERS)]
    steps = lost = 0
    met = {}
    started = time.monotonic()
    with run:
        mode = "always"
        server.start("--appendfsync", mode)
        link = server.wait()
        for kill in range(run.options.kills):
            durable = [mode != "always" and rng.random() < 0.3 for _ in range(WRITERS)]
            writers = [
                Writer(server.port, i, rng.random(), *models[i], durable[i]) for i in range(WRITERS)
            ]
            for writer in writers:
                writer.start()
            moment = rng.choice(MOMENTS)
            met[moment] = met.get(moment, 0) + meet(moment, link, directory, rng)
            killed = time.monotonic()
            if moment == "term":
                server.process.send_signal(signal.SIGTERM)
                server.process.wait(60)
            server.kill()
            link.close()
            for writer in writers:
                writer.join()
            faults = [f"writer {w.number}: {w.error}" for w in writers if w.error]
            if moment == "term" and server.process.returncode != 0:
                faults.append(f"SIGTERM ends in {server.process.returncode}:\n{server.tail()}")
            before = "always" if moment == "term" else mode
            mode = rng.choice(["always", "everysec", "everysec", "no"])
            while True:
                server.start("--appendfsync", mode)
                if rng.random() > 0.2:
                    break
                # Killed while it recovers, or begins a segment behind what it recovered.
                if rng.random() < 0.5:
                    time.sleep(rng.random() * 0.1)
                else:
                    changed(directory, ("log-",), 1)
                server.kill()
                met["recovery"] = met.get("recovery", 0) + 1
            link = server.wait()
            lives = [(writer, writer.check(link, killed, before, faults)) for writer in writers]
            wrong = suffix(lives)
            if wrong:
                faults.append(wrong)
            models = [(writer.base, writer.first) for writer in writers]
            steps += sum(survived for _, survived in lives)
            lost += sum(len(writer.steps) - survived for writer, survived in lives)
            if not run.judge(f"kill {kill}, {moment}, mode {before}", faults):
                break
    print(f"{steps} steps survived, {lost} were under way, {time.monotonic() - started:.0f} s")
    print("met:", ", ".join(f"{moment} {n}" for moment, n in sorted(met.items())))
    if run.options.kills >= 200 and not run.failed:
        missed = [moment for moment in {*MOMENTS, "recovery"} if not met.get(moment)]
        run.judge("all lives", [f"no life ended at {moment}" for moment in missed])
    return run.status()


if __name__ == "__main__":
    sys.exit(main())
