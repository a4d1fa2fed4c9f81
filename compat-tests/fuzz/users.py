"""Steps in which a user of few rights calls: what is refused, with what words, and what the log tells of it."""

from calls import BLOCKING, KEYS, RANDOM
from crowds import plainly
from judge import flat
from wire import Link

CATEGORIES = ["all", "read", "write", "keyspace", "string", "list", "set", "sortedset", "hash", "stream", "bitmap", "hyperloglog", "geo", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction",
              "scripting", "nosuch"]
GLOBS = ["k*", "*", "l0", "[sh]*", "?0", "\\*", "", "k\x00*", "z1", "nokey", "[^k]*", "K*", "*0", "x"]
# What one call of SETUSER begins with, so that the others have something to give or to take.
BASES = [["reset", "on", "nopass", "+@all"], ["reset", "on", "nopass", "+@all", "allkeys"], ["reset", "on", "nopass", "+@all", "allkeys", "allchannels"], ["reset", "on", ">p"], ["reset", "on", "nopass", "allkeys"]]
CHANNELS = ["c", "d", "cc", "", "a*"]
# What ends the connection's user, or shows what is not the same.
UNFIT = {"acl", "auth", "hello", "reset", "quit", "shutdown", "client", "config", "debug", "info", "monitor", "select", "swapdb", "flushall", "flushdb", "move", "function", "script", "latency", "slowlog", "module", "save",
         "lolwut", "wait", "waitaof", "migrate", "bgsave", "bgrewriteaof", "cluster", "replicaof", "failover", "sync", "psync", "command", "memory", "time", "lastsave", "role", "dbsize"}


class Users:
    """The steps; of a `Pair`."""

    def user(self, protocol, rules, calls):
        """A user is made, who then calls; after that the log is looked at, and what ACL says of the user."""
        everyone = [["ACL", "DELUSER", "u"], ["ACL", "LOG", "RESET"], *rules]
        for words in everyone:
            self.judge("acl|" + words[1].lower(), words, *(side.links["s"].call(*words) for side in self.sides))
        links, queued = [Link(side.server.port) for side in self.sides], []
        try:
            for name, words in [("hello", ["HELLO", str(protocol), "AUTH", "u", "p"]), *calls]:
                replies = [link.call(*words) for link in links]
                if name != "hello":
                    self.judge(name, words, *replies, queued)
                    queued = [*queued, (name, words)] if replies[0] == ("+", b"QUEUED") else queued if name not in ("exec", "multi") else []
                elif "-" in (replies[0][0], replies[1][0]):
                    self.judge("hello", words, *replies)
                    break
        finally:
            for link in links:
                link.socket.close()
        logs = [side.links["s"].call("ACL", "LOG") for side in self.sides]
        self.judge("acl|log of all", ["ACL", "LOG"], *map(lasting, logs))
        for words in (["ACL", "GETUSER", "u"], ["ACL", "LIST"]):
            self.judge("acl|told", words, *(told(side.links["s"].call(*words)) for side in self.sides))


def lasting(log):
    """The log without times, numbers and addresses."""
    if log[0] == "-":
        return log
    text = [repr([one for at, one in enumerate(entry[1]) if entry[1][at - at % 2][1] not in (b"age-seconds", b"client-info", b"entry-id", b"timestamp-created", b"timestamp-last-updated")]) for entry in log[1]]
    return ("*", [("$", one.encode("latin1", "replace")) for one in text])


def told(reply):
    """What is told of users, keys in the order that they have."""
    return flat(reply) if reply[0] == "%" else reply


