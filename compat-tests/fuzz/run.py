#!/usr/bin/env python3
"""Sends random commands, valid and not, to Synap and to a real Redis, and compares every reply.

usage: run.py --server PROGRAM [--oracle PROGRAM] [--commands N] [--seed N] [--only NAME,NAME]

What a command takes is read from the oracle's COMMAND DOCS; arguments are drawn by their kind, with the numbers at the
edges of their range and with arguments that are missing, repeated or nonsense. After a difference both servers are
emptied, so that one fault shows once. Differences are told by class (the command and the shapes of both replies), each
with the commands that lead to it. The same seed sends the same commands.
"""

import argparse
import collections
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

GROUPS = {"string", "list", "set", "hash", "sorted-set", "sorted_set", "stream", "bitmap", "hyperloglog", "geo", "generic", "transactions"}

# What cannot be compared reply by reply, or is no matter of data.
LEFT_OUT = set("""randomkey srandmember spop hrandfield zrandmember migrate dump restore wait waitaof scan sscan hscan zscan
    object|freq object|idletime object|help object|refcount xgroup|help xinfo|help xinfo|consumers watch swapdb move
    pfdebug pfselftest restore-asking xautoclaim xclaim xpending sort_ro xinfo|stream touch""".split())

# Seconds after which a call counts as one that waits for ever.
PATIENCE = 3

# Replies without an order of their own.
UNORDERED = set("smembers sinter sunion sdiff hgetall hkeys hvals keys".split())

EDGES = ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616",
         "4294967296", "-2147483648", "", " 1", "1 ", "01", "+1", "-0", "0x10", "1e3", "1e400", "nan", "inf", "-inf", "1.5", "abc"]
SMALL = ["0", "1", "2", "3", "5", "-1", "-2", "-3", "10", "100"]
TEXTS = ["a", "b", "c", "d", "1", "2", "10", "-5", "3.0", "x" * 70, "\x00\xff", "hello world", ""]
SCORES = ["0", "1", "2", "-1", "2.5", "1e10", "inf", "-inf", "3.3333333333333335", "0.1"]

# Synap follows Redis 8; where the oracle is older, or both are right, a difference is none.
ALLOWED = [
    # (version of the oracle below which it holds or None, command, oracle's reply, Synap's reply: regular expressions, why)
    ((8, 0), r".*", r"embstr|raw|ziplist|quicklist|hashtable|intset|listpack|skiplist", r"embstr|raw|quicklist|hashtable|intset|listpack|listpackex|skiplist", "encodings changed since"),
    (None, r"lset", r"OK", r"ERR index out of range", "the least index, -2^63, wraps around in C"),
    ((7, 2), r"set", r".*", r".*", "the order of checks changed"),
    ((8, 0), r"b.*", r"ERR timeout is negative", r"ERR timeout is out of range", "an infinite timeout is told as such since"),
    ((8, 0), r"copy", r"ERR value is out of range.*", r"ERR value is not an integer or out of range", "the number of a database is read otherwise since"),
    ((8, 0), r"lrem", r".*", r"ERR value is out of range.*", "-2^63 is refused since"),
    ((8, 0), r"xread(group)?", r"ERR (Unbalanced|Invalid stream ID).*", r".*", "the last ID, '+', came in 7.4, and texts with it"),
    ((8, 0), r"z.*", r"[0-9.e+-]+", r"[0-9.e+-]+", "doubles are printed in as few digits as tell them apart since"),
    ((8, 0), r"z.*|geo.*", r".*", r"ERR (min or max is not a float|value is not a valid float)", "blanks and hexadecimals are no numbers since"),
    ((8, 0), r"z(rev)?rank", r"ERR wrong number of arguments.*", r".*", "WITHSCORE came in 7.2"),
    ((8, 0), r"b?z.*", r"\[.*[0-9]{16}.*", r"\[.*", "doubles are printed in as few digits as tell them apart since"),
    ((8, 0), r"bit(count|pos)", r".*", r"ERR (value is not an integer or out of range|syntax error)", "arguments are read before the key since"),
    ((8, 0), r"exec", r"\[.*", r"\[.*", "holds the replies of calls that differ as listed here"),
]


