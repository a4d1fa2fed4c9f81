"""Steps between the two servers, or over time: payloads of the one restored in the other, walks while others change what is walked, fields whose time ends."""

import time

from calls import KEYS
from judge import flat

class Moves:
    """The steps; of a `Pair`."""

    def exchanged(self):
        """Every value is dumped here, and restored there, under another name."""
        for key in KEYS:
            payloads = [side.links["d"].call("DUMP", key) for side in self.sides]
            if payloads[0][0] != "$" or payloads[1][0] != "$":
                continue
            for side, other in zip(self.sides, payloads[::-1]):
                link = side.links["d"]
                restored = link.call("RESTORE", "~" + key, "0", other[1].decode("latin1"), "REPLACE")
                if restored != ("+", b"OK"):
                    self.judge("restored", ["RESTORE", key, other[1].decode("latin1")], ("+", b"OK"), restored)
            # A list whose nodes were made under other bounds has them of either server.
            kept = self.relimited and payloads[0][1][:1] == b"\x12"
            for words in (["DEBUG", "DIGEST-VALUE", "~" + key], *([] if kept else [["OBJECT", "ENCODING", "~" + key]])):
                self.judge("restored", words, *(side.links["d"].call(*words) for side in self.sides))
            for side in self.sides:
                link = side.links["d"]
                own, moved = (link.call("DEBUG", "DIGEST-VALUE", name) for name in (key, "~" + key))
                # Which tells of an expiry, too.
                if link.call("PTTL", key) == (":", b"-1"):
                    self.judge("restored", ["DEBUG", "DIGEST-VALUE", key], own, moved)
                side.links["d"].call("DEL", "~" + key)
        self.events()

    def walked(self, kind, many, count, turns):
        """A walk by cursor over members of which some come and go: those who stay are all found, by both."""
        add, drop, scan = {"s": ("SADD", "SREM", "SSCAN"), "h": ("HSET", "HDEL", "HSCAN"), "z": ("ZADD", "ZREM", "ZSCAN"), "": ("MSET", "DEL", "SCAN")}[kind]
        head = ["walked"] if kind else []

        def put(members):
            return [add, *head, *(word for one in members for word in {"s": (one,), "z": ("1", one)}.get(kind, (one, "v")))]

        stay = [f"stay{i}" for i in range(many)]
        for side in self.sides:
            link, found, cursor = side.links["d"], set(), "0"
            link.call(*put(stay))
            for turn in range(2000):
                reply = link.call(scan, *head, cursor, "COUNT", str(count))
                cursor = reply[1][0][1].decode()
                found |= {one[1].decode("latin1") for one in reply[1][1][1]}
                if cursor == "0":
                    break
                comes, size = turns[turn % len(turns)]
                guests = [f"guest{i}" for i in range(size)]
                link.call(*(put(guests) if comes else [drop, *head, *guests]))
            link.call("DEL", "walked", *stay, *(f"guest{i}" for i in range(300)))
            missing = sorted(set(stay) - found)
            self.judge("walk", [scan, str(many), str(count)], ("*", []), ("*", [("$", one.encode()) for one in missing]))
        self.events()

    def faded(self, fields, times, active, calls):
        """Fields whose time ends, with or without somebody who removes them by himself; then calls on what is left: not
        HEXPIRE, with which Redis revives what it has not removed yet."""
        for side in self.sides:
            link = side.links["d"]
            link.call("DEL", "h0")
            link.call("HSET", "h0", *(word for one in fields for word in (one, "v" + one)))
        self.events()
        words = [["HPEXPIRE", "h0", "1" if short else "100000000", "FIELDS", "1", one] for one, short in zip(fields, times)]
        for side in self.sides:
            # All at once, so that none has gone before the last is told.
            side.links["d"].send(["MULTI"], *words, ["EXEC"])
        for side in self.sides:
            for _ in range(len(words) + 2):
                side.links["d"].read()
        time.sleep(0.006)
        if active:
            for side in self.sides:
                side.links["d"].call("DEBUG", "SET-ACTIVE-EXPIRE", "1")
                for _ in range(300):
                    if int(side.links["d"].call("HLEN", "h0")[1]) == len(fields) - sum(times):
                        break
                    time.sleep(0.01)
                side.links["d"].call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        for name, called in calls:
            replies = [side.links["d"].call(*called) for side in self.sides]
            if name in ("hgetall", "hkeys", "hvals", "hscan"):
                replies = [flat(reply) for reply in replies]
            self.judge(name, called, *replies)
        if active:
            heard = [sorted({name for name in (b"hexpire", b"hexpired", b"del", b"hdel", b"hset") if b"__keyevent@0__:" + name + b"\r\n" in raw}) for raw in self.events()]
            self.judge("faded", [repr(times)], *(("$", repr(one).encode()) for one in heard))
        for side in self.sides:
            side.links["d"].call("DEL", "h0", "h1")
        self.events()


def draw_move(dice):
    """One of these steps."""
    luck = dice.random()
    if luck < 0.35:
        return ("exchanged",)
    if luck < 0.6:
        turns = [(dice.random() < 0.6, dice.choice([1, 5, 40, 300])) for _ in range(dice.choice([1, 2, 5]))]
        return ("walked", dice.choice("shzs") if dice.random() < 0.8 else "", dice.choice([3, 50, 200]), dice.choice([1, 5, 10, 100]), turns)
    fields = [f"f{i}" for i in range(dice.choice([1, 2, 3, 9, 140]))]
    times = [dice.random() < 0.5 for _ in fields] if dice.random() < 0.8 else [True] * len(fields)
    some = [dice.choice(fields) for _ in range(3)]
    options = [["HLEN", "h0"], ["HGETALL", "h0"], ["HKEYS", "h0"], ["HVALS", "h0"], ["HGET", "h0", some[0]], ["HMGET", "h0", *some], ["HEXISTS", "h0", some[0]], ["HSTRLEN", "h0", some[0]], ["HSCAN", "h0", "0", "COUNT", "1000"], ["EXISTS", "h0"],
               ["TYPE", "h0"], ["OBJECT", "ENCODING", "h0"], ["HSET", "h0", some[0], "n"], ["HSETNX", "h0", some[0], "n"], ["HDEL", "h0", *some], ["HINCRBY", "h0", some[0], "1"], ["HINCRBYFLOAT", "h0", some[1], "1.5"], ["HTTL", "h0", "FIELDS", "2", *some[:2]],
               ["HPERSIST", "h0", "FIELDS", "1", some[0]], ["HGETDEL", "h0", "FIELDS", "1", some[0]], ["HGETEX", "h0", "PERSIST", "FIELDS", "1", some[0]],
               ["HSETEX", "h0", dice.choice(["FNX", "FXX"]), "FIELDS", "1", some[0], "n"], ["COPY", "h0", "h1", "REPLACE"], ["RENAME", "h0", "h1"], ["DEL", "h0"], ["SORT", "s0", "BY", "nosort", "GET", "h0->" + some[0]], ["HRANDFIELD", "h0", "0"], ["DEBUG", "DIGEST-VALUE", "h0"], ["MEMORY", "USAGE", "~nokey"], ["TOUCH", "h0"], ["PERSIST", "h0"], ["HEXPIRETIME", "h0", "FIELDS", "1", "nofield"]]
    return ("faded", fields, times, dice.random() < 0.15, [(words[0].lower(), words) for words in dice.sample(options, dice.choice([1, 2, 4]))])
