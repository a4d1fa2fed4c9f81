"""A server started for comparing, connections to it, and replies as tuples: ("$", b"text"), (":", b"1"), ("*", [...]), ("nil",)."""

import io
import os
import re
import select
import socket
import subprocess
import sys
import time

# Seconds after which a call counts as one that waits for ever, also on a busy machine.
PATIENCE = 20
# Asked for after pipelined calls: what comes before its reply are theirs.
END = ["ECHO", "--end of the calls--"]
ENDED = b"$20\r\n--end of the calls--\r\n"


class Link:
    """One connection."""

    socket = None

    def __init__(self, port):
        self.port = port
        self.connect()

    def connect(self):
        self.close()
        self.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.file = self.socket.makefile("rb")

    def close(self):
        if self.socket is not None:
            self.file.close()
            self.socket.close()

    def send(self, *calls):
        """Sends calls, each a list of words."""
        self.socket.sendall(packed(calls))

    def call(self, *words):
        self.send(words)
        try:
            return self.read()
        except TimeoutError:
            # It waits, perhaps for ever: the wait ends with its connection.
            self.connect()
            return ("waits",)

    def read(self):
        return read(self.file)

    def gather(self, ended=ENDED):
        """The bytes of all replies up to the one that ends them, or those that came while there was patience."""
        out = bytearray()
        try:
            while not out.endswith(ended):
                some = self.file.read1(1 << 16)
                if not some:
                    raise ConnectionError("the server closed the connection")
                out += some
        except TimeoutError:
            self.connect()
            return bytes(out)
        return bytes(out[: -len(ended)])

    def answered(self):
        """Whether something has arrived since the last reply was read."""
        return bool(select.select([self.socket], [], [], 0)[0])


def packed(calls):
    """Calls as bytes."""
    out = bytearray()
    for words in calls:
        out += b"*%d\r\n" % len(words)
        for word in words:
            word = word.encode("latin1")
            out += b"$%d\r\n%s\r\n" % (len(word), word)
    return bytes(out)


def read(file):
    """The next reply."""
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("the server closed the connection")
    kind, rest = chr(line[0]), line[1:-2]
    if kind in "$=":
        length = int(rest)
        return ("nil",) if length < 0 else (kind, file.read(length + 2)[:-2])
    if kind in "*~%>":
        length = int(rest) * (2 if kind == "%" else 1)
        return ("nil*",) if length < 0 else (kind, [read(file) for _ in range(length)])
    return ("nil",) if kind == "_" else (kind, rest)


def replies(raw, count):
    """The replies that bytes hold; what is missing of them waits."""
    file, out = io.BytesIO(raw), []
    while file.tell() < len(raw):
        out.append(read(file))
    return out + [("waits",)] * (count - len(out))


class Server(Link):
    """A server started here, on a free loopback port, with one connection to it."""

    def __init__(self, program, scratch, name, *settings):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        data = os.path.join(scratch, name)
        os.mkdir(data)
        self.log = open(os.path.join(data, "log"), "wb+")
        self.command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", data, *settings]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        for _ in range(1200):
            try:
                self.connect()
                reply = self.call("PING")
                if reply == ("+", b"PONG") or reply[1].startswith(b"NOAUTH"):
                    return
            except OSError:
                time.sleep(0.05)
        self.stop()
        sys.exit(f"{self.command[0]} does not start:\n{self.log_tail()}")

    def has_ended(self):
        """Whether it ended by itself; one that broke off a connection just now may be about to."""
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self):
        self.process.kill()
        self.process.wait()

    def log_tail(self):
        self.log.seek(0)
        return b"\n".join(self.log.read().splitlines()[-6:]).decode(errors="replace")


def plain(reply, numbers=False):
    """A reply of COMMAND as dicts, lists and texts; with `numbers`, integers are numbers."""
    kind = reply[0]
    if kind == "%":
        items = iter(reply[1])
        return {plain(key): plain(value, numbers) for key, value in zip(items, items)}
    if kind in "*~":
        return [plain(item, numbers) for item in reply[1]]
    if kind == ":" and numbers:
        return int(reply[1])
    return reply[1].decode("latin1") if len(reply) > 1 else None


def show(reply):
    if reply[0] in "*~%>":
        return reply[0] + "[" + " ".join(show(item) for item in reply[1]) + "]"
    return reply[0] + (repr(reply[1])[2:-1] if len(reply) > 1 else "")


def quote(words):
    return " ".join(word if re.fullmatch(r"[!-~]+", word) and '"' not in word else '"' + "".join(
        c if " " <= c <= "~" and c not in '"\\' else f"\\x{ord(c):02x}" for c in word) + '"' for word in words)