def rule(dice, names, nested=False):
    """One rule of ACL SETUSER."""
    luck = dice.random()
    if luck < 0.2:
        name = dice.choice(names).replace("|", dice.choice(["|", "|", " "]))
        return dice.choice("+-") + dice.choice([name, name, name.split("|")[0], name.upper(), name + "|x", "nosuch"])
    if luck < 0.35:
        return dice.choice("+-") + "@" + dice.choice(CATEGORIES)
    if luck < 0.6:
        return dice.choice(["~", "~", "%R~", "%W~", "%RW~", "%rw~", "%~", "%X~"]) + dice.choice(GLOBS)
    if luck < 0.68:
        return "&" + dice.choice(["c", "c*", "*", "", "[cd]", "d"])
    if luck < 0.8 and not nested:
        return "(" + " ".join(rule(dice, names, True) for _ in range(dice.choice([0, 1, 2, 3]))) + dice.choice([")", ")", ")", ""])
    return dice.choice(["on", "off", "nopass", "resetpass", "reset", "allkeys", "resetkeys", "allchannels", "resetchannels", "allcommands", "nocommands", "clearselectors", "sanitize-payload", "skip-sanitize-payload", ">p", ">p", "<p", "<q",
                        "#148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940", "!148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940", "#zz", "!abc", "", "bogus", "ON", "AllKeys"])


def draw_user(generator, dice):
    """One of these steps."""
    names = generator.names
    rules = [["ACL", "SETUSER", "u", *dice.choice(BASES), *(rule(dice, names) for _ in range(dice.choice([0, 1, 2])))]]
    for _ in range(dice.choice([0, 1, 2, 4])):
        rules.append(["ACL", "SETUSER", "u", *(rule(dice, names) for _ in range(dice.choice([1, 1, 2, 3])))])
    # So that most may enter.
    if dice.random() < 0.8:
        rules.append(["ACL", "SETUSER", "u", "on", ">p"])
    calls = []
    for _ in range(dice.choice([3, 8, 15])):
        calls += called(generator, dice)
    return ("user", dice.choice([2, 3]), rules, [(name, words) for name, words in calls if name not in RANDOM | BLOCKING and words[0].lower() not in UNFIT and (name != "pfmerge" or len(words) > 2)])


def called(generator, dice):
    """Calls by such a user: of any kind, on channels, in scripts and transactions."""
    luck = dice.random()
    if luck < 0.45:
        return [generator.edges.call()]
    if luck < 0.65:
        return [generator.call()]
    if luck < 0.75:
        return [generator.wrapped()]
    if luck < 0.85:
        return [plainly([dice.choice(["PUBLISH", "SPUBLISH"]), dice.choice(CHANNELS), "m"]), plainly([dice.choice(["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"]), dice.choice(CHANNELS)]), plainly([dice.choice(["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"]), "q"])][:dice.choice([1, 1, 3])]
    if luck < 0.92:
        return [plainly(["MULTI"]), generator.call(), generator.edges.call(), plainly(["EXEC"])]
    key = dice.choice(KEYS)
    return [plainly(dice.choice([["SORT", key, "BY", "k*", "GET", "#"], ["SORT_RO", key, "GET", "h*->a"], ["SORT", key, "STORE", "l1"], ["EVAL", "return redis.pcall('GET', ARGV[1])", "0", key], ["EVAL", "return redis.acl_check_cmd('SET', ARGV[1], 'x')", "0", key],
                               ["EVAL", "return redis.call('NOSUCH')", "0"], ["GET", key, "x"], ["nosuch", "x"], ["GEORADIUS", "g0", "1", "2", "3", "km", "STORE", key], ["BITFIELD", key, "GET", "u8", "0"], ["BITFIELD", key, "SET", "u8", "0", "1"], ["SET", key, "v", "GET"],
                               ["ZUNIONSTORE", "z1", "2", "z0", key], ["XREADGROUP", "GROUP", "g", "c", "STREAMS", key, "1"], ["COPY", "k0", key], ["LMOVE", "l0", key, "LEFT", "LEFT"], ["MSET", "k0", "1", key, "2"], ["KEYS", "nosuch*"], ["RANDOMKEY", "x"], ["PING"], ["ECHO", "x"]]))]
