"""Pairs of servers that are told the same, and the steps of which a round consists."""

import io
import time

from calls import BLOCKING, KEYS, RANDOM, SCANS, TEXTS
from churn import churn
from crowds import Crowds, draw_crowd
from judge import flat, same, settled_script, until_nul
from moves import Moves, draw_move
from pipelines import Pipelines, draw_pipeline
from settings import Settings, draw_setting
from states import States, draw_state
from users import Users, draw_user
from wire import END, Link, packed, quote, read, replies

THRESHOLDS = ["hash-max-listpack-entries", "set-max-listpack-entries", "set-max-intset-entries", "zset-max-listpack-entries",
              "list-max-listpack-size", "hash-max-listpack-value", "zset-max-listpack-value", "set-max-listpack-value"]
# What a round may have changed.
ORDINARY = [["CONFIG", "SET", *words.split()] for words in ("hll-sparse-max-bytes 3000", "list-compress-depth 0", "maxmemory-policy noeviction", "stream-node-max-bytes 4096",
                                                         "stream-node-max-entries 100")]
# What a listener hears last.
PONG = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
CONTROL = ["MULTI", "EXEC", "EXEC", "EXEC", "DISCARD"]


def sorts(words):
    """Whether a call of SORT sorts: not by a pattern without a star, nor by texts of others, of which many are none."""
    upper = [word.upper() for word in words]
    return "BY" not in upper[2:-1] or "*" in words[upper.index("BY", 2) + 1] and "ALPHA" not in upper


class Difference(Exception):
    """Two replies that differ."""

    def __init__(self, name, words, left, right):
        self.name, self.words, self.left, self.right = name, words, left, right

    @property
    def unseen(self):
        """Whether no reply showed it, but a look at the state or the events did."""
        return self.name == "event" or any("(database" in word for word in self.words) or self.words == ["DEBUG", "DIGEST"]


class Parted(Exception):
    """A known difference after which the two hold different data: a transaction that only one of them ran."""


class Side:
    """One of the two servers, with its connections: two that send calls, some that block, one that looks on, one that hears of events."""

    def __init__(self, server):
        self.server = server
        self.links = {name: Link(server.port) for name in "abcds"}
        self.listener = None

    def close(self):
        for link in [*self.links.values(), *([self.listener] if self.listener else [])]:
            link.close()

    def reset(self, protocol, settings):
        for name, link in self.links.items():
            if name in "bcd":
                link.connect()
            elif link.call("RESET")[0] != "+":
                raise ConnectionError("RESET is refused")
            # 23 is RESP2 on the first connection and RESP3 on the others.
            link.call("HELLO", str(protocol)[0 if name in "as" else -1])
        look = self.links["s"]
        for call in (["CONFIG", "SET", "notify-keyspace-events", ""], ["FLUSHALL"], ["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"], ["ACL", "DELUSER", "u"], *settings, *ORDINARY,
                     # Texts of half a gigabyte would be all that a run does.
                     ["CONFIG", "SET", "proto-max-bulk-len", "1mb"], ["DEBUG", "SET-ACTIVE-EXPIRE", "0"], ["CONFIG", "SET", "notify-keyspace-events", "KEAmn"]):
            look.call(*call)
        if self.listener is not None:
            self.listener.socket.close()
        self.listener = Link(self.server.port)
        self.listener.call("PSUBSCRIBE", "__key*__:*")


def heard(raw):
    """Events but those of keys whose time ended: when that is noticed hangs on the server. Misses in a row, as of the many
    keys that SORT looks for, have no order: that of a set's members, or a sorted set's, is none."""
    file, out, missed = io.BytesIO(raw), [], []
    while file.tell() < len(raw):
        reply = read(file)
        if len(reply[1]) != 4:
            continue
        channel, message = reply[1][2][1], reply[1][3][1]
        if message == b"keymiss" or channel.endswith(b":keymiss"):
            missed.append(reply[1][2:])
        elif message != b"expired" and not channel.endswith(b":expired"):
            out += [*sorted(missed), reply[1][2:]]
            missed = []
    return out + sorted(missed)


def glance(databases):
    """The calls that show all that can be seen of keys."""
    calls = []
    for database in databases:
        calls.append(["SELECT", str(database)])
        for key in KEYS:
            calls += [["OBJECT", "ENCODING", key], ["PEXPIRETIME", key]]
            # A stream's payload tells times, and what was deleted.
            calls.append(["XINFO", "STREAM", key, "FULL"] if key[:1] == "x" else ["DUMP", key])
        calls.append(["DBSIZE"])
    return [*calls, ["DEBUG", "DIGEST"], END]


LOOK = glance((0, 1))
SENT = packed(LOOK)


