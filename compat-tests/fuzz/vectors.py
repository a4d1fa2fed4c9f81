"""Draws calls on vector sets: elements of a few names, vectors that point the same way now and then, filters over attributes that
are mostly JSON, and all of it spoilt.

What Redis 8.0 ends of, or takes endless time for, is left out: numbers of dimensions, counts and efforts without a bound. So
is what came later: `null`, and strings within strings.
"""

import random
import struct

ELEMENTS = ["a", "b", "c", "7", "-5", "", "x\x00y", "e" * 70]
NUMBERS = ["0", "1", "-1", "0.5", "-2.25", "3", "1e3", "0x10", ".5", "1e-3"]
BAD = ["nan", "x", "", " 1", "1 ", "1e400"]
FIELDS = ["year", "name", "tags", "hit", "rate", "none", "deep", "no-such", "a_b"]
SHAPES = [(2, []), (2, ["NOQUANT"]), (3, ["BIN"]), (5, ["Q8"]), (9, ["NOQUANT"]), (64, ["BIN"]), (3, ["M", "4"]), (16, ["NOQUANT", "M", "64"])]
CHOICES = {
    "EF": ["1", "10", "200", "1000000", "0", "1000001", "-1", "x", ""], "M": ["4", "16", "3", "4097", "x"],
    "COUNT": ["1", "2", "3", "0", "-1", "x", "9223372036854775808"], "EPSILON": ["0.1", "0.5", "1", "2", "1e-9", "inf", "0", "-1", "nan", "x"],
    "FILTER-EF": ["1000", "0", "-1", "x"],
}


