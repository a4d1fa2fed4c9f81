#!/usr/bin/env python3
"""Does to a server what broke others of its kind, and checks that it answers with a bounded error, and everybody else at once.

usage: run.py --server PROGRAM [--only NAME,NAME]

Each test starts a server of its own on loopback and tells one line. The last line is `N passed, N failed, N skipped`.
"""

import argparse
import os
import pathlib
import re
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fuzz"))
from wire import Link, Server  # noqa: E402

MIB = 1 << 20
# Seconds within which a server under attack answers everybody else, also on a busy machine.
PROMPT = 5.0
# Seconds of CPU that a hard call may take.
HARD = 2.0


class Skip(Exception):
    """What a test needs is not there."""


def request(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def raw(server, source="127.0.0.1"):
    made = socket.create_connection(("127.0.0.1", server.port), 10, source_address=(source, 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def push(peer, data):
    """Sends as much as is taken; false when the server has closed."""
    try:
        peer.sendall(data)
        return True
    except (ConnectionError, TimeoutError):
        return False


def drain(peer, seconds=10):
    """All that comes until the server closes, or nothing comes any more for `seconds`."""
    peer.settimeout(seconds)
    got = b""
    try:
        while part := peer.recv(1 << 16):
            got += part
    except (TimeoutError, ConnectionError):
        pass
    return got


def closed(peer, seconds):
    """Reads nothing; when the server closes, the seconds it took."""
    poll, began = select.poll(), time.monotonic()
    poll.register(peer, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return time.monotonic() - began if poll.poll(seconds * 1000) else None


def there(server, peer):
    """Whether the server still knows the connection: what it closed may hide behind what was not read."""
    return b" addr=%s:%d " % (peer.getsockname()[0].encode(), peer.getsockname()[1]) in server.call("CLIENT", "LIST")[1]


def rss(server):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1]) * 1024


def cpu(server):
    fields = open(f"/proc/{server.process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prompt(server):
    """Everybody else is answered."""
    began = time.monotonic()
    assert Link(server.port).call("PING") == ("+", b"PONG")
    took = time.monotonic() - began
    assert took < PROMPT, f"PING took {took:.2f} s"


def announced_lengths(start):
    """Nothing is reserved for what is announced and not sent."""
    server = start()
    peer = raw(server)
    push(peer, b"*3000000000\r\n")
    assert b"invalid multibulk length" in drain(peer)
    before = rss(server)
    peer = raw(server)
    push(peer, b"*2000000000\r\n$3\r\nSET\r\n")
    peers = [raw(server) for _ in range(50)]
    for peer in peers:
        push(peer, b"*1000000\r\n$4\r\nMSET\r\n$536870912\r\nabc")
    prompt(server)
    assert rss(server) - before < 30 * MIB, rss(server) - before


def dribbled_requests(start):
    """What clients have sent in part counts, and is limited."""
    server = start("--maxmemory-clients", "20mb")
    peers = [raw(server) for _ in range(60)]
    part = b"x" * MIB
    for peer in peers:
        push(peer, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000000\r\n")
    before = rss(server)
    gone = sum(not push(peer, part) or closed(peer, 0.01) is not None for peer in peers for _ in range(2))
    end = time.monotonic() + 30
    while gone < 30 and time.monotonic() < end:
        gone = sum(closed(peer, 0) is not None for peer in peers)
        time.sleep(0.05)
    assert gone >= 30, f"only {gone} of 60 were disconnected"
    assert rss(server) - before < 200 * MIB, rss(server) - before
    prompt(server)


def slow_loris(start):
    """Half requests cost nobody else anything."""
    server = start()
    peers = [raw(server) for _ in range(300)]
    for nth in range(3):
        for peer in peers:
            push(peer, b"*2\r\n$4\r\nECHO\r\n$2\r\n"[nth * 6: nth * 6 + 6])
        prompt(server)


def slow_reader(start):
    """A client that does not read is disconnected at the hard limit, and slows nobody."""
    server = start("--client-output-buffer-limit", "normal 1mb 0 0 pubsub 1mb 0 0")
    server.call("SET", "k", "x" * 100_000)
    reader = raw(server)
    push(reader, request("GET", "k") * 2000)
    subscriber = raw(server)
    push(subscriber, request("SUBSCRIBE", "c"))
    monitor = raw(server)
    push(monitor, request("MONITOR"))
    gone = set()
    for _ in range(400):
        server.call("PUBLISH", "c", "x" * 100_000)
        prompt(server)
        gone |= {name for name, peer in (("reader", reader), ("subscriber", subscriber), ("monitor", monitor)) if not there(server, peer)}
        if len(gone) == 3:
            return
    raise AssertionError(f"only {sorted(gone)} were disconnected")


def soft_limit(start):
    """The soft limit holds for its seconds, no less and not much more."""
    server = start("--client-output-buffer-limit", "pubsub 0 100kb 3")
    subscriber = raw(server)
    subscriber.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    push(subscriber, request("SUBSCRIBE", "c"))
    subscriber.recv(100)
    began = time.monotonic()
    for _ in range(80):
        server.call("PUBLISH", "c", "x" * 100_000)
    full = time.monotonic()
    while there(server, subscriber):
        assert time.monotonic() - full < 3 + PROMPT, "it is not disconnected"
        time.sleep(0.02)
    took = time.monotonic() - began
    assert took > 2.5, f"disconnected after {took:.1f} s"
    prompt(server)


def strangers(start):
    """Before authentication little is taken and little is kept."""
    server = start()
    server.call("CONFIG", "SET", "requirepass", "secret")
    peer = raw(server)
    push(peer, b"*11\r\n")
    assert b"unauthenticated multibulk length" in drain(peer)
    peer = raw(server)
    push(peer, b"*2\r\n$4\r\nAUTH\r\n$16385\r\n")
    assert b"unauthenticated bulk length" in drain(peer)
    peer = raw(server)
    peer.settimeout(5)
    for _ in range(3000):
        if not push(peer, request("PING") * 1000):
            break
    else:
        raise AssertionError("a stranger who does not read is not disconnected")


def too_many(start):
    """maxclients is told, and the place of one who leaves is free again."""
    server = start("--maxclients", "20")
    peers = [raw(server) for _ in range(30)]
    refused = [peer for peer in peers if b"max number of clients" in drain(peer, 0.2)]
    assert len(refused) >= 10, len(refused)
    assert server.call("PING") == ("+", b"PONG")
    for peer in peers:
        peer.close()
    end = time.monotonic() + 10
    while True:
        try:
            assert Link(server.port).call("PING") == ("+", b"PONG")
            return
        except (ConnectionError, AssertionError):
            assert time.monotonic() < end
            time.sleep(0.05)


def no_descriptors(start):
    """Without descriptors no connection is accepted, but those there are served, and no core burns."""
    server = start()
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    now = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (now, hard))
    peers = [raw(server) for _ in range(20)]
    before = cpu(server)
    time.sleep(1)
    assert server.call("PING") == ("+", b"PONG")
    assert cpu(server) - before < 0.5, f"{cpu(server) - before:.2f} s of CPU in one second"
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    push(peers[-1], request("PING"))
    peers[-1].settimeout(10)
    assert peers[-1].recv(7) == b"+PONG\r\n"


def inline_requests(start):
    """Lines without an end, unbalanced, with NUL; and what browsers send."""
    server = start()
    for data, expected in (
        (b"x" * 70_000, b"too big inline request"), (b'SET k "v\r\n', b"unbalanced quotes"), (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nFLUSHALL\r\n", b""),
    ):
        server.call("SET", "kept", "1")
        peer = raw(server)
        push(peer, data)
        got = drain(peer, 5)
        assert expected in got, got
        assert closed(peer, 1) is not None, f"{data[:20]} is not disconnected"
        assert server.call("GET", "kept") == ("$", b"1")
    peer = raw(server)
    # As in Redis, no line ends behind a NUL: what follows belongs to it, until it is too long.
    push(peer, b"\x00\x01\r\nPING\r\n")
    assert drain(peer, 0.5) == b""
    push(peer, b"x" * 70_000)
    assert b"too big inline request" in drain(peer, 5)
    assert server.call("PING") == ("+", b"PONG")


def injected_frames(start):
    """CR and LF never make a second frame."""
    server = start()
    evil = "x\r\n+OK\r\n$3\r\nfoo"
    for call in (["X" + evil], ["GET", "k", evil], ["CONFIG", evil], ["CLIENT", evil], ["EVAL", f"return redis.error_reply(ARGV[1])", "0", evil],
                 ["EVAL", "return {err=ARGV[1]}", "0", evil], ["EVAL", "return redis.status_reply(ARGV[1])", "0", evil], ["XGROUP", evil, "a", "b"],
                 ["EVAL", "error(ARGV[1])", "0", evil], ["OBJECT", evil, "k"], ["ACL", "SETUSER", evil, evil], ["FUNCTION", "LOAD", evil],
                 ["XREADGROUP", "GROUP", evil, "c", "STREAMS", "k", ">"], ["CLIENT", "SETINFO", evil, "x"], ["SCRIPT", evil], ["HELLO", "3", evil]):
        reply = server.call(*call)
        assert reply[0] in "-+", (call, reply)
        assert server.call("ECHO", "mark") == ("$", b"mark"), call


def long_transaction(start):
    """What MULTI holds counts as the client's memory, and is limited with it."""
    server = start("--maxmemory-clients", "8mb")
    peer = raw(server)
    push(peer, request("MULTI"))
    gone = False
    peer.settimeout(5)
    for _ in range(400):
        gone = not push(peer, request("SET", "k", "x" * 1000) * 100) or not there(server, peer)
        if gone:
            break
        try:
            while select.select([peer], [], [], 0)[0] and peer.recv(1 << 16):
                pass
        except ConnectionError:
            pass
    assert gone, "40 MB of queued commands are kept"
    prompt(server)


def own_messages(start):
    """Messages to oneself never stand within a reply."""
    server = start()
    link = Link(server.port)
    link.call("HELLO", "3")
    link.call("SUBSCRIBE", "c")
    link.send(*[["PUBLISH", "c", str(n)] if n % 2 else ["MGET", "a", "b"] for n in range(2000)])
    replies, messages = [], []
    while len(replies) < 2000 or len(messages) < 1000:
        frame = link.read()
        (messages if frame[0] == ">" else replies).append(frame)
    assert all(reply[0] == (":" if n % 2 else "*") for n, reply in enumerate(replies))
    assert [message[1][2][1] for message in messages] == [b"%d" % n for n in range(1, 2000, 2)]


def waiters(start):
    """Blocked clients through everything that may happen meanwhile."""
    server = start()
    def blocked(*call):
        link = Link(server.port)
        link.send(list(call))
        while b" flags=b" not in server.call("CLIENT", "LIST", "ID", ident := ids[-1])[1] if (ids := ids_of(server)) else True:
            time.sleep(0.005)
        return link
    def ids_of(server):
        return [line.split()[0][3:] for line in server.call("CLIENT", "LIST")[1].decode().splitlines() if "cmd=blpop" in line]
    for disturb in (["FLUSHALL"], ["SWAPDB", "0", "1"], ["DEL", "k"], ["CONFIG", "SET", "timeout", "100"], ["SET", "k", "v"], ["RENAME", "other", "k"]):
        server.call("FLUSHALL")
        server.call("RPUSH", "other", "o")
        link = blocked("BLPOP", "k", "5")
        server.call(*disturb)
        if disturb[0] != "RENAME":
            server.call("DEL", "k")
            server.call("RPUSH", "k", "v")
        assert link.read()[1][0] == ("$", b"k"), disturb
    link = blocked("BLPOP", "k", "0")
    server.call("CLIENT", "KILL", "ID", ids_of(server)[-1])
    assert drain(link.socket, 5) == b""
    # Half a command behind the one that blocks, the rest later.
    peer = raw(server)
    push(peer, request("BLPOP", "k", "0") + request("ECHO", "hello")[:20])
    while not ids_of(server):
        time.sleep(0.005)
    server.call("RPUSH", "k", "v")
    push(peer, request("ECHO", "hello")[20:])
    peer.settimeout(10)
    got = b""
    while not got.endswith(b"hello\r\n"):
        part = peer.recv(1000)
        assert part
        got += part
    assert got.startswith(b"*2\r\n$1\r\nk\r\n$1\r\nv\r\n")


def crowd(start, clients=2000):
    """Many clients blocked on one key: served in order, timed out in time; and one blocked on many keys."""
    server = start()
    blocked = lambda: int(re.search(rb"blocked_clients:(\d+)", server.call("INFO", "clients")[1])[1])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, clients * 2 + 1000), hard))
    # All are to wait before the first has waited enough: how long that takes is the machine's affair.
    for seconds in (3, 6, 12, 24):
        peers = [raw(server) for _ in range(clients)]
        began = time.monotonic()
        for nth, peer in enumerate(peers):
            push(peer, request("BLPOP", "k", str(100 * seconds) if nth % 2 else str(seconds)))
        while (waiting := blocked()) < clients and time.monotonic() - began < seconds - 1:
            time.sleep(0.01)
        if waiting == clients:
            break
        for peer in peers:
            peer.close()
        while blocked():
            time.sleep(0.01)
    assert waiting == clients, f"{waiting} wait after {seconds} s"
    sent = time.monotonic() - began
    prompt(server)
    # Those that waited their seconds.
    even, odd, late = {peer.fileno() for peer in peers[::2]}, peers[1::2], 0.0
    poll = select.epoll()
    for peer in peers:
        poll.register(peer, select.EPOLLIN)
    while even:
        for descriptor, _ in poll.poll(seconds + 10):
            now = time.monotonic() - began
            assert descriptor in even, "one was ended before its time"
            assert now > seconds - 0.01, f"one was ended after {now:.3f} s"
            late = max(late, now - seconds - sent)
            poll.unregister(descriptor)
            even.remove(descriptor)
    assert late < PROMPT, f"the last was ended {late:.3f} s late"
    server.call("RPUSH", "k", *map(str, range(len(odd))))
    for peer in odd:
        peer.settimeout(10)
    assert {peer.recv(100).split(b"\r\n")[4] for peer in odd} == {b"%d" % nth for nth in range(len(odd))}
    for nth, peer in enumerate(odd[:100]):
        push(peer, request("BLPOP", "k", "0"))
        while b"blocked_clients:%d\r" % (nth + 1) not in server.call("INFO", "clients")[1]:
            time.sleep(0.001)
    server.call("RPUSH", "k", *map(str, range(100)))
    assert [peer.recv(100).split(b"\r\n")[4] for peer in odd[:100]] == [b"%d" % nth for nth in range(100)], "not in the order of their coming"
    link = Link(server.port)
    link.send(["BLPOP", *(f"many{n}" for n in range(10_000)), "0"])
    while b"blocked_clients:1" not in server.call("INFO", "clients")[1]:
        time.sleep(0.01)
    server.call("RPUSH", "many9999", "v")
    assert link.read() == ("*", [("$", b"many9999"), ("$", b"v")])
    prompt(server)


def patterns(start):
    """Globs that take others for ever."""
    server = start()
    server.call("SET", "a" * 5000, "v")
    for pattern in ("a*" * 50 + "b", "*a" * 2000 + "*b", "[" * 1000, "\\" * 1001, "a*" * 100_000 + "b", "[^" + "a-" * 5000):
        began = cpu(server)
        assert server.call("KEYS", pattern)[0] == "*"
        server.call("SCAN", "0", "MATCH", pattern, "COUNT", "1000")
        server.call("PUBSUB", "CHANNELS", pattern)
        server.call("CONFIG", "GET", pattern)
        took = cpu(server) - began
        assert took < HARD, f"{pattern[:10]}… took {took:.1f} s of CPU"


def due_keys(start):
    """A call over very many keys that are due, each of which it removes."""
    server = start("--enable-debug-command", "yes")
    server.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    keys = [f"due:{n}" for n in range(60_000)]
    link = Link(server.port)
    for at in range(0, len(keys), 1000):
        link.send(*(["SET", key, "v", "PX", "1"] for key in keys[at:at + 1000]))
        assert all(link.read() == ("+", b"OK") for _ in range(1000))
    time.sleep(0.01)
    began = cpu(server)
    assert all(value == ("nil",) for value in server.call("MGET", *keys)[1])
    took = cpu(server) - began
    assert took < HARD, f"MGET took {took:.1f} s of CPU"
    assert server.call("DBSIZE") == (":", b"0")


def huge_arguments(start):
    """Offsets and lengths past every limit, and nothing is reserved for them."""
    server = start()
    server.call("SET", "k", "v")
    before = rss(server)
    for call in (["SETRANGE", "k", "536870911", "xx"], ["SETRANGE", "k", str(2**63 - 1), "x"], ["SETBIT", "k", str(2**32), "1"], ["SETBIT", "k", str(2**63 - 1), "1"],
                 ["BITFIELD", "k", "SET", "u8", str(2**32), "1"], ["LPOP", "k", str(-2**63)], ["SRANDMEMBER", "s", str(-2**63)], ["SPOP", "s", str(-2**63)],
                 ["HRANDFIELD", "h", str(-2**63), "WITHVALUES"], ["ZRANDMEMBER", "z", str(-2**63), "WITHSCORES"], ["EXPIRE", "k", str(2**63 - 1)],
                 ["PEXPIREAT", "k", str(2**63)], ["SET", "k", "v", "EX", str(2**63 - 1)], ["GETEX", "k", "PX", "0"]):
        reply = server.call(*call)
        assert reply[0] in "-" or reply in (("nil",), ("*", []), ("nil*",)), (call, reply)
    server.call("SADD", "s", "a"), server.call("HSET", "h", "f", "v"), server.call("ZADD", "z", "1", "a")
    for call in (["SRANDMEMBER", "s", str(-2**63)], ["HRANDFIELD", "h", str(-2**63)], ["HRANDFIELD", "h", str(-2**62 - 1), "WITHVALUES"], ["ZRANDMEMBER", "z", str(-2**63)]):
        assert server.call(*call)[0] == "-", call
    assert rss(server) - before < 30 * MIB


def vector_sets(start):
    """Dimensions, counts, filters and attributes past every measure."""
    server = start()
    most = str(2**63 - 1)
    for call in (["VADD", "v", "VALUES", most, "1", "0", "a"], ["VADD", "v", "REDUCE", str(2**32), "VALUES", "1", "1", "a"], ["VADD", "v", "REDUCE", "65536", "FP32", "abcd" * 65536, "a"]):
        assert server.call(*call)[0] == "-", call[:5]
    assert server.call("VADD", "v", "VALUES", "2", "1", "0", "a", "SETATTR", '{"a":' + "[" * (8 * MIB))[1] == b"1"
    for nth, blob in enumerate(("\x00\x00\xc0\x7f" * 2, "\x00\x00\x80\x7f" * 2, "\xff" * 8, "\x01\x00\x00\x00" * 2, "\xff\xff\x7f\x7f" * 2)):
        for kind in ("NOQUANT", "BIN", "Q8"):
            assert server.call("VADD", kind, "FP32", blob, str(nth), kind)[1] == b"1"
            assert server.call("VSIM", kind, "FP32", blob, "WITHSCORES")[0] == "*"
            assert server.call("VEMB", kind, str(nth))[0] == "*"
    before = rss(server)
    assert server.call("VSIM", "v", "ELE", "a", "COUNT", most, "EF", most, "FILTER-EF", most) == ("*", [("$", b"a")])
    assert server.call("VRANDMEMBER", "v", "-" + most)[0] == "-"
    for unit, behind in (("(", ""), ("!(", "1"), ("[", ""), (".a in ", "1"), ("1+", "1"), ("'", ""), ("-", "1"), ("1 ** ", "1")):
        for length in (MIB, 100 * MIB):
            text = unit * (length // len(unit) - 1) + behind
            began = cpu(server)
            assert server.call("VSIM", "v", "ELE", "a", "FILTER", text)[0] in "*-"
            took = cpu(server) - began
            assert took < 5 * HARD, f"a filter of {unit} took {took:.1f} s of CPU"
    prompt(server)
    assert rss(server) - before < 400 * MIB, f"{(rss(server) - before) >> 20} MiB"


def rewritten_settings(start):
    """A newline in a setting never becomes a second line of the file."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        server = start(file.name, first=True)
        evil = "pass\nport 1\n#"
        reply = server.call("CONFIG", "SET", "requirepass", evil)
        if reply[0] == "+":
            server.call("AUTH", evil)
            assert server.call("CONFIG", "REWRITE")[0] == "+"
            again = start(file.name, first=True)
            assert again.call("AUTH", evil)[0] == "+", open(file.name).read()
        else:
            assert reply[0] == "-"


def unprotected(start):
    """Without a password nobody from elsewhere is served."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            raise Skip("no address but loopback") from None
    if address.startswith("127."):
        raise Skip("no address but loopback")
    server = start("--bind", f"127.0.0.1 {address}")
    peer = socket.create_connection((address, server.port), 10)
    push(peer, request("PING"))
    assert drain(peer, 5).startswith(b"-DENIED")
    assert server.call("PING") == ("+", b"PONG")


def taken_port(start):
    """A second server on a port that is taken ends, and says why before it speaks of an error: who starts servers for tests reads that."""
    server = start()
    with tempfile.TemporaryDirectory(prefix="synap-hostile-") as other:
        second = subprocess.run([*server.command, "--dir", other], capture_output=True, text=True, timeout=60)
    assert second.returncode == 1, second.returncode
    assert re.search("already in use|error", second.stdout, re.IGNORECASE)[0] == "already in use", second.stdout
    assert server.call("PING") == ("+", b"PONG")


def stopped_at_once(start):
    """Who stops a server as soon as it can be reached sees it end as it should."""
    server = start()
    for _ in range(10):
        server.stop()
        server.process = subprocess.Popen(server.command, stdout=server.log, stderr=server.log, stdin=subprocess.DEVNULL)
        reached, end = False, time.monotonic() + 60
        while not reached:
            try:
                raw(server).close()
                reached = True
            except ConnectionRefusedError:
                assert time.monotonic() < end, "it does not start"
        server.process.terminate()
        assert server.process.wait(60) == 0, server.process.returncode
    server.start()


TESTS = [announced_lengths, dribbled_requests, slow_loris, slow_reader, soft_limit, strangers, too_many, no_descriptors, inline_requests, injected_frames,
         long_transaction, own_messages, waiters, crowd, patterns, due_keys, huge_arguments, vector_sets, rewritten_settings, unprotected, taken_port, stopped_at_once]


class Started(Server):
    """A server as of `wire`, with a file of settings before the settings."""

    def __init__(self, program, scratch, name, *settings, first=False):
        if first:
            wrapper = pathlib.Path(scratch, name + ".sh")
            wrapper.write_text(f'#!/bin/sh\nexec "{program}" "{settings[0]}" "$@"\n')
            wrapper.chmod(0o700)
            program, settings = str(wrapper), settings[1:]
        super().__init__(program, scratch, name, *settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    passed = failed = skipped = 0
    for test in TESTS:
        if options.only and test.__name__ not in options.only.split(","):
            continue
        started, began = [], time.monotonic()
        with tempfile.TemporaryDirectory(prefix="synap-hostile-") as scratch:
            def start(*settings, first=False):
                started.append(Started(os.path.abspath(options.server), scratch, f"s{len(started)}", *settings, first=first))
                return started[-1]
            try:
                test(start)
                assert all(server.process.poll() is None for server in started), "the server ended:\n" + started[-1].log_tail()
                passed += 1
                print(f"ok    {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except Skip as why:
                skipped += 1
                print(f"skip  {test.__name__}: {why}", flush=True)
            except Exception as fault:  # noqa: BLE001
                failed += 1
                where = traceback.extract_tb(fault.__traceback__)[1].lineno if len(traceback.extract_tb(fault.__traceback__)) > 1 else 0
                print(f"FAIL  {test.__name__}, line {where}: {type(fault).__name__} {fault}", flush=True)
            finally:
                for server in started:
                    server.stop()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
