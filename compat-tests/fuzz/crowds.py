"""Steps in which several clients, or none of the usual requests, play a part: raw bytes, listeners, client-side caches, watched keys, statistics."""

import re
import socket
import time

from calls import KEYS, RANDOM
from judge import flat
from wire import Link

CHANNELS = ["c", "d", "cc", "", "\xff", "a*"]
PATTERNS = ["c*", "*", "[cd]", "d", "\\*", ""]
LISTENS = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"]
CACHES = [[], [], ["NOLOOP"], ["OPTIN"], ["OPTOUT"], ["BCAST"], ["BCAST", "PREFIX", "k"], ["BCAST", "PREFIX", "k", "PREFIX", "l"], ["BCAST", "PREFIX", "k", "PREFIX", "k0"], ["OPTIN", "NOLOOP"], ["PREFIX", "k"],
          ["REDIRECT", "{id:f}"], ["REDIRECT", "{id:f}", "BCAST"], ["REDIRECT", "{id:e}"], ["REDIRECT", "99999999"]]


class Crowds:
    """The steps; of a `Pair`, which has two sides with connections."""

    def raw(self, data, protocol):
        """Bytes on a connection of their own, which is then closed from here; all that comes back."""
        out = []
        for side in self.sides:
            link = Link(side.server.port)
            try:
                link.call("HELLO", str(protocol))
                link.socket.sendall(data)
                link.socket.shutdown(socket.SHUT_WR)
                got = b""
                while some := link.file.read1(1 << 16):
                    got += some
            except TimeoutError:
                got += b"(stays open)"
            except (ConnectionResetError, BrokenPipeError):
                got = b"(reset)"
            link.socket.close()
            out.append(got)
        if b"(reset)" not in out:
            # A class of difference by what the first of them says where they part.
            at = next((at for at, (one, two) in enumerate(zip(*out)) if one != two), min(map(len, out)))
            line = max(out, key=len)[:at + 40].rpartition(b"\n")[2] if out[0] != out[1] else b""
            if UNANSWERED.search(data) and out[1].startswith(out[0]):
                # Redis closes without, or waits with, what Synap tells.
                return
            self.judge("raw " + re.sub(r"\W.*|\d", "", line.decode("latin1")[:12]), ["(bytes)", data.decode("latin1")], *(("$", modules(one)) for one in out))

    def listens(self, protocols, turns):
        """Clients e and f, who listen and cache, and others who write: after each call all that e and f heard."""
        for name in "ab":
            # Those who act are not in a transaction.
            self.chunk(name, [("discard", ["DISCARD"])])
        for side in self.sides:
            side.crowd = {name: Link(side.server.port) for name in "ef"}
            side.idents = {}
            for name, protocol in zip("ef", protocols):
                side.crowd[name].call("HELLO", str(protocol))
                side.idents[name] = side.crowd[name].call("CLIENT", "ID")[1]
        try:
            for name, words in turns:
                heard = [hear(side, name, words) for side in self.sides]
                self.judge("listens:" + words[0].lower(), words, *(("$", one) for one in heard))
        finally:
            for side in self.sides:
                for link in side.crowd.values():
                    # So that nobody listens any more when the next step begins.
                    link.call("RESET")
                    link.socket.close()

    def watched(self, before, keys, between, called):
        """A transaction over keys that are watched, while others act on them, or their time ends."""
        self.chunk("a", [("discard", ["DISCARD"]), ("unwatch", ["UNWATCH"]), *before])
        self.chunk("a", [("watch", ["WATCH", *keys])])
        for one in between:
            if one == "pass":
                time.sleep(0.45)
            else:
                self.chunk("b", [one])
        for call in called:
            self.chunk("a", [call])

    def counted(self, calls):
        """Calls, and what the statistics of commands and errors say of them."""
        for side in self.sides:
            side.links["s"].call("CONFIG", "RESETSTAT")
        self.chunk("b", calls)
        found = []
        for side in self.sides:
            text = side.links["s"].call("INFO", "commandstats", "errorstats")[1].decode()
            lines = re.sub(r"usec=\d+,usec_per_call=[\d.]+,", "", text).split("\r\n")
            found.append(("*", [("$", line.encode()) for line in sorted(lines) if "cmdstat_info" not in line]))
        self.judge("stats", ["INFO"], *found)


