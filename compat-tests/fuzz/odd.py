"""Draws calls that no client library sends: words out of place, subcommands with too little or too much, requests as raw bytes."""

import shlex

from wire import packed

NUMBERS = ["0", "1", "-1", "2", "3", "10", "-0", "+1", " 1", "1 ", "01", "1.0", "1.5", "-1.5", "1e3", "1e400", "-1e400", "0x10", "0x", "nan", "-nan", "NaN", "inf", "-inf", "+inf", "infinity", "Inf", "1_000", "", "-", "+", "1e", "e1", ".5", "5.", "1.",
           "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "4294967295", "4294967296", "2147483647", "2147483648", "-2147483648", "-2147483649",
           "1\x00", "\x001", "1\n", "1" * 40, "0.1e1", "1e-400", "123456789012345678", "0.30000000000000004", "99999999999999999999", "1e19", "-1e19", "00", "--1", "+-1", "1,5", "0b1", "1f", "1d", "\t1"]
KEYS = ["k0", "k1", "k2", "l0", "l1", "s0", "s1", "h0", "h1", "z0", "z1", "x0", "x1", "p0", "p1", "g0", "g1", "nokey", "", "K0", "k\x00\xff", "\xd0\xba", "{k0}a"]
TEXTS = ["a", "b", "c", "d", "m1", "f", "*", "?", "[", "\xc3\xa9", "\x00", "\xff\xfe", "a b", "x" * 65, "1-1", "0-0", "5-*", "$", ">", "-", "+", "(1", "[a", "(a", "(", "1-", "-1-1", "18446744073709551615-18446744073709551615", "0-18446744073709551615", "g", "c"]
POLES = ["180", "-180", "90", "-90", "85.05112878", "-85.05112878", "85.0511287800001", "180.0000001", "0", "1e-300", "179.9999999", "-179.9999999", "38.115556"]
FAMILY = {"string": "k", "list": "l", "set": "s", "hash": "h", "sorted-set": "z", "stream": "x", "hyperloglog": "p", "geo": "g", "bitmap": "k", "generic": "klshzxpg"}

