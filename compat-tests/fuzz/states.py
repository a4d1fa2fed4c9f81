"""Steps about what the server tells of its clients, its own work and its scripts: counters of INFO, CLIENT INFO, MONITOR, SLOWLOG,
libraries that come and go, and requests in a row that switch protocol, replies and transactions on their way."""

import re
import socket

from calls import KEYS, RANDOM, SCANS
from crowds import modules, plainly
from judge import until_nul
from wire import Link, packed

# What INFO counts that follows from the calls alone.
COUNTED = re.compile(
    rb"(keyspace_hits|keyspace_misses|total_error_replies|rdb_changes_since_last_save|blocked_clients|pubsub_\w+|pubsubshard_channels|watching_clients|total_watched_keys|total_blocking_keys|"
    rb"total_blocking_keys_on_nokey|acl_access_denied_\w+|number_of_cached_scripts|number_of_functions|number_of_libraries|total_commands_processed|db\d+|unexpected_error_replies|evicted_\w+):[^\r]*")
# What a client is told of itself that hangs on neither time, memory nor sockets.
ITSELF = re.compile(rb" (name|db|sub|psub|ssub|multi|watch|flags|cmd|user|redir|resp|lib-name|lib-ver)=[^ \r\n]*")
NAMES = ["", "x", "a b", "me", "\x00", "caf\xe9", "x" * 100]
SWITCHES = [
    ["HELLO", "2"], ["HELLO", "3"], ["HELLO"], ["HELLO", "4"], ["HELLO", "3", "SETNAME", "me"], ["CLIENT", "REPLY", "OFF"], ["CLIENT", "REPLY", "ON"], ["CLIENT", "REPLY", "SKIP"],
    ["MULTI"], ["EXEC"], ["EXEC"], ["DISCARD"], ["WATCH", "k0"], ["UNWATCH"], ["RESET"], ["SELECT", "1"], ["SELECT", "0"], ["PING"], ["PING", "x"], ["ECHO", "e"], ["SET", "k0", "1"], ["GET", "k0"], ["GET", "nokey"],
    ["SUBSCRIBE", "c"], ["UNSUBSCRIBE"], ["UNSUBSCRIBE", "c"], ["PSUBSCRIBE", "c*"], ["PUNSUBSCRIBE"], ["SSUBSCRIBE", "s"], ["SUNSUBSCRIBE"], ["PUBLISH", "c", "m"], ["SPUBLISH", "s", "m"], ["ZADD", "z0", "1.5", "a", "2", "b"],
    ["ZRANGE", "z0", "0", "-1", "WITHSCORES"], ["ZSCORE", "z0", "a"], ["ZMSCORE", "z0", "a", "n"], ["HSET", "h0", "f", "v"], ["HGETALL", "h0"], ["HRANDFIELD", "h0", "1", "WITHVALUES"], ["SADD", "s0", "a"], ["SMEMBERS", "s0"], ["BLPOP", "nokey", "0.01"],
    ["XADD", "x0", "*", "a", "b", "c"], ["XREAD", "STREAMS", "x0", "$"], ["CONFIG", "GET", "save"], ["DEBUG", "PROTOCOL", "push"], ["DEBUG", "PROTOCOL", "attrib"], ["DEBUG", "PROTOCOL", "map"], ["DEBUG", "PROTOCOL", "verbatim"], ["DEBUG", "PROTOCOL", "bignum"],
    ["DEBUG", "PROTOCOL", "double"], ["DEBUG", "PROTOCOL", "null"], ["EVAL", "redis.setresp(3) return redis.call('HGETALL', 'h0')", "0"], ["EVAL", "return {1, {2, 'x'}, false, {ok = 'fine'}, {err = 'bad'}}", "0"], ["EVAL", "return redis.call('ZRANGE', 'z0', 0, -1, 'WITHSCORES')", "0"],
    ["CLIENT", "TRACKING", "ON"], ["CLIENT", "TRACKING", "OFF"], ["CLIENT", "TRACKINGINFO"], ["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", "me"], ["CLIENT", "GETREDIR"], ["CLIENT", "NO-EVICT", "on"], ["CLIENT", "NO-TOUCH", "on"], ["nosuch"], ["GET"], ["INCR", "s0"], ["LCS", "k0", "k0", "IDX"],
    ["GEOADD", "g0", "1", "2", "m"], ["GEOPOS", "g0", "m", "n"], ["GEOSEARCH", "g0", "FROMMEMBER", "m", "BYRADIUS", "1", "m", "WITHCOORD", "WITHDIST"], ["COMMAND", "GETKEYS", "GET", "k"], ["ACL", "WHOAMI"], ["FUNCTION", "STATS"], ["SCRIPT", "EXISTS", "a"], ["QUIT"], ["OBJECT", "ENCODING", "k0"],
]
LIBRARIES = {
    "one": "redis.register_function('f', function() return 1 end)", "two": "redis.register_function('g', function(keys, args) return args end)\nredis.register_function{function_name = 'h', callback = function() return 2 end, flags = {'no-writes'}, description = 'of two'}",
    "three": "redis.register_function('f', function() return 3 end)", "bad": "redis.register_function('x')", "none": "return 1",
}


