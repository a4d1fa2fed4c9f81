"""Runs of calls on one key that take a value over the bounds of its forms, and back."""

WIDTHS = ["127", "128", "4095", "4096", "32767", "32768", "-32769", "8388607", "2147483647", "2147483648", "-2147483649", "9223372036854775807",
          "-9223372036854775808", "9223372036854775808"]
LONG = ["v" * 64, "v" * 65, "ab" * 100, "x" * 4090, "y" * 8185, "z" * 8193, "w" * 20_000]


def churn(dice, payloads):
    """Some calls on one key, of one type."""
    kind = dice.choice("klshzxr")
    key = f"{'k' if kind == 'r' else kind}{dice.randrange(3)}"
    draw = {"k": text, "l": items, "s": members, "h": fields, "z": scores, "x": entries, "r": restored}[kind]
    calls = []
    for _ in range(dice.choice([3, 8, 20])):
        words = draw(dice, key, payloads)
        calls.append((words[0].lower() + ("|" + words[1].lower() if words[0] in ("XGROUP", "XINFO") else ""), words))
    return calls


def word(dice):
    luck = dice.random()
    return dice.choice(LONG) if luck < 0.06 else dice.choice(WIDTHS) if luck < 0.2 else f"m{dice.randrange(40)}" if luck < 0.7 else str(dice.randrange(300))


def words(dice, most=1):
    return [word(dice) for _ in range(dice.choice([1, 2, most, dice.randrange(1, most + 1)]))]


def place(dice):
    return str(dice.choice([0, 1, 2, 3, 7, 60, 127, 128, -1, -2, -8, -128]))


def text(dice, key, _):
    return dice.choice([
        ["SET", key, word(dice)], ["APPEND", key, word(dice)], ["SETRANGE", key, place(dice), word(dice)], ["SETBIT", key, place(dice), dice.choice("01")],
        ["INCRBY", key, dice.choice(WIDTHS)], ["INCRBYFLOAT", key, dice.choice(["1.5", "1e17", "-3", "0.1", "1e-9"])], ["GETDEL", key],
        ["BITFIELD", key, "OVERFLOW", dice.choice(["WRAP", "SAT", "FAIL"]), "INCRBY", dice.choice(["u8", "i16", "i64", "u63"]), place(dice), dice.choice(WIDTHS),
         "SET", "u4", "#3", place(dice)], ["BITOP", dice.choice(["AND", "OR", "XOR"]), key, "k0", "k1", "k2"], ["COPY", key, "k1", "REPLACE"]])


def items(dice, key, _):
    other = f"l{dice.randrange(3)}"
    return dice.choice([
        ["RPUSH", key, *words(dice, 140)], ["LPUSH", key, *words(dice, 20)], ["LINSERT", key, dice.choice(["BEFORE", "AFTER"]), word(dice), word(dice)],
        ["LSET", key, place(dice), word(dice)], ["LREM", key, place(dice), word(dice)], ["LTRIM", key, place(dice), place(dice)], ["LPOP", key, place(dice).lstrip("-")],
        ["RPOP", key], ["LMOVE", key, key, dice.choice(["LEFT", "RIGHT"]), dice.choice(["LEFT", "RIGHT"])], ["RPOPLPUSH", key, other],
        ["LMPOP", "2", key, other, "RIGHT", "COUNT", "5"], ["SORT", key, "ALPHA", "LIMIT", "1", place(dice), "STORE", other], ["LPOS", key, word(dice), "RANK", place(dice), "COUNT", "0"],
        ["COPY", key, other, "REPLACE"]])


def members(dice, key, _):
    other = f"s{dice.randrange(3)}"
    return dice.choice([
        ["SADD", key, *words(dice, 140)], ["SADD", key, *(str(n) for n in range(dice.choice([3, 129, 513])))], ["SADD", key, dice.choice(WIDTHS)], ["SREM", key, *words(dice, 60)],
        ["SMOVE", key, other, word(dice)], [dice.choice(["SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"]), key, other, "s1", "s1"], ["SINTERCARD", "2", key, other, "LIMIT", "3"],
        ["COPY", key, other, "REPLACE"], ["SORT", key, "ALPHA", "STORE", "l0"]])


def fields(dice, key, _):
    some = words(dice, 5)
    times = [str(len(some)), *some]
    return dice.choice([
        ["HSET", key, *(one for name in words(dice, 140) for one in (name, word(dice)))], ["HDEL", key, *words(dice, 60)], ["HINCRBY", key, word(dice), dice.choice(WIDTHS)],
        ["HPEXPIREAT", key, dice.choice(["4102444800000", "4102444700000", "1"]), *dice.choice([[], ["NX"], ["XX"], ["GT"], ["LT"]]), "FIELDS", *times],
        ["HPERSIST", key, "FIELDS", *times], ["HGETEX", key, dice.choice(["PERSIST", "EXAT"]), *dice.choice([[], ["4102444800"]]), "FIELDS", *times],
        ["HSETEX", key, *dice.choice([[], ["FNX"], ["FXX"], ["KEEPTTL"], ["PXAT", "4102444800000"]]), "FIELDS", "1", word(dice), word(dice)], ["HGETDEL", key, "FIELDS", *times],
        ["HSETNX", key, word(dice), word(dice)], ["COPY", key, f"h{dice.randrange(3)}", "REPLACE"]])