class Server:
    """A server started here, on a free loopback port, with one connection to it."""

    def __init__(self, program, scratch, name):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        data = os.path.join(scratch, name)
        os.mkdir(data)
        self.log = open(os.path.join(data, "log"), "wb+")
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", data]
        self.process = subprocess.Popen([program, *arguments], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        for _ in range(400):
            try:
                self.connect()
                if self.call("PING") == ("+", b"PONG"):
                    return
            except OSError:
                time.sleep(0.05)
        self.stop()
        sys.exit(f"{program} does not start")

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.file = self.socket.makefile("rb")

    def call(self, *words):
        words = [word.encode("latin1") for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        try:
            return self.read()
        except TimeoutError:
            # It waits, perhaps for ever: the wait ends with its connection.
            self.connect()
            return ("waits",)

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = chr(line[0]), line[1:-2]
        if kind in "$=":
            length = int(rest)
            return ("nil",) if length < 0 else (kind, self.file.read(length + 2)[:-2])
        if kind in "*~%>":
            length = int(rest) * (2 if kind == "%" else 1)
            return ("nil*",) if length < 0 else (kind, [self.read() for _ in range(length)])
        return ("nil",) if kind == "_" else (kind, rest)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def log_tail(self):
        self.log.seek(0)
        return b"\n".join(self.log.read().splitlines()[-6:]).decode(errors="replace")


class Generator:
    """Draws calls from what COMMAND DOCS tells of the arguments."""

    def __init__(self, docs, dice):
        self.docs, self.dice = docs, dice
        self.names = sorted(docs)

    def call(self, name):
        doc = self.docs[name]
        self.group = doc["group"]
        self.name = name
        self.numkeys = None
        words = []
        for argument in doc["arguments"]:
            self.argument(argument, words)
        if self.dice.random() < 0.08:
            self.spoil(words)
        return [*name.upper().split("|"), *words]

    def argument(self, argument, words):
        flags = argument.get("flags", [])
        if "optional" in flags and self.dice.random() > 0.35:
            return
        times = self.dice.choice([1, 1, 2, 3]) if "multiple" in flags else 1
        if argument["type"] == "key" and self.numkeys is not None:
            times, self.numkeys = self.numkeys, None
        for nth in range(times):
            if argument.get("token") is not None and argument["type"] != "pure-token" and (nth == 0 or "multiple_token" in flags):
                words.append(argument["token"] or '""')
            self.value(argument, words)

    def value(self, argument, words):
        kind, name, dice = argument["type"], argument["name"], self.dice
        if kind == "pure-token":
            words.append(argument.get("token", name))
        elif kind == "oneof":
            choices = [one for one in argument["arguments"] if one.get("token") != "*"] or argument["arguments"]
            one = dice.choice(choices)
            self.argument({**one, "flags": [f for f in one.get("flags", []) if f != "optional"]}, words)
        elif kind == "block":
            for inner in argument["arguments"]:
                self.argument(inner, words)
        elif kind == "key":
            prefix = {"list": "l", "set": "s", "hash": "h", "sorted-set": "z", "sorted_set": "z", "stream": "x", "hyperloglog": "p", "geo": "g"}.get(self.group, "k")
            if self.group in ("generic", "transactions") or dice.random() < 0.08:
                prefix = dice.choice("klshzxpg")
            words.append(f"{prefix}{dice.randrange(3)}")
        elif name == "numkeys":
            self.numkeys = dice.choice([1, 1, 2, 3])
            words.append(str(self.numkeys) if dice.random() < 0.93 else dice.choice(EDGES + SMALL))
        elif name == "timeout" or (name == "milliseconds" and self.group == "stream"):
            words.append(dice.choice(["0.001", "0.01", "-1", "abc", "1e400", "nan"]) if kind == "double" else "1")
        elif name in ("seconds", "milliseconds", "unix-time-seconds", "unix-time-milliseconds", "timestamp", "px", "ex") or kind == "unix-time":
            # Far off or in the past, so that no reply hangs on when it is asked for.
            words.append(dice.choice(["100000000", "4102444800000", "0", "-1"] if dice.random() < 0.9 else EDGES))
        elif name in ("id", "lastid", "start", "end", "id_", "threshold") and self.group == "stream":
            words.append(dice.choice(["1-1", "2-0", "3-3", "5", "-", "+", "0", "0-0", "10-*", "(1-1", "$", ">", "abc", "18446744073709551615-18446744073709551615"]))
        elif kind == "integer":
            edges = [edge for edge in EDGES if not (edge == "4294967296" and name == "offset")]
            words.append(dice.choice(edges) if dice.random() < 0.12 else dice.choice(SMALL))
        elif kind == "double":
            words.append(dice.choice(EDGES) if dice.random() < 0.12 else dice.choice(SCORES))
        elif kind == "pattern":
            words.append(dice.choice(["*", "k*", "[a-z]?", "h[^1]", "nothing", "\\*", "[", "w_*", "*->f"]))
        elif name in ("min", "max", "start", "stop") and self.group in ("sorted-set", "sorted_set"):
            words.append(dice.choice(["0", "1", "-1", "(1", "-inf", "+inf", "[a", "(b", "-", "+", "[", "(", "nan", "5"]))
        elif name == "encoding":
            words.append(dice.choice(["u8", "i8", "i16", "u1", "u63", "i64", "u64", "i0", "u", "x8", "i65"]))
        else:
            words.append(dice.choice(TEXTS))

    def spoil(self, words):
        at = self.dice.randrange(len(words) + 1)
        how = self.dice.randrange(4)
        if how == 0 and words:
            del words[at - 1]
        elif how == 1 and words:
            words.insert(at, words[at - 1])
        elif how == 2 and words:
            words[at - 1] = self.dice.choice(EDGES)
        else:
            words.insert(at, self.dice.choice(["NX", "XX", "COUNT", "LIMIT", "WITHSCORES", "bogus", "GET", "-1", ""]))


def plain(reply):
    """A reply of COMMAND DOCS as dicts, lists and texts."""
    kind = reply[0]
    if kind == "%":
        items = iter(reply[1])
        return {plain(key): plain(value) for key, value in zip(items, items)}
    if kind in "*~":
        return [plain(item) for item in reply[1]]
    return reply[1].decode("latin1") if len(reply) > 1 else None


def read_docs(oracle, synap):
    """The arguments of every command that both servers have."""
    known = {plain(entry[1][0]) for entry in synap.call("COMMAND")[1]}
    docs = {}
    for name, doc in plain(oracle.call("COMMAND", "DOCS")).items():
        for one, text in {name: doc, **doc.get("subcommands", {})}.items():
            fits = text.get("group", "").replace(" ", "-") in GROUPS and name in known and one not in LEFT_OUT
            if fits and not (one == name and "subcommands" in doc):
                docs[one] = {"group": text["group"], "arguments": text.get("arguments", [])}
    return docs


def unordered(reply):
    return (reply[0], sorted(reply[1], key=repr)) if len(reply) > 1 and isinstance(reply[1], list) else reply


def same(name, words, left, right):
    if left == right:
        return True
    if name in UNORDERED:
        if left[0] == "%" == right[0]:
            pairs = lambda reply: (reply[0], sorted(zip(reply[1][::2], reply[1][1::2]), key=repr))
            return pairs(left) == pairs(right)
        return unordered(left) == unordered(right)
    if name == "exec" and left[0] == "*" == right[0]:
        return len(left[1]) == len(right[1]) and all(one == two or unordered(one) == unordered(two) for one, two in zip(left[1], right[1]))
    # Time passes between the two answers.
    if name in ("ttl", "pttl", "object") and left[0] == ":" == right[0]:
        return abs(int(left[1]) - int(right[1])) <= 1000
    return False


def shape(reply):
    """The class of a reply: errors by their text, other replies by their kind."""
    if reply[0] == "-":
        return "-" + re.sub(r"'[^']*'|\d+", "…", reply[1].decode("latin1"))
    if reply[0] in "*~%>":
        return f"{reply[0]}[{' '.join(sorted({shape(item) for item in reply[1]}))[:60]}]"
    return reply[0] + (reply[1].decode("latin1")[:24] if reply[0] == "+" else "")


def show(reply):
    if reply[0] in "*~%>":
        return reply[0] + "[" + " ".join(show(item) for item in reply[1]) + "]"
    return reply[0] + (repr(reply[1])[2:-1] if len(reply) > 1 else "")


def quote(words):
    return " ".join(word if re.fullmatch(r"[!-~]+", word) and '"' not in word else '"' + "".join(
        c if " " <= c <= "~" and c not in '"\\' else f"\\x{ord(c):02x}" for c in word) + '"' for word in words)


def reset(servers, protocol):
    for server in servers:
        server.call("RESET")
        if protocol == 3:
            server.call("HELLO", "3")
        server.call("FLUSHALL")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--oracle", default=os.environ.get("SYNAP_ORACLE_8") or "redis-server")
    parser.add_argument("--commands", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only these commands, by name, separated by commas")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    with tempfile.TemporaryDirectory(prefix="synap-fuzz-") as scratch:
        oracle = Server(options.oracle, scratch, "oracle")
        try:
            synap = Server(options.server, scratch, "synap")
            try:
                return compare(oracle, synap, options)
            finally:
                synap.stop()
        finally:
            oracle.stop()


def compare(oracle, synap, options):
    oracle.call("HELLO", "3")
    version = tuple(int(n) for n in re.search(rb"redis_version:(\d+)\.(\d+)", oracle.call("INFO", "server")[1]).groups())
    docs = read_docs(oracle, synap)
    if options.only:
        docs = {name: doc for name, doc in docs.items() if name in options.only.split(",")}
    dice = random.Random(options.seed)
    generator = Generator(docs, dice)
    classes, clean, told = {}, set(docs), collections.Counter()
    history, protocol = [], 3
    for nth in range(options.commands):
        if nth % 400 == 0:
            protocol = 5 - protocol
            reset((oracle, synap), protocol)
            history = []
        name = dice.choice(generator.names)
        words = generator.call(name)
        history.append(words)
        left = oracle.call(*words)
        try:
            right = synap.call(*words)
        except (ConnectionError, TimeoutError, OSError) as fault:
            right = ("-", f"NO REPLY: {fault}".encode())
        if left[0] == right[0] == "waits":
            reset((oracle, synap), protocol)
            continue
        # Members of different scores have no order by their bytes.
        if b"LEX" in " ".join([name.upper(), *words]).encode("latin1") and "-" not in (left[0], right[0]):
            continue
        # C ends a text at NUL where Redis quotes it in an error.
        if any("\0" in word for word in words) and left[0] == right[0] == "-" and left[1].split()[0] == right[1].split()[0]:
            continue
        if same(name.split("|")[0], words, left, right) or allowed(version, name, left, right):
            continue
        clean.discard(name)
        key = (name, shape(left), shape(right))
        told[key] += 1
        if key not in classes:
            keys = {word for word in words[1:] if re.fullmatch(r"[klshzxpg]\d", word)}
            before = [one for one in history[:-1] if keys & set(one) or one[0] in ("MULTI", "EXEC", "DISCARD", "FLUSHALL")]
            classes[key] = (protocol, before[-12:], words, left, right)
        if right[0] == "-" and right[1].startswith(b"NO REPLY"):
            if synap.process.poll() is not None:
                print(f"the server ended; its log:\n{synap.log_tail()}")
                break
            synap.connect()
        reset((oracle, synap), protocol)
        history = []
    for key, (protocol, before, words, left, right) in sorted(classes.items()):
        print(f"DIFFERENT {key[0]} ({told[key]} times, RESP{protocol})")
        for one in before:
            print(f"      {quote(one)[:200]}")
        print(f"    > {quote(words)[:400]}\n    redis  {show(left)[:400]}\n    synap  {show(right)[:400]}")
    print(f"{len(docs)} commands, {options.commands} calls, seed {options.seed}, oracle {version[0]}.{version[1]}")
    print(f"{len(clean)} passed, {len(classes)} failed, 0 skipped")
    return 1 if classes or not docs else 0


def allowed(version, name, left, right):
    return any(
        (below is None or version < below) and re.fullmatch(command, name)
        and re.fullmatch(one, show(left)[1:]) and re.fullmatch(two, show(right)[1:])
        for below, command, one, two, _ in ALLOWED
    )


if __name__ == "__main__":
    sys.exit(main())