class Pair(Crowds, Users, Settings, Moves, States, Pipelines):
    """The oracle and Synap, told the same."""

    def __init__(self, oracle, synap, known, digests):
        self.sides = (Side(oracle), Side(synap))
        self.known, self.digests = known, digests
        self.queued = {}
        # Differences that were known.
        self.forgiven = 0

    def reset(self, protocol, settings):
        for side in self.sides:
            side.reset(protocol, settings)
        self.queued = {}
        self.relimited = False

    def judge(self, name, words, left, right, queued=()):
        told = name + "\0" if any("\0" in word for word in words) else name
        if name == "exec" and left[0] == "*" == right[0] and len(left[1]) == len(right[1]) == len(queued):
            for (inner, call), one, two in zip(queued, left[1], right[1]):
                self.judge(inner, call, one, two)
            return
        if name == "eval:script":
            left, right = settled_script(words[1] if len(words) > 1 else "", left, right)
        if name in ("sort", "sort_ro") and len(words) > 2 and sorts(words) and words[1][:1] != "l":
            # Texts that are the same up to a NUL have the order of a hash table.
            left, right = until_nul(left), until_nul(right)
        if name in ("sort", "sort_ro") and not sorts(words):
            left, right = flat(left), flat(right)
            if "LIMIT" in [word.upper() for word in words] and left[0] == "*" == right[0] and len(left[1]) == len(right[1]):
                return
        if not same(told, left, right):
            if not self.known(name, left, right):
                raise Difference(name, words, left, right)
            self.forgiven += 1
            if name in ("exec", "copy") or right[0] != "-" and name.removeprefix("eval:") in ("sort", "hsetex", "hgetex", "pfmerge"):
                raise Parted

    def run(self, step):
        """Runs a step on both sides, and raises the first difference."""
        getattr(self, step[0])(*step[1:])

    def chunk(self, name, calls):
        """Calls sent at once on one connection."""
        together = len(calls) > 1 and name not in self.queued
        self.relimited |= any(called == "restore" or "list-max-listpack-size" in words for called, words in calls)
        sent = packed([words for _, words in calls] + ([END] if together else []))
        for side in self.sides:
            side.links[name].socket.sendall(sent)
        if together:
            raw = [side.links[name].gather() for side in self.sides]
            if raw[0] == raw[1] and raw[0]:
                return
            answers = [replies(one, len(calls)) for one in raw]
        else:
            answers = [[self.answer(side.links[name]) for _ in calls] for side in self.sides]
        for (called, words), left, right in zip(calls, *answers):
            if left == right == ("waits",):
                raise ConnectionError("both wait")
            self.judge(called, words, left, right, self.queued.get(name, ()))
            self.follow(name, called, words, left)

    def answer(self, link):
        try:
            return link.read()
        except TimeoutError:
            link.connect()
            return ("waits",)

    def follow(self, name, called, words, reply):
        """Keeps the names of what a transaction holds."""
        if called == "multi" and reply[0] == "+":
            self.queued[name] = []
        elif called in ("exec", "discard") and "MULTI" not in repr(reply):
            self.queued.pop(name, None)
        elif name in self.queued and reply == ("+", b"QUEUED"):
            self.queued[name].append((called, words))

    def blocked(self, waiting, between):
        """Calls that block, one a connection; then calls by others; then an end to what still waits."""
        if len(waiting) > 1:
            # Whom a SWAPDB serves first hangs in Redis on its hash table.
            between = [call for call in between if call[0] != "swapdb"]
        begun = []
        for link, (called, words) in waiting:
            idents = []
            for side in self.sides:
                one = side.links[link]
                idents.append(one.call("CLIENT", "ID")[1].decode())
                one.send(words)
            for side, ident in zip(self.sides, idents):
                for _ in range(2000):
                    seen = side.links["s"].call("CLIENT", "LIST", "ID", ident)[1]
                    if b" flags=b" in seen or side.links[link].answered():
                        break
                    time.sleep(0.001)
            begun.append((link, called, words, idents))
        self.chunk("a", between)
        stores = any("STORE" in repr(words).upper() for _, words in between)
        for link, called, words, idents in begun:
            replies = []
            for side, ident in zip(self.sides, idents):
                side.links["s"].call("CLIENT", "UNBLOCK", ident)
                replies.append(side.links[link].read())
            if stores and self.known("served by a store", *replies):
                raise Parted
            self.judge(called, words, *replies)

    def scan(self, words):
        """A whole walk by cursor: what it finds, in any order."""
        found = []
        for side in self.sides:
            link, seen, cursor = side.links["a"], [], "0"
            at = 1 if words[0] == "SCAN" else 2
            while True:
                reply = link.call(*words[:at], cursor, *words[at:])
                if reply[0] != "*" or len(reply[1]) != 2:
                    seen = reply
                    break
                cursor = reply[1][0][1].decode()
                items = reply[1][1][1]
                pairs = words[0] in ("HSCAN", "ZSCAN") and "NOVALUES" not in words
                seen += zip(items[::2], items[1::2]) if pairs else [(item,) for item in items]
                if cursor == "0":
                    seen = ("*", [("*", list(one)) for one in sorted(set(seen))])
                    break
            found.append(seen)
        self.judge("scan of all", words, *found)

    def lapse(self, key, milliseconds, called, words):
        """A key's time ends, and the end is noticed by a call that names it."""
        if "a" in self.queued:
            # It would end at some moment behind EXEC.
            return
        for side in self.sides:
            side.links["a"].send(["PEXPIRE", key, str(milliseconds)])
        self.judge("pexpire", [key], *(side.links["a"].read() for side in self.sides))
        time.sleep(milliseconds / 1000 + 0.005)
        self.judge(called, words, *(side.links["a"].call(*words) for side in self.sides))
        # Redis tells a key that is overwritten or deleted past its time as one that was there.
        for side in self.sides:
            side.links["a"].call("EXISTS", key)
        self.events()

    def look(self, whole=True):
        """Compares the events and, if the look is a whole one, the state."""
        left, right = self.events()
        if left != right:
            left, right = heard(left), heard(right)
            for one, two in zip([*left, *[None] * len(right)], [*right, *[None] * len(left)]):
                if one != two:
                    self.judge("event", [], *(("*", one) if one else ("nil",) for one in (one, two)))
        if not whole:
            return
        for side in self.sides:
            side.links["s"].socket.sendall(SENT)
        left, right = (side.links["s"].gather() for side in self.sides)
        # The look itself has missed keys.
        self.events()
        if left != right:
            self.compare(LOOK, replies(left, len(LOOK) - 1), replies(right, len(LOOK) - 1))

    def events(self):
        """What was told of keys since the last look, as bytes."""
        for side in self.sides:
            side.listener.send(["PING"])
        return [side.listener.gather(PONG) for side in self.sides]

    def compare(self, calls, lefts, rights):
        """Compares what both tell of their state."""
        for call, one, two in zip(calls, lefts, rights):
            if call[0] in ("DEBUG", "DUMP") and not self.digests:
                continue
            # In Redis a list keeps the limit of its nodes with which it was made, or sent.
            if self.relimited and call[0] == "DUMP" and one[1:] and two[1:] and one[1][:1] == b"\x12" == two[1][:1]:
                continue
            if call[0] == "SELECT":
                database = call[1]
            name = {"PEXPIRETIME": "pexpiretime", "OBJECT": "state|encoding", "DEBUG": "state|digest"}.get(call[0], "state|" + call[0].lower())
            if name.startswith("state|x"):
                name = "xinfo|stream"
            self.judge(name, call if call[0] == "DEBUG" else [*call, f"(database {database})"], one, two)