def library(name, other=None):
    return f"#!lua name={other or name}\n{LIBRARIES[name]}"


class States:
    """The steps; of a `Pair`."""

    def told(self, calls):
        """Calls of two clients, and what INFO and CLIENT LIST then say of the work and of these."""
        idents = []
        for name in "ab":
            self.chunk(name, [plainly(["DISCARD"])])
            idents.append([side.links[name].call("CLIENT", "ID")[1].decode() for side in self.sides])
        for side in self.sides:
            side.links["s"].call("CONFIG", "RESETSTAT")
        before, forgiven = [self.info(side) for side in self.sides], self.forgiven
        for name, call in calls:
            self.chunk(name, [call])
        if self.forgiven != forgiven:
            # What one refuses, by choice, is an error that the other does not count.
            return
        after = [self.info(side) for side in self.sides]
        found = []
        for one, two in zip(before, after):
            # Changes are counted since a save that they do not share.
            key = b"rdb_changes_since_last_save"
            changed = int(two.get(key, 0)) - int(one.get(key, 0))
            found.append({**two, key: b"%d" % changed})
        for key in sorted(found[0].keys() & found[1].keys()):
            self.judge("told:" + re.sub(r"\d", "", key.decode()), [key.decode()], *(("$", one.get(key, b"(none)")) for one in found))
        for both in idents:
            lines = [side.links["s"].call("CLIENT", "LIST", "ID", ident)[1] for side, ident in zip(self.sides, both)]
            self.judge("told:client", ["CLIENT", "LIST"], *(("$", b"".join(found[0] for found in ITSELF.finditer(line))) for line in lines))

    def info(self, side):
        text = side.links["s"].call("INFO", "everything")[1]
        # Fields that expire are counted in a word of its own, as in Valkey.
        return dict(re.sub(rb"avg_ttl=\d+|,keys_with_volatile_items=\d+", b"", found[0]).split(b":", 1) for found in COUNTED.finditer(text))

    def monitored(self, calls):
        """Calls that another client monitors."""
        links = []
        for side in self.sides:
            links.append(Link(side.server.port))
            links[-1].call("MONITOR")
        for name, call in calls:
            self.chunk(name, [call])
        seen = []
        for side, link in zip(self.sides, links):
            side.links["s"].call("ECHO", "--seen--")
            out = b""
            while b"--seen--" not in out:
                out += link.file.read1(1 << 16)
            link.socket.close()
            seen.append(re.sub(rb"\+[\d.]+ \[(\d+) (?:lua|[\d.:]+)\]", rb"+[\1]", out))
        self.judge("monitored", ["MONITOR"], *(("$", one) for one in seen))

    def slow(self, calls):
        """Calls that are all logged as slow ones."""
        for side in self.sides:
            side.links["s"].call("SLOWLOG", "RESET")
            side.links["s"].call("CONFIG", "SET", "slowlog-log-slower-than", "0")
        for name, call in calls:
            self.chunk(name, [call])
        found = []
        for side in self.sides:
            side.links["s"].call("CONFIG", "SET", "slowlog-log-slower-than", "10000")
            found.append(("*", [("*", [entry[1][3], until_nul(entry[1][5])]) for entry in side.links["s"].call("SLOWLOG", "GET", "-1")[1]]))
        self.judge("slow", ["SLOWLOG", "GET"], *found)

    def libraries(self, turns):
        """Libraries that come and go; a payload is kept, and restored later."""
        kept = [b"", b""]
        for turn in turns:
            if turn == "dump":
                kept = [side.links["s"].call("FUNCTION", "DUMP")[1] for side in self.sides]
                # Libraries have no order.
                self.judge("libraries:dump", ["FUNCTION", "DUMP"], *((":", b"%d" % len(one)) for one in kept))
            elif turn[0] == "restore":
                # Each takes what the other gave. Which of two that are there already is told hangs on their order.
                self.judge("libraries:restore", ["FUNCTION", "RESTORE", *turn[1:]], *(nameless(side.links["s"].call("FUNCTION", "RESTORE", one.decode("latin1"), *turn[1:])) for side, one in zip(self.sides, kept[::-1])))
            else:
                # As above: which of two functions that are there is told.
                self.judge("libraries:" + turn[0].lower(), list(turn), *(nameless(ordered(side.links["s"].call(*turn))) for side in self.sides))

    def switched(self, turns, torn):
        """Requests in a row on a connection of their own."""
        # A hash and a set of one member: more have no order.
        data = packed([["DEL", "h0", "s0"], *turns]) + torn
        out = []
        for side in self.sides:
            link = Link(side.server.port)
            link.socket.settimeout(2)
            link.socket.sendall(data)
            link.socket.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while some := link.file.read1(1 << 16):
                    got += some
            except TimeoutError:
                got += b"(stays open)"
            except OSError:
                got = b"(reset)"
            link.socket.close()
            out.append(re.sub(rb"(\r\nid\r\n):\d+", rb"\1:0", re.sub(rb"\d{13}-\d+", b"id", modules(got))))
        if b"(reset)" not in out:
            self.judge("switched", ["(bytes)"], *(("$", one) for one in out))