def modules(reply):
    """A reply without what HELLO says of modules."""
    return re.sub(rb"(modules\r\n)\*1\r\n[*%].*?vectorset.*?args\r\n\*0\r\n", rb"\1*0\r\n", reply, flags=re.S)


def hear(side, name, words):
    """Sends a call on the connection `name`, and returns all that came of it there and at e and f."""
    words = [re.sub(r"\{id:(.)\}", lambda found: side.idents[found[1]].decode(), word) for word in words]
    out = b""
    if name not in "ef":
        reply = side.links[name].call(*words)
        out += repr(flat(reply) if words[:2] == ["PUBSUB", "CHANNELS"] else reply).encode()
    else:
        side.crowd[name].send(*calls(words))
    for one in "ef" if name != "f" else "fe":
        side.crowd[one].send(["PING", "--heard--"])
        out += b"\n" + one.encode() + b": " + gathered(side.crowd[one], ";" not in words)
    for one, ident in side.idents.items():
        # Not the number that DEBUG PROTOCOL pushes.
        out = re.sub(rb"(?<!usage\r\n):%s\r\n" % ident, b":" + one.encode() + b"\r\n", out)
    return PATTERNED.sub(lambda run: b"".join(sorted(PATTERNED_HEAD.split(run[0])[1:])), EXPIRED.sub(b"", modules(out)))


# That a key has expired: when that is noticed hangs on the server, and Synap tells it, as Valkey, of a time that is set into the past.
EXPIRED = re.compile(rb"[>*][34]\r\n\$\d+\r\np?message\r\n(?:\$\d+\r\n[^\r]*\r\n)?(?:\$\d+\r\n__keyspace@\d__:[^\r]*\r\n\$7\r\nexpired\r\n|\$\d+\r\n__keyevent@\d__:expired\r\n\$\d+\r\n[^\r]*\r\n)")
# Messages that came by patterns, in a row: patterns have no order.
PATTERNED_HEAD = re.compile(rb"(?=[>*]4\r\n\$8\r\npmessage\r\n)")
PATTERNED = re.compile(rb"(?:[>*]4\r\n\$8\r\npmessage\r\n(?:\$\d+\r\n.*?\r\n){3})+", re.S)
# What Redis takes for an attack by way of a browser, and a length with a NUL before its line's end, which it waits for.
UNANSWERED = re.compile(rb"(^|\n|\0)\s*(post|host:)|(^|\n)[^\r\n]*\0", re.I)


def calls(words):
    """The calls that are sent at once, with `;` in between."""
    out = [[]]
    for word in words:
        if word == ";":
            out.append([])
        else:
            out[-1].append(word)
    return out


def transaction(dice):
    """A transaction of one who listens."""
    words = ["MULTI"]
    for _ in range(dice.choice([1, 2, 3])):
        words += [";", *dice.choice([["SUBSCRIBE", dice.choice(CHANNELS)], ["PSUBSCRIBE", dice.choice(PATTERNS)], ["SSUBSCRIBE", dice.choice(CHANNELS)], ["UNSUBSCRIBE", "c"], ["PUNSUBSCRIBE", "c*"], ["SUNSUBSCRIBE", "d"], ["PUBLISH", "c", "self"], ["GET", "k0"], ["SET", "k0", "t"],
                                     ["PING", "x"], ["CLIENT", "CACHING", "yes"], ["CLIENT", "TRACKING", "off"], ["RESET"], ["HELLO", "3"], ["GET"], ["nosuch"], ["SPUBLISH", "d", "self"]])]
    return [*words, ";", dice.choice(["EXEC", "EXEC", "EXEC", "DISCARD"])]