# Subcommands with what they might take; `?` is a number, `@` a key, `~` a text.
ADMIN = """OBJECT ENCODING @;OBJECT FREQ @;OBJECT IDLETIME @;OBJECT REFCOUNT @;OBJECT BOGUS @;OBJECT;OBJECT ENCODING;OBJECT ENCODING @ @;OBJECT IDLETIME nokey;OBJECT FREQ nokey;OBJECT REFCOUNT nokey
CLIENT;CLIENT BOGUS;CLIENT ID x;CLIENT GETNAME x;CLIENT SETNAME;CLIENT SETNAME ~;CLIENT SETNAME ~ ~;CLIENT GETNAME;CLIENT SETINFO;CLIENT SETINFO LIB-NAME ~;CLIENT SETINFO LIB-VER ~;CLIENT SETINFO BOGUS ~;CLIENT SETINFO LIB-NAME
CLIENT REPLY;CLIENT REPLY BOGUS;CLIENT REPLY ON;CLIENT REPLY ON x;CLIENT UNBLOCK 99999999;CLIENT UNBLOCK -1;CLIENT UNBLOCK x;CLIENT UNBLOCK 99999999 BOGUS;CLIENT UNBLOCK;CLIENT UNBLOCK 0 TIMEOUT x;CLIENT KILL;CLIENT KILL ~;CLIENT KILL ID 0;CLIENT KILL ID 99999999;CLIENT KILL ID -1;CLIENT KILL ID 1x;CLIENT KILL BOGUS x;CLIENT KILL TYPE bogus;CLIENT KILL USER nosuch
CLIENT KILL SKIPME bogus;CLIENT KILL MAXAGE 0;CLIENT KILL MAXAGE -1;CLIENT KILL MAXAGE 1x;CLIENT KILL ID;CLIENT KILL ADDR 1.2.3.4:5;CLIENT KILL 1.2.3.4:5;CLIENT KILL LADDR 1.2.3.4:5;CLIENT KILL ID 0 SKIPME yes;CLIENT LIST TYPE bogus;CLIENT LIST TYPE;CLIENT LIST ID ~;CLIENT LIST x;CLIENT LIST ID
CLIENT PAUSE;CLIENT PAUSE ~;CLIENT PAUSE -1;CLIENT PAUSE 1 bogus;CLIENT PAUSE 0;CLIENT UNPAUSE x;CLIENT NO-EVICT;CLIENT NO-EVICT bogus;CLIENT NO-EVICT off;CLIENT NO-TOUCH;CLIENT NO-TOUCH bogus;CLIENT NO-TOUCH off;CLIENT CACHING yes;CLIENT CACHING;CLIENT CACHING x
CLIENT TRACKING;CLIENT TRACKING bogus;CLIENT TRACKING off;CLIENT TRACKING ON REDIRECT;CLIENT TRACKING ON REDIRECT 99999999;CLIENT TRACKING ON REDIRECT -1;CLIENT TRACKING ON REDIRECT x;CLIENT TRACKING ON PREFIX a;CLIENT TRACKING ON BCAST PREFIX a PREFIX ab;CLIENT TRACKING ON OPTIN OPTOUT;CLIENT TRACKING ON BCAST OPTIN;CLIENT TRACKING off BCAST
CLIENT GETREDIR x;CLIENT GETREDIR;CLIENT TRACKINGINFO;CLIENT TRACKINGINFO x;CLIENT INFO x;CLIENT NO-EVICT on off;CLIENT SETNAME "a"
CONFIG;CONFIG BOGUS;CONFIG GET;CONFIG GET nosuch;CONFIG GET maxmemory;CONFIG GET maxmemory maxmemory;CONFIG GET MAXMEMORY-pol*;CONFIG GET hash-max-zip*;CONFIG GET hash-max-l* set-max-i*;CONFIG SET;CONFIG SET maxmemory;CONFIG SET nosuch 1;CONFIG SET hash-max-listpack-entries ~
CONFIG SET hash-max-listpack-entries ? hash-max-listpack-value ?;CONFIG SET maxmemory-policy bogus;CONFIG SET maxmemory 1x;CONFIG SET appendonly maybe;CONFIG SET hash-max-listpack-entries 3 hash-max-listpack-entries 4;CONFIG SET port;CONFIG SET databases 3;CONFIG SET timeout ?
CONFIG SET list-max-listpack-size ?;CONFIG SET set-max-intset-entries ?;CONFIG SET zset-max-listpack-entries ?;CONFIG SET zset-max-listpack-value ?;CONFIG SET list-compress-depth ?;CONFIG SET slowlog-log-slower-than ?;CONFIG SET stream-node-max-entries ?
CONFIG SET hll-sparse-max-bytes ?;CONFIG SET maxmemory-samples ?;CONFIG SET lfu-decay-time ?;CONFIG SET client-output-buffer-limit ~;CONFIG SET client-output-buffer-limit "normal 0 0";CONFIG SET save ~;CONFIG SET save "1 x";CONFIG SET loglevel bogus;CONFIG SET proto-max-bulk-len 5
CONFIG SET latency-tracking-info-percentiles "101";CONFIG SET latency-tracking-info-percentiles ~;CONFIG SET maxclients 0;CONFIG SET tcp-keepalive ?;CONFIG SET busy-reply-threshold ~;CONFIG RESETSTAT x;CONFIG REWRITE x;CONFIG SET maxmemory-clients 101%;CONFIG SET maxmemory-clients -1
ACL;ACL BOGUS;ACL WHOAMI;ACL WHOAMI x;ACL USERS x;ACL LIST x;ACL CAT bogus;ACL CAT read write;ACL GETUSER;ACL GETUSER nosuch;ACL SETUSER;ACL SETUSER u ~;ACL SETUSER u +nosuch;ACL SETUSER u +@nosuch;ACL SETUSER u ~* %R~a %RW~b %X~;ACL SETUSER u >p <q;ACL SETUSER u #zz
ACL SETUSER u on +get|get -set;ACL SETUSER u +config|get;ACL SETUSER u (~a;ACL SETUSER u (~a +get) clearselectors;ACL SETUSER u &c;ACL SETUSER u allkeys ~x;ACL SETUSER u resetkeys resetchannels;ACL SETUSER "a b" on;ACL DELUSER;ACL DELUSER default;ACL DELUSER nosuch;ACL DELUSER u u
ACL GENPASS 5 5;ACL LOG ?;ACL LOG bogus;ACL LOG RESET;ACL LOG RESET x;ACL DRYRUN;ACL DRYRUN nosuch get a;ACL DRYRUN default nosuch;ACL DRYRUN default get;ACL DRYRUN default get a b;ACL DRYRUN u get k0;ACL DRYRUN u set k0 1;ACL DRYRUN u config get x;ACL LOAD;ACL SAVE;ACL LOAD x
ACL GETUSER u;ACL SETUSER u nopass;ACL SETUSER u resetpass;ACL SETUSER u reset;ACL SETUSER u +@all -@dangerous;ACL SETUSER u -@all +@read;ACL SETUSER u off;ACL SETUSER u +select|0;ACL SETUSER u -client|id;ACL SETUSER u +get|x
COMMAND x;COMMAND COUNT x;COMMAND BOGUS;COMMAND INFO nosuch get;COMMAND INFO config|get;COMMAND INFO config|nosuch;COMMAND INFO get GET;COMMAND DOCS nosuch;COMMAND GETKEYS;COMMAND GETKEYS get;COMMAND GETKEYS nosuch a;COMMAND GETKEYS ping;COMMAND GETKEYS mset @ ~ @;COMMAND GETKEYS eval x ? @ @
COMMAND GETKEYS eval x 1 @;COMMAND GETKEYS zunionstore @ ? @ @;COMMAND GETKEYS sort @ store @;COMMAND GETKEYS xread streams @ 0;COMMAND GETKEYS migrate h 1 "" 0 1 keys @ @;COMMAND GETKEYSANDFLAGS set @ ~ get;COMMAND GETKEYSANDFLAGS lmove @ @ left right;COMMAND LIST x;COMMAND LIST FILTERBY
COMMAND LIST FILTERBY bogus x;COMMAND LIST FILTERBY ACLCAT bogus;COMMAND LIST FILTERBY ACLCAT hyperloglog;COMMAND LIST FILTERBY PATTERN xre*;COMMAND LIST FILTERBY MODULE nosuch;COMMAND LIST FILTERBY PATTERN;COMMAND GETKEYS config get;COMMAND GETKEYS object encoding @;COMMAND GETKEYS memory usage @
COMMAND GETKEYS georadius @ 1 1 1 m store @;COMMAND GETKEYS bitop and @ @ @;COMMAND GETKEYS pfcount @;COMMAND GETKEYS xgroup create @ g 0;COMMAND GETKEYS fcall f ? @;COMMAND GETKEYS blmpop 0 ? @ left;COMMAND GETKEYS hexpire @ 1 fields 1 f;COMMAND GETKEYS sintercard ? @ limit 1
LATENCY;LATENCY BOGUS;LATENCY LATEST x;LATENCY HISTORY;LATENCY HISTORY nosuch;LATENCY RESET nosuch;LATENCY GRAPH nosuch;LATENCY GRAPH;LATENCY HISTOGRAM nosuch;LATENCY DOCTOR x;LATENCY HISTORY bogus x;LATENCY RESET
MEMORY;MEMORY BOGUS;MEMORY USAGE;MEMORY USAGE nokey;MEMORY USAGE @ SAMPLES;MEMORY USAGE @ SAMPLES ~;MEMORY USAGE @ SAMPLES -1;MEMORY USAGE nokey SAMPLES -1;MEMORY USAGE @ BOGUS 1;MEMORY STATS x;MEMORY PURGE;MEMORY PURGE x;MEMORY DOCTOR x
FUNCTION BOGUS;FUNCTION LIST x;FUNCTION DELETE;FUNCTION FLUSH x;FUNCTION FLUSH SYNC SYNC;FUNCTION DUMP x;FUNCTION RESTORE;FUNCTION RESTORE ~;FUNCTION RESTORE ~ bogus;FUNCTION KILL;FUNCTION KILL x;FUNCTION STATS x;FUNCTION LOAD;FUNCTION LOAD ~;FUNCTION LOAD bogus x
SCRIPT BOGUS;SCRIPT EXISTS;SCRIPT LOAD;SCRIPT LOAD a b;SCRIPT FLUSH x;SCRIPT FLUSH SYNC x;SCRIPT KILL;SCRIPT KILL x;EVAL;EVAL x;EVALSHA x 0;EVAL "return 1" ?;EVAL "return 1" 1;FCALL f ?;FCALL;EVAL "return KEYS" ? @ @
XINFO;XINFO BOGUS;XINFO STREAM;XINFO STREAM nokey;XINFO STREAM @ FULL;XINFO STREAM @ FULL COUNT;XINFO STREAM @ FULL COUNT ?;XINFO STREAM @ BOGUS;XINFO GROUPS;XINFO GROUPS @;XINFO GROUPS @ x;XINFO CONSUMERS @;XINFO CONSUMERS @ g;XINFO CONSUMERS @ nosuch;XINFO STREAM @ FULL COUNT 1 x;XGROUP;XGROUP BOGUS
XGROUP CREATE @;XGROUP CREATE @ g;XGROUP CREATE @ g ~;XGROUP CREATE @ g 0 MKSTREAM;XGROUP CREATE @ g 0 ENTRIESREAD ?;XGROUP CREATE @ g $ MKSTREAM ENTRIESREAD -1;XGROUP CREATE @ g 0 BOGUS;XGROUP SETID @ g ~;XGROUP SETID @ g 0 ENTRIESREAD ?;XGROUP DESTROY @ g;XGROUP DESTROY @ ~;XGROUP CREATECONSUMER @ g ~
XGROUP DELCONSUMER @ g ~;XGROUP CREATECONSUMER @ nosuch c;XGROUP DELCONSUMER @;XGROUP SETID @ nosuch 0
PUBSUB;PUBSUB BOGUS;PUBSUB CHANNELS;PUBSUB CHANNELS * x;PUBSUB NUMSUB;PUBSUB NUMSUB a a;PUBSUB NUMPAT;PUBSUB NUMPAT x;PUBSUB SHARDCHANNELS;PUBSUB SHARDNUMSUB a;PUBLISH;PUBLISH a;PUBLISH a b c;SPUBLISH a ~;SPUBLISH a
SLOWLOG;SLOWLOG BOGUS;SLOWLOG GET ~;SLOWLOG GET -2;SLOWLOG GET 1 1;SLOWLOG LEN x;SLOWLOG RESET x;MODULE;MODULE LIST;MODULE LIST x;MODULE LOAD;MODULE BOGUS;MODULE LOADEX;CLUSTER;CLUSTER INFO;CLUSTER NODES;CLUSTER KEYSLOT @;CLUSTER SLOTS;CLUSTER BOGUS;CLUSTER COUNTKEYSINSLOT ?
READONLY;READWRITE;ASKING;WAIT;WAIT ? ~;WAIT 0 0;WAIT 0 -1;WAITAOF;WAITAOF ? 0 0;ROLE x;LASTSAVE x;TIME x;DBSIZE x;DEBUG;DEBUG BOGUS;DEBUG SLEEP 0;DEBUG OBJECT nokey;DEBUG DIGEST-VALUE @;DEBUG DIGEST-VALUE @ nokey;DEBUG PROTOCOL string
DEBUG PROTOCOL integer;DEBUG PROTOCOL double;DEBUG PROTOCOL null;DEBUG PROTOCOL array;DEBUG PROTOCOL set;DEBUG PROTOCOL map;DEBUG PROTOCOL attrib;DEBUG PROTOCOL push;DEBUG PROTOCOL verbatim;DEBUG PROTOCOL bignum;DEBUG PROTOCOL true;DEBUG PROTOCOL false;DEBUG PROTOCOL bogus;DEBUG PROTOCOL;DEBUG ERROR ~;DEBUG OBJECT BOGUS
DEBUG STRINGMATCH-LEN ? ~;DEBUG REPLICATE
AUTH;AUTH ~;AUTH default ~;AUTH a b c;HELLO ~;HELLO ?;HELLO 2 AUTH;HELLO 2 AUTH a b;HELLO 3 SETNAME;HELLO 3 SETNAME ~;HELLO 2 BOGUS;HELLO 4;HELLO 1;HELLO 3 AUTH default x SETNAME a;HELLO 2 SETNAME "a b";RESET x;QUIT x;ECHO;ECHO ~ ~;PING ~;PING ~ ~;SELECT ?;SELECT;SELECT 1 1;SWAPDB ? ?;SWAPDB 0;MOVE @ ?
MOVE @ 1 x;FLUSHALL x;FLUSHALL ASYNC SYNC;FLUSHDB x;FLUSHDB SYNC;FLUSHALL ASYNC;SAVE x;BGSAVE x;BGSAVE SCHEDULE x;BGREWRITEAOF x;SHUTDOWN x;SHUTDOWN NOSAVE SAVE;SHUTDOWN ABORT;SHUTDOWN ABORT x
MONITOR x;SUBSCRIBE;PSUBSCRIBE;SSUBSCRIBE;UNSUBSCRIBE;PUNSUBSCRIBE ~;SUNSUBSCRIBE;MULTI x;EXEC x;DISCARD x;WATCH;UNWATCH x;MIGRATE;MIGRATE h 1 @ 0 1 BOGUS;MIGRATE h 1 @ 0;MIGRATE h x @ 0 1;MIGRATE h 1 nokey 0 1;MIGRATE h 1 @ 0 1 KEYS @;MIGRATE h 1 "" 0 1 KEYS nokey;MIGRATE h 1 @ ? ?
RESTORE;RESTORE @ 0 ~;RESTORE newkey ? ~;RESTORE newkey 0 ~ BOGUS;RESTORE newkey 0 ~ IDLETIME ?;RESTORE newkey 0 ~ FREQ ?;RESTORE newkey -1 ~ REPLACE ABSTTL;DUMP nokey;DUMP;COPY @ @;COPY @ @ DB ?;COPY @ @ DB 1 REPLACE;COPY @ @ REPLACE DB;COPY @ @ BOGUS;RENAME nokey @;RENAME @ @;RENAMENX @ @;RENAME @
PFDEBUG GETREG @;PFDEBUG BOGUS @;PFDEBUG DECODE @;PFDEBUG ENCODING @;PFDEBUG TODENSE @;PFSELFTEST x;PFDEBUG;PFDEBUG ENCODING nokey;INFO nosuch;INFO a b;INFO ~;SORT @ BY ~ GET ~;SORT @ LIMIT ? ?;SORT @ ALPHA DESC ASC;SORT @ STORE;SORT @ GET # GET #;SORT_RO @ STORE a;SORT @ BY nosort GET *->f LIMIT 0 2"""
ADMIN = [entry for line in ADMIN.splitlines() for entry in line.split(";")]
# Calls that end the server, wait, or speak of the process or its clock.
UNFIT = set("""shutdown monitor sync psync replconf migrate debug save bgsave bgrewriteaof failover replicaof slaveof client|kill client|pause client|reply hello reset quit
    acl|setuser acl|genpass acl|log acl|deluser auth config|set config|rewrite script|debug lolwut info time wait waitaof command|docs command|info client|list client|info client|id
    latency|doctor memory|doctor memory|malloc-stats memory|stats role lastsave blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop xread xreadgroup
    subscribe psubscribe ssubscribe unsubscribe punsubscribe sunsubscribe multi exec discard watch restore-asking asking eval eval_ro evalsha evalsha_ro
    spop srandmember hrandfield zrandmember randomkey client|tracking cluster readonly readwrite module pfdebug pfselftest swapdb flushall flushdb select
    bgsave acl|load acl|save client|caching client|no-evict client|no-touch client|unblock object|freq object|idletime""".split())