def nameless(reply):
    """An error without the name of the one that is there already."""
    return (reply[0], re.sub(rb"(Library|Function) \w+(?= already exists)", rb"\1", reply[1])) if reply[0] == "-" else reply


def ordered(reply):
    """A reply whose lists of functions have an order: that of a hash table in Redis."""
    if reply[0] in "*~%" and reply[1] and not isinstance(reply[1], bytes):
        items = [ordered(one) if isinstance(one, tuple) else one for one in reply[1]]
        return (reply[0], sorted(items, key=repr) if all(isinstance(one, tuple) and one[0] in "*%" for one in items) else items)
    return reply


def draw_state(generator, odd, dice):
    """One of these steps."""
    luck = dice.random()
    if luck < 0.3:
        return ("switched", [dice.choice(SWITCHES) for _ in range(dice.choice([3, 8, 20]))], dice.choice([b"", b"", b"*1\r\n:1\r\n", b"PING\r\n", b"*0\r\n", b"*-1\r\n", b"\r\n", b"*1\r\n$-1\r\n", b"*2\r\n$4\r\nPING\r\n"]))
    if luck < 0.5:
        turns = []
        for _ in range(dice.choice([5, 15])):
            name, other = dice.choice(sorted(LIBRARIES)), dice.choice(["one", "two", None, None])
            turns.append(dice.choice([("FUNCTION", "LOAD", library(name, other)), ("FUNCTION", "LOAD", "REPLACE", library(name, other)), ("FUNCTION", "LOAD", library(name)), ("FUNCTION", "DELETE", name), "dump", "dump", ("restore",), ("restore", "FLUSH"), ("restore", "APPEND"), ("restore", "REPLACE"), ("restore", "replace"), ("restore", "bogus"),
                                      ("FUNCTION", "LIST"), ("FUNCTION", "LIST", "WITHCODE"), ("FUNCTION", "LIST", "LIBRARYNAME", dice.choice(["one", "t*", "*", "nosuch", "[ot]*"])), ("FUNCTION", "LIST", "WITHCODE", "LIBRARYNAME", "o*"), ("FUNCTION", "LIST", "LIBRARYNAME"), ("FUNCTION", "FLUSH"), ("FUNCTION", "FLUSH", "ASYNC"), ("FUNCTION", "STATS"),
                                      ("FCALL", dice.choice("fghx"), "0"), ("FCALL_RO", dice.choice("fghx"), "0"), ("FCALL", "g", "1", "k", "a"), ("FCALL", "f", "-1"), ("FCALL", "f", "x")]))
        return ("libraries", turns)
    calls = []
    for _ in range(dice.choice([2, 5, 10])):
        call = dice.choice([generator.call, generator.call, odd.careless, lambda: plainly(dice.choice(SETUPS)), lambda: scripted(generator.call()), lambda: ("client|setname", ["CLIENT", "SETNAME", dice.choice(NAMES)])])()
        if call[0] not in RANDOM | SCANS and not call[0].startswith(("command", "acl", "config|", "latency", "info", "time")):
            calls.append((dice.choice("ab"), call))
    return (dice.choice(["told", "told", "monitored", "slow"]), calls)


def scripted(call):
    """A call within a script; one that draws stays one."""
    name, words = call
    return (name if name in RANDOM | SCANS or name.split("|")[0] in ("command", "acl", "config", "latency") else "eval:" + name, ["EVAL", "return redis.pcall(unpack(ARGV))", "0", *words])


SETUPS = [["MULTI"], ["EXEC"], ["WATCH", *KEYS[:2]], ["UNWATCH"], ["DISCARD"], ["SELECT", "0"], ["CLIENT", "SETINFO", "LIB-NAME", "lib"], ["CLIENT", "SETINFO", "LIB-VER", "1"], ["CLIENT", "NO-EVICT", "ON"], ["CLIENT", "NO-EVICT", "OFF"], ["CLIENT", "NO-TOUCH", "ON"],
          ["CLIENT", "NO-TOUCH", "OFF"], ["AUTH", "default", "x"], ["AUTH", "x"], ["AUTH", "nosuch", "x"], ["CONFIG", "SET", "nosuch", "1"], ["CONFIG", "SET", "maxmemory-policy", "noeviction"], ["ACL", "SETUSER", "u", ">secret"], ["GET", "nokey"], ["MGET", *KEYS[:5]],
          ["SET", "k0", "x" * 200], ["SET", "k0", "a\"b\\c\n\x00\xff"], ["MSET", *(["k0", "1"] * 40)], ["DEL", *KEYS], ["EXISTS", *KEYS], ["EVAL", "return redis.call('GET', 'k0')", "0"], ["SCRIPT", "LOAD", "return 1"], ["SUBSTR", "k0", "0", "1"], ["FLUSHALL"], ["FLUSHDB"]]
