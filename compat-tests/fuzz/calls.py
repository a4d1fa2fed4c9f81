"""Draws calls from what COMMAND DOCS tells of the arguments, and from templates where that is too little."""

EDGES = ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616",
         "4294967296", "-2147483648", "", " 1", "1 ", "01", "+1", "-0", "0x10", "1e3", "1e400", "nan", "inf", "-inf", "1.5", "abc"]
SMALL = ["0", "1", "2", "3", "5", "-1", "-2", "-3", "10", "100"]
TEXTS = ["a", "b", "c", "d", "1", "2", "10", "-5", "3.0", "x" * 70, "\x00\xff", "hello world", ""]
SCORES = ["0", "1", "2", "-1", "2.5", "1e10", "inf", "-inf", "3.3333333333333335", "0.1"]
PREFIXES = {"string": "k", "list": "l", "set": "s", "hash": "h", "sorted-set": "z", "stream": "x", "hyperloglog": "p", "geo": "g", "bitmap": "k"}
KEYS = [f"{prefix}{n}" for prefix in "klshzxpgw" for n in range(3)] + ["", "k\x00\xff"]

# What DOCS tells of what a command takes; which of it is drawn.
GROUPS = {"string", "list", "set", "hash", "sorted-set", "stream", "bitmap", "hyperloglog", "geo", "generic", "transactions", "pubsub", "connection", "server",
          "scripting"}
LEFT_OUT = set("""migrate wait waitaof restore-asking sync psync replicaof slaveof failover shutdown debug monitor acl|setuser acl|deluser acl|load
    acl|save bgsave bgrewriteaof save config|set config|rewrite config|resetstat client|kill client|pause client|unpause client|reply client|tracking
    client|unblock client|caching client|no-evict client|no-touch hello auth reset quit readonly readwrite asking script|debug script|kill function|kill
    function|restore replconf module|load module|loadex module|unload pfselftest pfdebug subscribe psubscribe ssubscribe unsubscribe
    punsubscribe sunsubscribe latency|graph latency|doctor memory|doctor memory|malloc-stats slowlog|reset eval eval_ro evalsha evalsha_ro fcall
    fcall_ro function|load select flushall flushdb swapdb client|setname client|setinfo commandlog|reset multi exec discard
    client|import-source client|capa lolwut acl|genpass function|dump function|stats""".split())
BLOCKING = set("blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop xread xreadgroup".split())
# Both servers draw for themselves: compared by shape, and the key is given up where it changed.
RANDOM = set("spop srandmember hrandfield zrandmember randomkey vrandmember".split())
SCANS = {"scan", "sscan", "hscan", "zscan"}
SCRIPTS = ["return redis.call(unpack(ARGV))", "return redis.pcall(unpack(ARGV))", "return {redis.pcall(unpack(ARGV)), 1, 'x', false}",
           "local r = redis.pcall(unpack(ARGV)); return type(r) == 'table' and #r or r", "redis.setresp(3); return redis.pcall(unpack(ARGV))",
           "return cjson.encode({ARGV[1], #ARGV})", "return tostring(tonumber(ARGV[#ARGV]))", "return redis.error_reply(ARGV[#ARGV])",
           "return redis.sha1hex(ARGV[1])", "return {1, 2.9, {3, {4}}, nil, 5}", "error(ARGV[1])", "return redis.status_reply(ARGV[1])"]