def gathered(link, queues=True):
    """What came up to the reply to PING; where it `queues`, that reply may be that it is queued."""
    out = b""
    try:
        while b"--heard--\r\n" not in out and not (queues and out.endswith(b"+QUEUED\r\n")):
            some = link.file.read1(1 << 16)
            if not some:
                return out + b"(closed)"
            out += some
    except TimeoutError:
        return out + b"(silent)"
    except OSError:
        return out + b"(closed)"
    return out


def draw_crowd(generator, odd, dice):
    """One of these steps."""
    luck = dice.random()
    if luck < 0.3:
        return ("raw", odd.raw(), dice.choice([2, 3]))
    if luck < 0.6:
        return ("listens", [dice.choice([2, 3]), dice.choice([2, 3])], turns(generator, dice, dice.random() < 0.6))
    if luck < 0.85:
        keys = [dice.choice(KEYS[:9]) for _ in range(dice.choice([1, 1, 2, 3]))]
        between = []
        for _ in range(dice.choice([0, 1, 1, 2])):
            between += dice.choice([[plainly(["PEXPIRE", dice.choice(keys), dice.choice(["1", "0", "-1", "100000"])]), "pass"], [plainly(["DEL", dice.choice(keys)])], [plainly(["SET", dice.choice(keys), "v"])], [plainly(["FLUSHALL"])],
                                    [plainly(["FLUSHDB"])], [plainly(["SWAPDB", "0", "1"])], [plainly(["SELECT", dice.choice("01")])], [plainly(["MOVE", dice.choice(keys), "1"])], [plainly(["RENAME", dice.choice(keys), dice.choice(keys)])],
                                    [plainly(["COPY", "k1", dice.choice(keys), "REPLACE"])], [plainly(["TOUCH", dice.choice(keys)])], [plainly(["PERSIST", dice.choice(keys)])], [generator.call()], [plainly(["SREM", keys[0], "nosuch"])],
                                    [plainly(["EVAL", "return redis.pcall('SET', KEYS[1], 'x')", "1", keys[0]])], ["pass"]])
        before = [plainly(["SET", one, "v", *(["PX", "400"] if dice.random() < 0.1 else [])]) for one in keys if dice.random() < 0.6]
        if any("PX" in words for _, words in before):
            between.append("pass")
        called = [plainly(["MULTI"]), *(harmless(generator, dice) for _ in range(dice.choice([0, 1, 2, 4]))), plainly([dice.choice(["EXEC", "EXEC", "EXEC", "DISCARD"])])]
        if dice.random() < 0.3:
            called.insert(1, plainly([dice.choice(["MULTI", "WATCH", "UNWATCH", "SELECT", "SUBSCRIBE", "nosuch", "GET", "RESET", "SWAPDB", "MOVE", "BLPOP", "DEBUG", "CLIENT"]), *dice.choice([[], ["k0"], ["1"], ["0", "1"], ["k0", "1"]])]))
            if called[1][0] == "subscribe":
                # One reply is all that a transaction has room for.
                called[1] = plainly(called[1][1][:2])
        return ("watched", before, keys, [one for one in between if one == "pass" or one[0] not in ("multi", "watch")], called)
    calls = [dice.choice([generator.call, odd.admin, odd.careless])() for _ in range(dice.choice([1, 1, 3]))]
    return ("counted", [call for call in calls if call[0] not in RANDOM])


def plainly(words):
    return words[0].lower(), words


def harmless(generator, dice):
    """A call with a reply of its own that is the same on both sides."""
    return dice.choice([plainly(["INCR", dice.choice(KEYS)]), plainly(["GET", dice.choice(KEYS)]), plainly(["LPUSH", "l0", "a"]), plainly(["SELECT", dice.choice(["0", "1", "99", "x"])]), plainly(["SWAPDB", "0", "1"]), plainly(["MOVE", "k0", "1"]),
                        plainly(["BLPOP", "nokey", "0"]), plainly(["XREAD", "BLOCK", "0", "STREAMS", "nokey", "$"]), plainly(["BLMOVE", "nokey", "l0", "LEFT", "LEFT", "0"]), plainly(["PUBLISH", "c", "m"]), plainly(["DBSIZE"]), plainly(["FLUSHALL"]),
                        plainly(["EVAL", "return redis.call('INCR', KEYS[1])", "1", dice.choice(KEYS)]), plainly(["CLIENT", "GETNAME"]), plainly(["nosuch"]), plainly(["OBJECT", "ENCODING", dice.choice(KEYS)]), plainly(["SET", "k0"]), plainly(["RENAME", "nokey", "k0"]),
                        plainly(["EXPIRE", dice.choice(KEYS), "-1"]), plainly(["CONFIG", "GET", "maxmemory"]), plainly(["ECHO", "a"]), plainly(["WAIT", "0", "0"])])