def scores(dice, key, _):
    other = f"z{dice.randrange(3)}"
    return dice.choice([
        ["ZADD", key, *dice.choice([[], ["NX"], ["XX", "CH"], ["GT", "CH"], ["LT"]]), *(one for name in words(dice, 140) for one in (place(dice), name))],
        ["ZREMRANGEBYRANK", key, place(dice), place(dice)], ["ZREMRANGEBYSCORE", key, place(dice), place(dice)], ["ZREM", key, *words(dice, 60)],
        ["ZINCRBY", key, dice.choice(["0.1", "1e300", "-inf", "3"]), word(dice)], ["ZPOPMIN", key, place(dice)],
        [dice.choice(["ZUNIONSTORE", "ZINTERSTORE"]), key, "3", key, other, "s1", "WEIGHTS", "2", "0.5", "-1", "AGGREGATE", dice.choice(["SUM", "MIN", "MAX"])],
        ["ZRANGESTORE", other, key, "0", place(dice)], ["ZRANGEBYSCORE", key, "-inf", "+inf", "LIMIT", place(dice), place(dice)], ["COPY", key, other, "REPLACE"],
        ["ZDIFFSTORE", other, "2", key, other]])


def entries(dice, key, _):
    ident = f"{dice.randrange(1, 60)}-{dice.randrange(3)}"
    other = f"{dice.randrange(1, 60)}"
    group, consumer = dice.choice(["g", "f"]), dice.choice("abc")
    return dice.choice([
        ["XADD", key, ident, *(one for name in words(dice, 3) for one in (name, word(dice)))], ["XADD", key, f"{ident[:-1]}*", "f", "v"],
        ["XADD", key, "MAXLEN", dice.choice("=~"), place(dice), ident, "f", "v"], ["XADD", key, "NOMKSTREAM", "MINID", other, ident, "f", "v"],
        ["XTRIM", key, dice.choice(["MAXLEN", "MINID"]), dice.choice("=~"), other, *dice.choice([[], ["LIMIT", "10"]])], ["XDEL", key, ident, f"{other}-0"],
        ["XGROUP", "CREATE", key, group, dice.choice(["0", "$", other]), *dice.choice([[], ["MKSTREAM"], ["ENTRIESREAD", other]])], ["XGROUP", "SETID", key, group, other],
        ["XGROUP", "DELCONSUMER", key, group, consumer], ["XGROUP", "CREATECONSUMER", key, group, consumer], ["XREADGROUP", "GROUP", group, consumer, "COUNT", "3", "STREAMS", key, ">"],
        ["XREADGROUP", "GROUP", group, consumer, *dice.choice([[], ["NOACK"]]), "STREAMS", key, dice.choice([">", "0", other])], ["XACK", key, group, ident, f"{other}-0"],
        ["XCLAIM", key, group, consumer, "0", ident, f"{other}-0", *dice.choice([[], ["JUSTID"], ["FORCE"], ["RETRYCOUNT", "4"], ["LASTID", other]])],
        ["XAUTOCLAIM", key, group, consumer, "0", other, "COUNT", "3", *dice.choice([[], ["JUSTID"]])], ["XPENDING", key, group, "-", "+", "5", *dice.choice([[], [consumer]])],
        ["XSETID", key, "70-0", *dice.choice([[], ["ENTRIESADDED", "90", "MAXDELETEDID", "5-0"]])], ["XRANGE", key, f"({ident}", "+", "COUNT", "4"], ["XINFO", "GROUPS", key]])


def restored(dice, key, payloads):
    if not payloads or dice.random() < 0.3:
        return ["DEL", key]
    payload = dice.choice(payloads)
    if dice.random() < 0.1:
        at = dice.randrange(len(payload))
        payload = payload[:at] + dice.choice("\x00\x01\xff") + payload[at + 1:]
    return ["RESTORE", key, dice.choice(["0", "0", "100000000", "-1"]), payload, *dice.choice([["REPLACE"], ["REPLACE"], [], ["REPLACE", "ABSTTL"], ["REPLACE", "FREQ", "5"], ["IDLETIME", "-1"]])]


def dumped(oracle, dice):
    """Payloads of values that runs of calls make."""
    payloads = []
    for draw, key in ((text, "k0"), (items, "l0"), (members, "s0"), (fields, "h0"), (scores, "z0")):
        for _ in range(12):
            oracle.call("FLUSHALL")
            for _ in range(4):
                oracle.call(*draw(dice, key, ()))
            reply = oracle.call("DUMP", key)
            if reply[0] == "$":
                payloads.append(reply[1].decode("latin1"))
    return payloads