class Vectors:
    def __init__(self, dice):
        self.dice = dice

    def step(self):
        calls = [self.call() for _ in range(self.dice.choice([5, 20, 40]))]
        # A transaction ends with the step, if there is one.
        return ("chunk", "a", [*calls, ("exec", ["EXEC"])])

    def call(self):
        """A call: its name, and its words."""
        dice, luck = self.dice, self.dice.random()
        key = dice.choice(["v0", "v0", "v1", "v2", "v3"]) if luck > 0.03 else dice.choice(["k0", "s0", "nothing"])
        draw = dice.choices([self.vadd, self.vsim, self.other, self.around], [30, 30, 30, 10])[0]
        words = draw(key)
        # Redis 8.0 lets REDUCE leave a vector with more dimensions than it has.
        if dice.random() < 0.06 and "REDUCE" not in words:
            self.spoil(words)
        name = words[0].lower()
        # Maps have no order in scripts.
        if dice.random() < 0.05 and "COUNT" not in words and name not in ("vrandmember", "vinfo", "multi", "exec"):
            return f"eval:{name}", ["EVAL", dice.choice(["return redis.call(unpack(ARGV))", "redis.setresp(3) return redis.pcall(unpack(ARGV))"]), "1", key, *words]
        return name, words

    def shape(self, key):
        """The dimensions of a set, and the options that its elements need: mostly the same for the same key."""
        dice = self.dice if self.dice.random() < 0.05 else random.Random(f"{key}{self.dice.randrange(10) == 0}")
        dim, options = dice.choice(SHAPES)
        return dim, options, str(dice.randrange(1, dim + 1)) if dice.random() < 0.3 else None

    def vector(self, dim):
        dice = self.dice
        if dice.random() < 0.3:
            values = [dice.uniform(-2, 2) for _ in range(dim)] if dice.random() < 0.5 else [dice.choice([0, 1, -1]) for _ in range(dim)]
            return ["FP32", struct.pack(f"<{dim}f", *values).decode("latin1")]
        values = [dice.choice(NUMBERS) if dice.random() < 0.99 else dice.choice(BAD) for _ in range(dim)]
        return ["VALUES", str(dim), *values]

    def vadd(self, key):
        dice = self.dice
        dim, needed, reduce = self.shape(key)
        words = ["VADD", key, *(["REDUCE", reduce] if reduce else []), *self.vector(dim), dice.choice(ELEMENTS), *needed]
        # With CAS, Redis does not count who has attributes.
        words += ["SETATTR", self.attributes()] if dice.random() < 0.5 else dice.choice([[], [], ["CAS"]])
        return words + self.options(["EF", "M"] if dice.random() < 0.05 else [])

    def vsim(self, key):
        dice = self.dice
        dim, _, reduce = self.shape(key)
        dim = int(reduce) if reduce and dice.random() < 0.3 else dim
        words = ["VSIM", key, *(["ELE", dice.choice(ELEMENTS)] if dice.random() < 0.5 else self.vector(dim))]
        if dice.random() < 0.6:
            words += ["FILTER", self.filter()]
        if dice.random() < 0.1:
            words.append(dice.choice(["TRUTH", "NOTHREAD", "nothread"]))
        # Elements that are as near as others come in no order: with scores it is known which those are.
        if dice.random() < 0.5:
            return words + ["WITHSCORES", *self.options(["COUNT", "EPSILON", "FILTER-EF"])]
        return words + self.options(["FILTER-EF"]) + (["WITHATTRIBS"] if dice.random() < 0.5 else [])

    def options(self, names):
        out = []
        for name in names:
            if self.dice.random() < 0.3:
                out += [name, self.dice.choice(CHOICES[name])]
        return out

    def other(self, key):
        dice, element = self.dice, self.dice.choice(ELEMENTS)
        return dice.choice([
            ["VREM", key, element], ["VREM", key, element], ["VCARD", key], ["VDIM", key], ["VISMEMBER", key, element],
            ["VEMB", key, element, *dice.choice([[], ["RAW"], ["raw", "RAW"], ["bogus"]])], ["VGETATTR", key, element],
            ["VSETATTR", key, element, dice.choice([self.attributes(), ""])], ["VINFO", key],
            ["VLINKS", key, element, *dice.choice([[], ["WITHSCORES"], ["bogus"]])],
            ["VRANDMEMBER", key, *dice.choice([[], ["3"], ["0"], ["-3"], ["100"], ["x"]])],
        ])

    def around(self, key):
        return self.dice.choice([
            ["TYPE", key], ["OBJECT", "ENCODING", key], ["DEL", key], ["EXISTS", key], ["RENAME", key, "v1"], ["EXPIRE", key, "100000"], ["TTL", key],
            ["GET", key], ["SADD", key, "a"], ["MULTI"], ["EXEC"], ["EXEC"], ["PERSIST", key], ["SET", "k0", "1"],
        ])

    def attributes(self):
        """An object; now and then one with a piece taken out of it or put in."""
        dice, luck = self.dice, self.dice.random()
        fields = [f'"{field}":{dice.choice(["", " "])}{self.json()}' for field in dice.choices(FIELDS, k=dice.randrange(7))]
        text = "{" + dice.choice([",", ", "]).join(fields) + "}"
        at = dice.randrange(len(text) + 1)
        if luck < 0.1:
            return text[:at] + text[at + 1:] or "x"
        return text[:at] + dice.choice('{}[]",:\\ \t1-e') + text[at:] if luck < 0.2 else text

    def json(self, depth=0):
        dice = self.dice
        if depth < 3 and dice.random() < 0.3:
            return "[" + ",".join(self.json(depth + 1) for _ in range(dice.randrange(4))) + "]"
        return dice.choice(["1", "0", "-2.5", "1984", "1e3", "true", "false", "null", '"a"', '"b c"', '"7"', '""', '"q\\"\\n"', '"\\u0061"', '{"year":1}', '" 5"', '"0x1f"'])

    def filter(self):
        dice, text = self.dice, self.expression(3)
        if dice.random() < 0.15:
            at = dice.randrange(len(text) + 1)
            text = dice.choice([text[:at] + dice.choice("()!&|=<>'\".,[]-+*%/ ax1#\x00\r\\") + text[at:], text[:at] + text[at + 1:], text[:at]])
        return text

    def expression(self, depth):
        dice = self.dice
        if depth == 0 or dice.random() < 0.2:
            return dice.choice([f".{dice.choice(FIELDS)}", f".{dice.choice(FIELDS)}", dice.choice(["1", "0", "2.5", "-3", "1e2", "'a'", '"b c"', "'7'", "''", "[]", "'it\\'s'"])])
        inner = lambda: self.expression(depth - 1)
        kind = dice.randrange(6)
        if kind == 0:
            return f"{dice.choice(['!', 'not ', 'not'])}({inner()})"
        if kind == 1:
            # To the right of `in` stands what is never a string.
            return f"{dice.choice(['.year', '1', chr(39) + 'a' + chr(39)])} in {dice.choice(['[1, 1984]', '[' + chr(39) + 'a' + chr(39) + ',7]', '[ ]', '5'])}"
        operator = dice.choice(["==", "!=", ">", "<", ">=", "<=", "+", "-", "*", "/", "%", "**", "and", "or", "&&", "||"])
        text = f"{inner()} {operator} {inner()}"
        return f"({text})" if dice.random() < 0.5 else text

    def spoil(self, words):
        dice, at = self.dice, self.dice.randrange(1, len(words) + 1)
        if dice.random() < 0.5 and at < len(words):
            del words[at]
        else:
            words.insert(at, dice.choice(["bogus", "ELE", "FP32", "VALUES", "1", "", "EF", "WITHSCORES"]))


def plain(item):
    """A reply of VINFO without what tells of layers and of sets that were there before."""
    fields = list(zip(item[1][::2], item[1][1::2])) if item[0] in "*%" else []
    return [(name, value) for name, value in fields if name[1] not in (b"max-level", b"vset-uid", b"hnsw-max-node-uid")] or item


def nearest(item):
    """A reply of VSIM without the order of elements that are as near as each other; the farthest of all may be others, as only
    so many were asked for."""
    if item[0] not in "*%":
        return item
    names, scores = item[1][::2], item[1][1::2]
    if not scores or len(names) != len(scores) or not all(score[0] in ",$" and is_number(score[1]) for score in scores):
        return (item[0], sorted(item[1], key=repr))
    last = scores[-1]
    return (item[0], scores, sorted((score, name) for score, name in zip(scores, names) if score != last))


def is_number(text):
    try:
        return -0.1 < float(text) < 1.1
    except ValueError:
        return False