def turns(generator, dice, caching):
    """Who says what, one after another."""
    out = []
    if caching:
        out.append(("e", ["CLIENT", "TRACKING", "ON", *dice.choice(CACHES)]))
    for _ in range(dice.choice([4, 10, 20])):
        who, luck = dice.choice("eefab"), dice.random()
        if who in "ef" and luck < (0.15 if caching else 0.6):
            verb = dice.choice(LISTENS)
            out.append((who, [verb, *(dice.choice(PATTERNS if verb[0] == "P" else CHANNELS) for _ in range(1 if "UN" in verb else dice.choice([0, 1, 1, 2])))]))
        elif who in "ef" and luck < 0.7:
            out.append((who, dice.choice([["PING"], ["PING", "x"], ["GET", "k0"], ["MGET", "k0", "k1"], ["GET", "l0"], ["LRANGE", "l0", "0", "-1"], ["SET", "k0", "e"], ["EXISTS", "k0", "k2"], ["SCARD", "s0"], ["CLIENT", "CACHING", "yes"], ["CLIENT", "CACHING", "no"],
                                          transaction(dice), transaction(dice), ["CLIENT", "TRACKINGINFO"], ["CLIENT", "GETREDIR"], ["CLIENT", "TRACKING", "off"], ["CLIENT", "TRACKING", "ON", *dice.choice(CACHES)], ["HELLO", "2"], ["HELLO", "3"], ["nosuch"], ["TTL", "k0"], ["EVAL", "return redis.call('GET', 'k0')", "1", "k0"],
                                          ["RESET"], ["PUBLISH", "c", "self"], ["SPUBLISH", "d", "self"], ["HLEN", "h0"], ["GET"], ["CLIENT", "GETNAME"], ["PUBSUB", "NUMSUB", "c", "d"], ["PUBSUB", "NUMPAT"], ["SELECT", "1"], ["SELECT", "0"], ["DEBUG", "PROTOCOL", "push"]])))
        elif luck < 0.3:
            out.append((dice.choice("ab"), [dice.choice(["PUBLISH", "PUBLISH", "SPUBLISH"]), dice.choice(CHANNELS), "m"]))
        else:
            out.append((dice.choice("ab"), dice.choice([["SET", "k0", "1"], ["DEL", "k0", "k1"], ["MSET", "k1", "1", "k0", "2"], ["LPUSH", "l0", "a"], ["FLUSHDB"], ["FLUSHALL"], ["EXPIRE", "k0", "100"], ["PERSIST", "k0"], ["RENAME", "k0", "k2"], ["INCR", "k2"], ["SADD", "s0", "a"], ["SADD", "s0", "a"],
                                                       ["EVAL", "redis.call('SET', KEYS[1], 'x'); redis.call('SET', KEYS[1], 'y'); return redis.call('DEL', 'k1')", "1", "k0"], ["HSET", "h0", "f", "v"], ["SWAPDB", "0", "1"], ["COPY", "k0", "k1", "REPLACE"], ["MOVE", "k0", "1"], ["EXPIRE", "k0", "-1"],
                                                       ["SETRANGE", "k0", "0", ""], ["LPOP", "l0"], ["SUNIONSTORE", "s1", "s0"], ["PFADD", "p0", "a"], ["GETDEL", "k0"], ["GETEX", "k0", "EX", "100"], ["PUBSUB", "CHANNELS"]])))
    return out
