"""Append-only files written by hand: a real server and Synap start with each, and must then hold the same, or both refuse it.

What Redis itself does not survive (calls with too few words, DISCARD within a transaction of the file) is not asked.
"""

import pathlib
import shutil
import tempfile
import time

from servers import Failure, Server

LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"


def call(*words):
    """A call as a file holds it."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def files():
    """Names and contents of files."""
    past = int(time.time() * 1000) - 100_000
    first, last = call("SET", "a", 1), call("SET", "b", 2)
    transaction = call("MULTI") + call("SET", "c", 1)
    # What answers an error is left out; what is not known ends the start.
    for name, words in {
        "another type": ("LPUSH", "a", 1), "bad syntax": ("SET", "a", 1, "NOPE"), "no number": ("INCRBY", "a", "x"),
        "no database": ("SELECT", 99), "EXEC alone": ("EXEC",), "DISCARD alone": ("DISCARD",), "no script": ("EVALSHA", "a" * 40, 0),
        "a script that is none": ("EVAL", "x x", 0), "no function": ("FCALL", "g", 0), "no library": ("FUNCTION", "LOAD", "x"),
        "no payload": ("RESTORE", "r", 0, "xx"), "no setting": ("CONFIG", "SET", "nosuch", 1), "no user": ("AUTH", "x"),
        "too many words": ("GET", "a", "b", "c"), "unknown": ("NOSUCH", 1), "an unknown subcommand": ("CLIENT", "NOSUCH"),
        "a wait": ("BLPOP", "l", 0), "a wait for entries": ("XREAD", "BLOCK", 0, "STREAMS", "x", "$"), "a time that is none": ("SETEX", "s", -1, "x"),
    }.items():
        yield name, first + call(*words) + last
        if words[0] != "DISCARD":
            yield f"{name}, in a transaction", first + transaction + call(*words) + call("SET", "d", 1) + call("EXEC") + last
    yield "a library twice", call("FUNCTION", "LOAD", LIBRARY) * 2 + call("FCALL", "f", 0) + last
    yield "an entry twice", call("XADD", "x", "1-1", "f", "v") * 2 + last
    # Where they end.
    whole = first + transaction + call("EXEC") + last
    for cut in range(len(first), len(whole)):
        if cut % 7 == 0 or cut > len(whole) - 9:
            yield f"cut at {cut}", whole[:cut]
    for tail in (b"*", b"*3", b"*3\r\n$", b"*3\r\n$3", b"xx", b"\0" * 10, b"\n", b"#TS:12", b"*0\r\n", b"*-1\r\n", b"*\r\n", b"*1\r\n:3\r\n", b"SET b 2\r\n"):
        yield f"ends with {tail}", first + tail
        yield f"goes on behind {tail}", first + tail + last
    # How their lines are read.
    yield "times", b"#TS:1\r\n" + first + b"#TS:2\r\n" + transaction + b"#TS:3\r\n" + call("EXEC") + last
    for length in (1021, 1022, 1023):
        yield f"a comment of {length}", first + b"#" + b"x" * length + b"\n" + last
    yield "lines without CR", first + b"*3\n$3\nSET\r\n$1\nb\r\n$1\n2\r\n"
    yield "other bytes behind words", first + b"*3\r\n$3\r\nSETxx$1\r\nbyy$1\r\n2zz"
    yield "more behind numbers", first + b"* 3abc\r\n$ 3xyz\r\nSET\r\n$1 \r\nb\r\n$+1\r\n2\r\n"
    # Nothing expires before all is read.
    yield "removed by a call", call("RPUSH", "k", 1) + call("PEXPIREAT", "k", past) + call("DEL", "k") + call("RPUSH", "k", 2)
    for name, words in {"PEXPIREAT": ("PEXPIREAT", "k", past), "SET": ("SET", "k", 5, "PXAT", past), "GETEX": ("GETEX", "k", "PXAT", past), "EXPIRE": ("EXPIRE", "k", -5)}.items():
        yield f"due by {name}, then kept", call("SET", "k", 5) + call(*words) + call("INCR", "k") + call("PERSIST", "k")
        yield f"due by {name}, then copied", call("SET", "k", 5) + call(*words) + call("COPY", "k", "l") + call("PERSIST", "l")
        yield f"due by {name}", call("SET", "k", 5) + call(*words) + last
    yield "a due set, then united", call("SADD", "k", 5) + call("PEXPIREAT", "k", past) + call("SUNIONSTORE", "l", "k")
    yield "a due key, read by a script", call("SET", "k", 5, "PXAT", past) + call("EVAL", "redis.call('SET', 'm', redis.call('GET', 'k'))", 0)


def contents(link):
    """What a server holds that has just started, and how many errors it met."""
    found = []
    for db in range(16):
        link("SELECT", db)
        found += [(db, key, link("DUMP", key), link("PTTL", key) > 0) for key in sorted(link("KEYS", "*"))]
    return found, link("FUNCTION", "LIST"), link.info("stats")["unexpected_error_replies"]


def start(program, scratch, data):
    """What a server holds that starts with this file; None when it refuses to."""
    directory = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    (directory / "appendonlydir").mkdir()
    (directory / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(data)
    (directory / "appendonlydir" / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    server = Server(program, directory, "--save", "", "--appendonly", "yes")
    try:
        return contents(server.start().wait())
    except Failure:
        return None
    finally:
        server.kill()
        shutil.rmtree(directory)


def compare(ours, theirs, scratch):
    """The differences between two programs."""
    faults = []
    for name, data in files():
        left, right = start(ours, scratch, data), start(theirs, scratch, data)
        # Words too many are an error here, and ignored there.
        if left and right and name.startswith("too many words"):
            left, right = left[:2], right[:2]
        if left != right:
            faults.append(f"{name}: {left} against {right}")
    return faults
