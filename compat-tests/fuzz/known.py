"""Differences that are none of Synap's faults, each with the reason.

Synap follows Redis 8; where the oracle is older, or another server, or both are right, a difference is none.
"""

import re

from wire import show

# (oracle, command, oracle's reply, Synap's reply, why): `redis-8.0` means a Redis older than that, `valkey` any Valkey, `any` every oracle.
KNOWN = [
    ("redis-8.0", r".*", r"embstr|raw|ziplist|quicklist|hashtable|intset|listpack|skiplist", r"embstr|raw|quicklist|hashtable|intset|listpack|listpackex|skiplist", "encodings changed since"),
    ("any", r"sort(_ro)?|eval:sort(_ro)?", r"ERR One or more scores.*", r"\[.*|\d+", "C's errno stays as an earlier call left it"),
    ("any", r"eval:script", r".*ERR reached lua stack limit.*", r".*ERR reached lua stack limit.*", "tables in each other are told a thousand deep, not as far as Lua's stack reaches"),
    ("any", r"eval:script", r"ERR Error compiling .*", r"ERR Error compiling .*\\xef\\xbf\\xbd.*", "the compiler's message is told as UTF-8"),
    ("any", r"function\|list", r"ERR Unknown argument .*", r"ERR Unknown argument .*", "an end of line within an error is told as a blank"),
    ("any", r"eval:library", r"ERR Error compiling function: .*", r"ERR Error compiling function: .*", "likewise: Redis breaks its reply there"),
    ("any", r"admin:waitaof.*", r"ERR WAITAOF cannot be used when numlocal is set.*", r".*", "Synap has a log here"),
    ("any", r"(eval:|listens:)?copy", r".*ERR not supported for this module key.*", r".*", "vector sets are copied"),
    ("any", r"(eval:)?dbsize", r"\d+", r"\d+", "keys past their time count until somebody looks, and who does differs; looks at the state tell the same"),
    ("any", r"served by a store", r"il\*?", r".*", "what is stored over a value of another type serves who waits, whom Redis forgets"),
    ("any", r"acl\|dryrun", r"OK", r"User .* has no permissions to access the 'p\d' key", "as of PFMERGE below"),
    ("any", r"(eval:)?hgetex", r"ERR The `numfields` parameter must match the number of arguments", r".*", "options may stand behind the fields, as of HSETEX"),
    ("any", r"object\|refcount", r"2", r"1", "a transaction holds its arguments, of which one is the value"),
    ("any", r"object\|idletime", r"\d{6,}", r"\d+", "accesses that were counted under another policy"),
    ("any", r"pfmerge|eval:pfmerge", r"OK|QUEUED", r"(NOPERM|ERR ACL failure) .*", "Redis asks nobody for the only key"),
    ("any", r"hsetex|eval:hsetex", r"ERR unknown argument: (NX|XX|nx)", r".*", "NX and XX of Valkey 9.0 are known"),
    ("any", r"hsetex|eval:hsetex", r"ERR wrong number of arguments for 'hsetex' command", r".*", "options may stand behind the fields, as in Redis 8.4"),
    ("any", r"admin:config set", r"OK", r"ERR CONFIG SET failed \(possibly related to argument 'maxmemory(-clients)?'\) - argument must be .*", "more bytes than there are"),
    ("any", r"admin:config set|config\|set", r"ERR .*'maxmemory-policy'.*", r"ERR .*'maxmemory-policy'.*", "the policies of Redis 8.6 are named as well"),
    ("any", r"client\|list", r"ERR (syntax error|Invalid client ID)", r".*", "several filters at once and several ids, as in Valkey 8"),
    ("valkey", r"bitcount|eval:bitcount", r".*", r"ERR syntax error", "the end may be left out since 8.1"),
    ("valkey", r"client\|list", r".*", r".*", "filters of 9.0"),
    ("valkey", r"acl\|cat|eval:acl\|cat", r"\[.*", r"\[.*", "Synap has a category for queues"),
    ("valkey", r"command\|getkeysandflags", r".*insert.*", r".*update.*", "HSETEX is said to insert"),
    ("valkey", r"eval:.*", r"\[?-?(ERR|WRONGTYPE|NOGROUP|BUSYGROUP|INVALIDOBJ|OOM).*", r"\[?-?(ERR|WRONGTYPE|NOGROUP|BUSYGROUP|INVALIDOBJ|OOM).*", "errors of scripts are told in other words"),
    ("valkey", r"event", r".*|il", r".*|il", "its events differ in order and number, as Synap tells those of Redis 8"),
    ("valkey", r"h(p)?(expire(at|time)?|ttl|persist|getex|setex|getdel)", r"(ERR|WRONGTYPE) .*|\[.*|\d+", r"(ERR|WRONGTYPE) .*", "what it checks of field expiry, when and in what words"),
    ("valkey", r"getex", r"ERR invalid expire time.*", r".*", "the time is checked before the key"),
    ("valkey", r"state\|encoding", r"embstr|listpack|hashtable", r"raw|int|listpackex", "what it stores within the key's object"),
    ("valkey", r"multi|watch|unwatch", r"ERR Command '.*", r"ERR .*|OK", "texts and rules within a transaction"),
    ("valkey", r"scan", r"ERR unknown type name.*", r".*", "unknown types are refused"),
    ("valkey", r"geo.*", r"\[.*[0-9]{12}.*", r"\[.*", "doubles are printed otherwise"),
    ("valkey", r"geo.*", r"ERR member .*", r"ERR could not decode.*", "text"),
    ("valkey", r"geo.*|z.*", r"ERR .*", r".*", "hexadecimals are no numbers"),
    ("valkey", r"bitcount", r"ERR syntax error", r"ERR value.*", "the order of checks"),
    ("redis-7.2", r"set", r".*", r".*", "the order of checks changed"),
    ("redis-8.0", r"acl\|(list|getuser)", r".*", r".*sanitize-payload.*", "the flag is told since"),
    ("redis-8.0", r"client\|setname", r"ERR Client names.*", r"OK", "names are looked at up to a NUL since"),
    ("redis-8.0", r"client\|getname", r"il|.*", r".*", "as their setting"),
    ("redis-8.0", r"b.*", r"ERR timeout is negative", r"ERR timeout is out of range", "an infinite timeout is told as such since"),
    ("redis-8.0", r"copy", r"ERR value is out of range.*", r"ERR value is not an integer or out of range", "the number of a database is read otherwise since"),
    ("redis-8.0", r"lrem", r".*", r"ERR value is out of range.*", "-2^63 is refused since"),
    ("redis-8.0", r"xread(group)?", r"ERR (Unbalanced|Invalid stream ID).*", r".*", "the last ID, '+', came in 7.4, and texts with it"),
    ("redis-8.0", r"z.*", r"[0-9.e+-]+", r"[0-9.e+-]+", "doubles are printed in as few digits as tell them apart since"),
    ("redis-8.0", r"z.*|geo.*", r".*", r"ERR (min or max is not a float|value is not a valid float)", "blanks and hexadecimals are no numbers since"),
    ("redis-8.0", r"(eval:)?z(rev)?range(byscore)?", r"\[\]", r"\[.*", "a negative offset counts from the end in the large form since"),
    ("redis-8.0", r"z(rev)?rank", r"ERR wrong number of arguments.*", r".*", "WITHSCORE came in 7.2"),
    ("redis-8.0", r"b?z.*", r"\[.*[0-9]{16}.*", r"\[.*", "doubles are printed in as few digits as tell them apart since"),
    ("redis-8.0", r"bit(count|pos)", r".*", r"ERR (value is not an integer or out of range|syntax error)", "arguments are read before the key since"),
    ("redis-8.0", r"[hsz]?scan", r"(ERR|WRONGTYPE) .*|\[.*", r"(ERR|WRONGTYPE) .*|\[.*", "cursors are read as whole numbers since"),
    ("redis-8.0", r"scan of all", r"ERR syntax error", r".*", "NOVALUES came in 7.4"),
    ("redis-8.0", r"command\|getkeys(andflags)?", r"ERR wrong number.*", r"ERR.*|QUEUED", "takes a single word since 7.2"),
    ("redis-8.0", r"exec", r"EXECABORT.*", r"\[.*", "holds calls that are refused at once where they differ as listed here"),
    ("redis-8.0", r"command\|getkeysandflags", r"\[.*RW.*", r"\[.*OW.*", "the flags of stores changed"),
    ("redis-8.0", r"eval:b.*", r".*", r".*", "calls that wait are allowed in scripts since 7.2"),
    ("redis-8.0", r"geo.*", r"\[.*[0-9]{16}.*", r"\[.*", "doubles are printed in as few digits as tell them apart since"),
    ("redis-8.0", r"eval:xread(group)?", r"ERR \w+ command is not allowed with BLOCK.*", r".*", "BLOCK is passed over in scripts since"),
    ("redis-8.0", r"event", r".*", r".*", "misses are told by other calls since, and what follows stands elsewhere"),
    ("redis-8.0", r"xinfo\|stream", r".*groups.*", r".*groups.*", "active-time came in 7.2, and other lags"),
    ("redis-8.0", r"(eval:)?xinfo\|groups", r"\[.*[$]lag .*", r"\[.*[$]lag .*", "lags of groups whose counts are given by hand are told otherwise since"),
    ("redis-8.0", r"exec|eval:.*", r"\[.*", r"\[.*", "holds the replies of calls that differ as listed here"),
]


class Known:
    """The differences known for one oracle, of a kind (`redis` or `valkey`) and a version."""

    def __init__(self, kind, version):
        self.rules = [
            (re.compile(command), re.compile(left, re.S), re.compile(right, re.S))
            for oracle, command, left, right, _ in KNOWN
            if oracle == "any" or oracle == kind or kind == "redis" and oracle.startswith("redis-") and version < tuple(map(int, oracle[6:].split(".")))
        ]

    def __call__(self, name, left, right):
        return any(
            command.fullmatch(name) and one.fullmatch(show(left)[1:]) and two.fullmatch(show(right)[1:])
            for command, one, two in self.rules
        )