def draw(generator, parts, dice):
    """The next step of a round, of one of its parts."""
    part = dice.choice(parts)
    if part == "scripts":
        return ("chunk", "a", [*(generator.scripts.call() for _ in range(dice.choice([1, 5, 10]))), *chunk(generator, dice, dice.choice([0, 2]), False)])
    if part == "edges":
        return generator.edges.step()
    if part == "odd":
        return ("chunk", "a", [oddly(generator, dice) for _ in range(dice.choice([1, 5, 20]))])
    if part == "crowds":
        return draw_crowd(generator, generator.odd, dice)
    if part == "users":
        return draw_user(generator, dice)
    if part == "settings":
        return draw_setting(generator.settings, dice)
    if part == "moves":
        return draw_move(dice)
    if part == "vectors":
        return generator.vectors.step()
    if part == "states":
        return draw_state(generator, generator.odd, dice)
    if part == "pipelines":
        return draw_pipeline(dice)
    luck = dice.random()
    if luck < 0.02:
        key = dice.choice(KEYS)
        called, words = generator.call()
        if called in RANDOM | BLOCKING or len(words) < 2:
            called, words = "exists", ["EXISTS", key]
        return ("lapse", key, 1, called, [words[0], key, *words[2:]])
    if luck < 0.06:
        return ("chunk", "a", [call for call in churn(dice, generator.payloads) if call[0] in generator.docs or call[0] == "restore"])
    if luck < 0.10:
        name = dice.choice(sorted(SCANS))
        words = [name.upper()] + ([] if name == "scan" else [dice.choice({"sscan": "s", "hscan": "h", "zscan": "zg"}[name]) + str(dice.randrange(3))])
        for option in (["COUNT", dice.choice(["1", "7", "1000"])], ["MATCH", dice.choice(["*", "m*", "*1*"])], ["TYPE", "list"] if name == "scan" else ["NOVALUES"]):
            if dice.random() < 0.3:
                words += option
        return ("scan", words)
    if luck < 0.14 and BLOCKING & set(generator.docs):
        waiting = []
        for link in "bcd"[: dice.choice([1, 1, 2, 3])]:
            name = dice.choice(sorted(BLOCKING & set(generator.docs)))
            called, words = generator.call(name)
            if name.startswith("x"):
                words = [*words[:1], "BLOCK", "0", "STREAMS", *dice.sample(["x0", "x1", "x2"], 2), "$", "$"] if name == "xread" else [
                    name.upper(), "GROUP", "g", "c", "BLOCK", "0", "STREAMS", f"x{dice.randrange(3)}", ">"]
            elif name in ("blmpop", "bzmpop"):
                words[1:2] = ["0"]
            else:
                words[-1] = "0"
            waiting.append((link, (called, words)))
        return ("blocked", waiting, chunk(generator, dice, dice.randrange(1, 12), False))
    return ("chunk", dice.choice("aaab"), chunk(generator, dice, dice.choice([1, 5, 20, 40]), True))