class Odd:
    """Draws what is odd."""

    def __init__(self, docs, dice):
        self.dice = dice
        self.docs = {name: doc for name, doc in docs.items() if name not in UNFIT and name.split("|")[0] not in UNFIT}
        self.tokens = {name: sorted(tokens(doc["arguments"])) for name, doc in self.docs.items()}
        self.names = sorted(self.docs)

    def word(self, group):
        dice, luck = self.dice, self.dice.random()
        if luck < 0.45:
            return dice.choice(NUMBERS if dice.random() < 0.5 else NUMBERS[:7])
        if luck < 0.6 and group == "geo":
            return dice.choice(POLES)
        if luck < 0.8:
            return dice.choice(TEXTS)
        return dice.choice(KEYS)

    def careless(self):
        """Any command with any words: a key of its kind, options of its own in any place, number and case, and numbers of all spellings."""
        dice = self.dice
        name = dice.choice(self.names)
        group, options = self.docs[name]["group"], self.tokens[name]
        words = []
        for nth in range(dice.choice([0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12])):
            luck = dice.random()
            if nth == 0 and luck < 0.85 and group in FAMILY:
                words.append(dice.choice(FAMILY[group]) + dice.choice("0012"))
            elif options and luck < 0.45:
                words.append(cased(dice, dice.choice(options)))
            else:
                words.append(self.word(group))
        if name == "xadd":
            # Not by the clock.
            words = ["1-1" if word == "*" else word for word in words]
        if name in ("psetex", "pexpire", "set"):
            # Nothing that passes within a run.
            words = ["100000" if word in ("2", "3", "10", "1", "+1", "01") else word for word in words]
        return name, [*(cased(dice, one) for one in name.split("|")), *words]

    def mangled(self, call):
        """A call with one thing about it changed."""
        name, words = call
        dice, words = self.dice, list(words)
        start = name.count("|") + 1
        if name not in self.docs or len(words) <= start:
            return self.careless()
        for _ in range(dice.choice([1, 1, 2])):
            at, how = dice.randrange(start, len(words)) if len(words) > start else start, dice.randrange(7)
            if how == 0 and len(words) > start:
                del words[at]
            elif how == 1:
                words.insert(at, dice.choice(NUMBERS))
            elif how == 2 and at < len(words):
                words[at] = dice.choice(NUMBERS)
            elif how == 3 and at < len(words):
                words[at] = cased(dice, words[at])
            elif how == 4:
                words += words[at:]
            elif how == 5 and self.tokens[name]:
                words[at:at] = [cased(dice, dice.choice(self.tokens[name])), *dice.choice([[], [dice.choice(NUMBERS)]])]
            elif at < len(words):
                words[at] = dice.choice([words[at][:-1], words[at] + "x", dice.choice(KEYS), dice.choice(TEXTS)])
        return name, ["1-1" if word == "*" and name == "xadd" else word for word in words]

    def admin(self):
        """A call of the server's own commands, with too little or too much."""
        dice = self.dice
        words = [{"@": lambda: dice.choice(KEYS), "?": lambda: dice.choice(NUMBERS), "~": lambda: dice.choice(TEXTS + NUMBERS)}.get(word, lambda: word)()
                 for word in shlex.split(dice.choice(ADMIN))]
        if words[0] in ("HELLO", "SELECT", "CLIENT") and "3" in words[:3] or words[:2] == ["HELLO", "2"]:
            words[1:2] = ["BOGUS"]
        return "admin:" + " ".join(words[:2]).lower(), words

    def config(self):
        """The bounds of the forms of values, changed."""
        dice = self.dice
        name = dice.choice(["hash-max-listpack-entries", "set-max-listpack-entries", "set-max-intset-entries", "zset-max-listpack-entries", "list-max-listpack-size",
                            "hash-max-listpack-value", "zset-max-listpack-value", "set-max-listpack-value"])
        return "config|set", ["CONFIG", "SET", name, dice.choice(["-1", "-2", "-5"] if name.startswith("list") and dice.random() < 0.5 else ["1", "2", "3", "8", "64", "128", "512"])]

    def raw(self):
        """Requests as bytes: inline ones, quoted, empty, broken or cut off."""
        dice, out = self.dice, b""
        for _ in range(dice.choice([1, 1, 2, 3, 6])):
            luck = dice.random()
            if luck < 0.45:
                words = [dice.choice(["PING", "ECHO", "SET", "GET", "ping", "LPUSH", "nosuch", "DEL", "COMMAND COUNT x", "MULTI", "EXEC", "quit", "EXISTS", "*3", "$4", "ECHO a b c"])]
                words += [dice.choice(["a", '"a b"', "'a b'", '"\\x41\\n"', "'it\\'s'", '"unclosed', "'unclosed", '"a"b', "a\"b", '""', "''", "\\x41", '"\\q"', "\xff\xfe", "k0", "1", "\x00", "a\tb", '"\\xZZ"', "x" * 300, "'\\n'", '"\\\\"'])
                          for _ in range(dice.choice([0, 1, 1, 2, 3]))]
                out += dice.choice([" ", " ", "  ", "\t"]).join(words).encode("latin1") + dice.choice([b"\r\n", b"\r\n", b"\n", b" \r\n", b"\r\r\n", b""])
            elif luck < 0.6:
                out += dice.choice([b"\r\n", b"\n", b" \r\n", b"*0\r\n", b"*-1\r\n", b"*-2147483648\r\n", b"\x00\r\n", b"\t\n"])
            elif luck < 0.85:
                out += packed([dice.choice([["PING"], ["ECHO", "a"], ["SET", "k0", "v"], ["GET", "k0"], ["MULTI"], ["EXEC"], ["CLIENT", "REPLY", "OFF"], ["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "ON"], ["CLIENT", "REPLY", "skip", "x"], ["nosuch", "\r\n", "x"], [""], ["PING", ""], ["nosuch\x00x", "y"], ["GET"], ["CONFIG", "x\ny"], ["x" * 200, "y" * 200]])])
            else:
                out += dice.choice([b"*1\r\n$-1\r\n", b"*1\r\n:1\r\n", b"*x\r\n", b"*\r\n", b"*1048577\r\n", b"*2147483648\r\n", b"*1\r\n$x\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$4\r\nPINGxx", b"*1\r\n$4\nPING\n", b"*01\r\n$04\r\nPING\r\n",
                                    b"*+1\r\n$4\r\nPING\r\n", b"* 1\r\n$4\r\nPING\r\n", b"*1 \r\n$4\r\nPING\r\n", b"*1\r\nPING\r\n", b"$4\r\nPING\r\n", b"+PING\r\n", b"*1\r\n$ 4\r\nPING\r\n", b"*1\r\n$4 \r\nPING\r\n", b"*1\r\n$4\r\nPI", b"*2\r\n$4\r\nECHO\r\n",
                                    b"*1\r\n$-0\r\n\r\n", b"*1\r\n$0\r\n\r\n", b"*-0\r\n", b"*1\n$4\nPING\n", b"*1\r\n*1\r\n$4\r\nPING\r\n", b"*1\r\n$9223372036854775808\r\n", b"*1\r\n$18446744073709551616\r\n", b"*9999999999999999999999\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"Host: x\r\n"])
        return out


def cased(dice, word):
    luck = dice.random()
    if luck < 0.6 or not word.isascii():
        return word
    return word.lower() if luck < 0.9 else "".join(dice.choice([c.lower(), c.upper()]) for c in word)


def tokens(arguments):
    """All words that arguments may hold as they are."""
    out = set()
    for one in arguments:
        if one.get("token"):
            out.add(one["token"])
        out |= tokens(one.get("arguments", []))
    return out
