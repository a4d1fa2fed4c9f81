"""When two replies count as the same, and what class a difference belongs to."""

import re

import vectors
from calls import RANDOM, SCANS
from wire import show

# Replies without an order of their own.
UNORDERED = set("""smembers sinter sunion sdiff hgetall hkeys hvals keys pubsub|channels pubsub|shardchannels acl|cat acl|users command|list
    function|list""".split())
# Compared by their kind alone: they tell of the server, or of the time.
SHAPES = set("""info time lolwut client|list client|info client|id client|trackinginfo command|docs command|info command config|get latency|latest latency|history
    latency|histogram slowlog|get slowlog|len memory|stats memory|usage object|freq lastsave acl|log command|count
    command|list commandlog|get commandlog|len
    client|capa acl|cat dump module|list vlinks""".split())
# Time passes between the two answers.
TIMED = set("object|idletime ttl pttl expiretime pexpiretime httl hpttl hexpiretime hpexpiretime".split())
PASSING = {b"idle", b"inactive", b"seen-time", b"active-time", b"radix-tree-keys", b"radix-tree-nodes"}


# Calls in scripts whose replies have no order.
ORDERLESS = re.compile(r"hgetall|smembers|sinter|sunion|sdiff|hkeys|hvals|'keys'", re.I)


def settled_script(text, left, right):
    """What two scripts answered without what they drew by chance, or were told in no order."""
    if "math.random" in text:
        return ("drawn",), ("drawn",)
    if ORDERLESS.search(text) and sorted(show(left)) == sorted(show(right)):
        return left, left
    return left, right


def until_nul(item):
    """A reply with its texts up to a NUL."""
    if item[0] in "*~%>":
        return (item[0], [until_nul(one) for one in item[1]])
    return (item[0], item[1].partition(b"\0")[0]) if len(item) > 1 else item


def flat(item):
    return item if item[0] not in "*~%>" else (item[0], sorted((flat(one) for one in item[1]), key=repr))


def masked(item):
    """A reply of XINFO or XPENDING without what hangs on the time."""
    if item[0] in "*%":
        out, hide = [], False
        entry = len(item[1]) in (3, 4) and item[1][-1][0] == ":" and item[1][-2][0] == ":"
        for at, one in enumerate(item[1]):
            out.append(("T",) if hide or entry and at == len(item[1]) - 2 else masked(one))
            hide = one[0] == "$" and one[1] in PASSING
        return (item[0], out)
    return ("T",) if item[0] == ":" and len(item[1]) >= 13 and item[1] < b"2" else item


def addressless(item):
    """A reply of a script without the addresses in it."""
    if item[0] in "*~%>":
        return (item[0], [addressless(one) for one in item[1]])
    return (item[0], re.sub(rb"0x[0-9a-f]{6,}", b"0x", item[1])) if len(item) > 1 else item


def settled(item):
    """A reply of DEBUG OBJECT without where the value lies, when it was used, and what Redis alone has in lists."""
    return re.sub(rb"at:0x\w+|lru:\d+|lru_seconds_idle:\d+| ql_.*", b"", item[1])


def near(left, right):
    if left[0] == right[0] == ":":
        return abs(int(left[1]) - int(right[1])) <= 5000
    if left[0] == right[0] == "*" and len(left[1]) == len(right[1]):
        return all(near(one, two) for one, two in zip(left[1], right[1]))
    return left == right


def pairs(reply):
    return (reply[0], sorted(zip(reply[1][::2], reply[1][1::2]), key=repr))


def alike(left, right):
    """Whether two payloads of DUMP say the same: those of hash tables have no order, fields expire at times that were
    counted from the moment of the call, streams tell when they were read and what was deleted, and a small set may be made
    of a hash table, and links of vector sets are drawn by chance. What they hold is told by the digest."""
    kinds = {left[1][:1], right[1][:1]}
    return len(kinds) == 1 and kinds <= {b"\x02", b"\x07", b"\x04", b"\x14", b"\x15", b"\x18", b"\x19"}


def same(name, left, right):
    """Whether the two replies to a call say the same."""
    if left == right:
        return True
    if "-" in (left[0], right[0]) and not name.startswith("eval:"):
        # C ends a text at NUL where Redis quotes it in an error.
        return left[0] == right[0] and "\0" in name and left[1].split()[:1] == right[1].split()[:1]
    name = name.rstrip("\0")
    if name in ("eval:script", "eval:library"):
        return addressless(left) == addressless(right)
    if name.startswith("admin:"):
        name = name[6:].replace(" ", "|")
        if name == "debug|object" and left[0] == right[0] == "+":
            return settled(left) == settled(right)
        name = name if name in SHAPES | UNORDERED | TIMED else name.split("|")[0]
    if name == "state|dump":
        return left[0] == right[0] == "$" and alike(left, right)
    if name == "eval:vsim":
        return flat(left) == flat(right)
    if name.startswith("eval:"):
        inner = name[5:]
        return left[0] == right[0] and (inner in SHAPES or inner in RANDOM or inner.startswith("x") and masked(left) == masked(right)
                                        or inner in UNORDERED and flat(left) == flat(right) or inner in TIMED and near(left, right))
    if name == "vsim":
        return vectors.nearest(left) == vectors.nearest(right)
    if name == "vinfo":
        return vectors.plain(left) == vectors.plain(right)
    if name in SHAPES:
        return left[0] == right[0] or {left[0], right[0]} <= {"$", "="}
    if name in RANDOM:
        return left[0] == right[0] and (not isinstance(left[1], list) or len(left[1]) == len(right[1]))
    if name in SCANS and left[0] == right[0]:
        return all(one[0] == two[0] for one, two in zip(left[1], right[1]))
    if name in UNORDERED:
        return pairs(left) == pairs(right) if left[0] == "%" == right[0] else flat(left) == flat(right)
    if name in TIMED:
        return near(left, right)
    if name[0] == "x" or name == "state":
        return masked(left) == masked(right)
    return False


def shape(reply):
    """The class of a reply: errors by their text, other replies by their kind."""
    if reply[0] == "-":
        return "-" + re.sub(r"'[^']*'|[0-9a-f]{40}|\d+", "…", reply[1].decode("latin1"))
    if reply[0] in "*~%>":
        return f"{reply[0]}[{' '.join(sorted({shape(item) for item in reply[1]}))[:60]}]"
    return reply[0] + (reply[1].decode("latin1")[:24] if reply[0] == "+" else "")