def oddly(generator, dice):
    odd = generator.odd
    luck = dice.random()
    if luck < 0.1:
        return generator.bulk()
    if luck < 0.4:
        return odd.mangled(generator.call())
    return odd.careless() if luck < 0.7 else odd.admin() if luck < 0.97 else odd.config()


def chunk(generator, dice, length, transactions):
    calls = []
    open_ = False
    for _ in range(length):
        luck = dice.random()
        if luck < 0.06 and transactions:
            verb = "EXEC" if open_ and dice.random() < 0.8 else dice.choice(CONTROL)
            open_ = verb == "MULTI"
            calls.append((verb.lower(), [verb]))
        elif luck < 0.07:
            calls.append(generator.bulk())
        elif luck < 0.08:
            calls.append(dice.choice([("select", ["SELECT", dice.choice("0001")]), ("swapdb", ["SWAPDB", "0", "1"]), ("flushdb", ["FLUSHDB"]),
                                      ("client|setname", ["CLIENT", "SETNAME", dice.choice(TEXTS)]), ("client|getname", ["CLIENT", "GETNAME"]),
                                      ("publish", ["PUBLISH", "c", "m"])]))
        elif luck < 0.13:
            calls.append(generator.wrapped())
        else:
            name, words = generator.call()
            # What is stored in no order would differ from then on.
            if name in RANDOM or name == "sort" and not sorts(words) and "STORE" in words:
                continue
            calls.append((name, words))
    if open_:
        calls.append(("exec", ["EXEC"]))
    elif dice.random() < 0.1 and transactions:
        calls.append(("exec", ["EXEC"]))
    elif dice.random() < 0.15 and RANDOM & set(generator.docs):
        # What is drawn by chance, last: then the key is given up.
        name, words = generator.call(dice.choice(sorted(RANDOM & set(generator.docs))))
        calls += [("discard", ["DISCARD"]), (name, words), *(("del", ["DEL", word]) for word in words[1:2])]
    return calls


def tell(step):
    """A step as lines."""
    kind = step[0]
    if kind == "chunk":
        return [f"{step[1]}> {quote(words)}" for _, words in step[2]]
    if kind == "blocked":
        return [f"{link}> {quote(words)}" for link, (_, words) in step[1]] + [f"a> {quote(words)}" for _, words in step[2]]
    if kind == "listens":
        return [f"{name}> {quote(words)}" for name, words in step[2]]
    if kind == "watched":
        return [f"a> {quote(words)}" for _, words in step[1]] + [f"a> WATCH {quote(step[2])}"] + [one if one == "pass" else f"b> {quote(one[1])}" for one in step[3]] + [f"a> {quote(words)}" for _, words in step[4]]
    if kind == "interleaved":
        return ["(clients)", *(f"{name}> " + " ; ".join(quote(words) for words in calls) for name, calls in step[1])]
    if kind == "counted":
        return [f"b> {quote(words)}" for _, words in step[1]]
    if kind == "user":
        return [f"s> {quote(words)}" for words in step[2]] + [f"u> {quote(words)}" for _, words in step[3]]
    if kind == "setting":
        return [f"s> CONFIG SET {quote([word for pair in pairs for word in pair])}" for pairs in step[1]]
    if kind in ("told", "monitored", "slow"):
        return [f"{name}> {quote(words)}" for name, (_, words) in step[1]]
    if kind in ("libraries", "switched"):
        return [f"{kind}> {turn if isinstance(turn, str) else quote(turn)}" for turn in step[1]]
    if kind in ("exchanged", "walked", "faded"):
        return [f"{kind} {step[1:]}"]
    if kind == "scan":
        return [f"a> {quote(step[1])}   (to the end)"]
    if kind == "lapse":
        return [f"a> PEXPIRE {step[1]} {step[2]}", "@", f"a> {quote(step[4])}"]
    return []