class Generator:
    def __init__(self, docs, dice):
        self.docs, self.dice = docs, dice
        self.names = sorted(docs)
        self.payloads = []

    def call(self, name=None):
        """One call: its name as in DOCS, and its words."""
        dice = self.dice
        name = name or dice.choice(self.names)
        doc = self.docs[name]
        self.group = doc["group"]
        self.name = name
        self.number = None
        self.streams = 0
        words = []
        for argument in doc["arguments"]:
            self.argument(argument, words)
        spoilt = dice.random() < 0.08
        if spoilt:
            self.spoil(words)
        if name in BLOCKING:
            self.hurry(name, words)
        if name.startswith("zrange"):
            # Members of different scores have no order by their bytes.
            words = ["BYSCORE" if word == "BYLEX" else word for word in words]
        return name, [*name.upper().split("|"), *words]

    def hurry(self, name, words):
        """Keeps a call that blocks from doing so for long."""
        place = {"blmpop": 0, "bzmpop": 0}.get(name, -1)
        if name.startswith("x"):
            for at, word in enumerate(words[:-1]):
                if word == "BLOCK" and words[at + 1] in SMALL + EDGES:
                    words[at + 1] = "1" if words[at + 1] in SMALL and words[at + 1][0] != "-" else "-1"
        elif words and words[place] not in ("0.001", "0.01", "-1", "abc", "1e400", "nan", "inf", "-inf"):
            words[place] = "0.01"

    def argument(self, argument, words):
        flags = argument.get("flags", [])
        if "optional" in flags and self.dice.random() > 0.35:
            return
        times = self.dice.choice([1, 1, 2, 3]) if "multiple" in flags else 1
        if "multiple" in flags and self.number is not None and (argument["type"] == "key" or argument["name"] in ("field", "data", "fields")):
            times, self.number = self.number, None
        if self.streams and argument["name"] == "id" and "multiple" in flags:
            times = self.streams
        if argument["name"] == "key" and "multiple" in flags and self.group == "stream":
            self.streams = times
        for nth in range(times):
            if argument.get("token") is not None and argument["type"] != "pure-token" and (nth == 0 or "multiple_token" in flags):
                words.append(argument["token"] or '""')
            self.value(argument, words)

    def key(self):
        dice, prefix = self.dice, PREFIXES.get(self.group)
        if dice.random() < 0.01:
            return dice.choice(KEYS)
        if "lex" in self.name:
            return f"w{dice.randrange(3)}"
        if prefix is None or dice.random() < 0.08:
            prefix = dice.choice("klshzxpg")
        return f"{prefix}{dice.randrange(3)}"

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
            words.append(self.key())
        else:
            words.append(self.word(kind, name))

    def word(self, kind, name):
        dice, group = self.dice, self.group
        edge = dice.random()
        if name in ("numkeys", "numfields"):
            self.number = dice.choice([1, 1, 2, 3])
            return str(self.number) if edge < 0.93 else dice.choice(EDGES + SMALL)
        if name == "cursor":
            return dice.choice(["0", "0", "abc", "-1", "9223372036854775808", "18446744073709551616", " 0", ""])
        if name == "timeout" or (name == "milliseconds" and self.name in BLOCKING):
            return dice.choice(["0.001", "0.01", "-1", "abc", "1e400", "nan"]) if kind == "double" else "1"
        if name in ("min-idle-time",):
            return dice.choice(["0", "100000000"] if edge < 0.9 else ["-1", "abc", ""])
        if name in ("seconds", "milliseconds", "unix-time-seconds", "unix-time-milliseconds", "timestamp", "px", "ex") or kind == "unix-time":
            # Far off or in the past, so that no reply hangs on when it is asked for.
            return dice.choice(["100000000", "100000001", "4102444800", "4102444800000", "0", "-1"] if edge < 0.9 else EDGES)
        if group == "stream" and (name in ("id", "lastid", "start", "end", "threshold", "max-deleted-entry-id", "ids", "min", "max") or name.endswith("id")):
            return dice.choice(["1-1", "2-0", "3-3", "5", "0", "0-0", "4-1", "6-1"] if edge < 0.7 else
                               ["-", "+", "10-*", "(1-1", "$", ">", "abc", "18446744073709551615-18446744073709551615", "20-0", "1-"])
        if group == "stream" and name in ("group", "consumer", "consumername", "groupname"):
            return dice.choice(["g", "c"] if edge < 0.9 else TEXTS)
        if name in ("longitude", "latitude"):
            return dice.choice(["13.361389", "15.087269", "38.115556", "-0.1", "0", "85.05112878", "180"] if edge < 0.93 else EDGES + ["181", "-86"])
        if name in ("radius", "width", "height"):
            return dice.choice(["0", "1", "200", "1000", "200000", "1e7"] if edge < 0.9 else EDGES)
        if "db" in name or name in ("index", "index1", "index2") and group in ("generic", "connection", "server"):
            return dice.choice(["0", "1", "2", "3"] if edge < 0.9 else EDGES + SMALL)
        if kind == "integer":
            edges = [one for one in EDGES if not (one == "4294967296" and name == "offset")]
            return dice.choice(edges) if edge < 0.12 else dice.choice(SMALL)
        if kind == "double":
            return dice.choice(EDGES) if edge < 0.12 else dice.choice(SCORES)
        if kind == "pattern":
            return dice.choice(["*", "k*", "[a-z]?", "h[^1]", "nothing", "\\*", "[", "w_*", "*->f", "#"])
        if name in ("min", "max", "start", "stop") and group == "sorted-set":
            return dice.choice(["0", "1", "-1", "(1", "-inf", "+inf", "[a", "(b", "-", "+", "[", "(", "nan", "5", "10"])
        if name == "encoding":
            return dice.choice(["u8", "i8", "i16", "u1", "u63", "i64", "u64", "i0", "u", "x8", "i65"])
        if name == "offset" and group == "bitmap":
            return dice.choice(["0", "1", "#1", "100", "#", "-1", "7", "33"])
        return dice.choice(TEXTS)

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
            words.insert(at, self.dice.choice(["NX", "XX", "COUNT", "LIMIT", "WITHSCORES", "bogus", "GET", "-1", "", "FIELDS", "nx", "withscores"]))

    def bulk(self):
        """A call that makes a collection so large that its encoding changes."""
        dice, n = self.dice, self.dice.choice([5, 20, 130, 200, 600])
        many = [str(i) if dice.random() < 0.5 else f"m{i}" for i in range(n)]
        key = dice.randrange(3)
        kind = dice.choice("klshzpxgw")
        if kind == "w":
            return "zadd", ["ZADD", f"w{key}", *(word for one in many for word in ("1", one))]
        if kind == "k":
            return "setrange", ["SETRANGE", f"k{key}", str(n * 50), "end"]
        if kind == "x":
            return "xadd", ["XADD", f"x{key}", f"{dice.randrange(9)}-{n}", *many[:100], *many[:100]]
        if kind == "g":
            return "geoadd", ["GEOADD", f"g{key}", *(w for i, m in enumerate(many) for w in (str(i % 170), str(i % 80), m))]
        verb = {"l": "rpush", "s": "sadd", "h": "hset", "z": "zadd", "p": "pfadd"}[kind]
        if kind == "h":
            many = [word for one in many for word in (one, dice.choice(TEXTS))]
        if kind == "z":
            many = [word for n, one in enumerate(many) for word in (str(n / 4), one)]
        return verb, [verb.upper(), f"{kind}{key}", *many]

    def wrapped(self):
        """A call within another one: in a script, or as the argument of COMMAND GETKEYS."""
        name, words = self.call()
        while name in RANDOM | SCANS or self.docs[name]["group"] in ("server", "connection", "pubsub", "scripting"):
            name, words = self.call()
        if self.dice.random() < 0.3:
            sub = self.dice.choice(["getkeys", "getkeysandflags"])
            return f"command|{sub}", ["COMMAND", sub.upper(), *words]
        keys = [word for word in words[1:] if word in KEYS][: self.dice.choice([0, 1, 9])]
        verb = self.dice.choice(["EVAL", "EVAL", "EVAL_RO"])
        return f"eval:{name}", [verb, self.dice.choice(SCRIPTS), str(len(keys)), *keys, *words]


def read_docs(oracle, synap, plain):
    """The arguments of every command that both servers have."""
    known = {plain(entry[1][0]) for entry in synap.call("COMMAND")[1]}
    docs = {}
    for name, doc in plain(oracle.call("COMMAND", "DOCS")).items():
        for one, text in {name: doc, **doc.get("subcommands", {})}.items():
            group = text.get("group", "").replace("_", "-").replace(" ", "-")
            fits = group in GROUPS and name in known and one not in LEFT_OUT and not one.endswith("|help")
            if fits and not (one == name and "subcommands" in doc):
                docs[one] = {"group": group, "arguments": text.get("arguments", [])}
    return docs
