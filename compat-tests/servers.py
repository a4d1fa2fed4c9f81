"""What the tests in Python, and the benchmark of durability, share: a server in a directory of its own, and a connection to it."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time


class Failure(RuntimeError):
    """An error reply, or what else is wrong with a server."""


class Gone(Exception):
    """The server is gone, or closed the connection."""


class Link:
    """A connection that speaks RESP2."""

    def __init__(self, port, seconds=60):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def send(self, *calls):
        """Sends calls, each a sequence of words, without waiting."""
        out = bytearray()
        for call in calls:
            out += b"*%d\r\n" % len(call)
            for word in call:
                word = word if isinstance(word, bytes) else str(word).encode()
                out += b"$%d\r\n%s\r\n" % (len(word), word)
        try:
            self.socket.sendall(out)
        except OSError as error:
            raise Gone from error

    def read(self):
        """The next reply; an error is a `Failure` that is returned."""
        line = self._take(self.file.readline)
        if not line.endswith(b"\r\n"):
            raise Gone
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return Failure(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self._take(lambda: self.file.read(int(rest) + 2))
            if len(data) < int(rest) + 2:
                raise Gone
            return data[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise Failure(f"no reply begins with {line!r}")

    @staticmethod
    def _take(read):
        try:
            return read()
        except OSError as error:
            raise Gone from error

    def ask(self, *words):
        """The reply, which may be an error."""
        self.send(words)
        return self.read()

    def __call__(self, *words):
        """The reply; an error is raised."""
        reply = self.ask(*words)
        if isinstance(reply, Failure):
            raise Failure(f"{' '.join(show(word) for word in words)}: {reply}")
        return reply

    def info(self, section):
        """The fields of a section of INFO."""
        return fields(self("INFO", section))

    def close(self):
        self.socket.close()


def fields(info):
    """The fields of what INFO answers."""
    return dict(line.split(":", 1) for line in info.decode().split("\r\n") if ":" in line)


def until(what, f, seconds=60):
    """Waits until `f()` is true."""
    end = time.monotonic() + seconds
    while not f():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def judge(checks, skipped=0):
    """Takes pairs of what is checked and whether it is right; prints those that are not, and the counts as the last line.

    Returns whether any is not: the exit status.
    """
    passed = failed = 0
    for what, right in checks:
        if right:
            passed += 1
        else:
            failed += 1
            print(f"FAIL {what}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


def show(word):
    text = word.decode(errors="backslashreplace") if isinstance(word, bytes) else str(word)
    return text if len(text) < 40 else text[:40] + "…"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server in `directory`, on a free port; `settings` are those of its command line."""

    listens = "--port"

    def __init__(self, program, directory, *settings):
        self.program = str(pathlib.Path(shutil.which(program) or program).absolute())
        self.directory = pathlib.Path(directory)
        self.settings = [str(word) for word in settings]
        self.process = None

    def start(self, *more):
        """Starts the process, with `more` settings behind the others, and does not wait."""
        self.port = free_port()
        words = [self.program, self.listens, str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        words += [*self.settings, *(str(word) for word in more)]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory
            )
        return self

    def wait(self, seconds=120):
        """Waits until it serves; returns a connection."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise Failure("the server does not start:\n" + self.tail())
            try:
                return self.reach()
            except (OSError, Gone, Failure):
                time.sleep(0.005)
        raise Failure("the server is not ready:\n" + self.tail())

    def reach(self):
        """A connection to the server, once it serves."""
        link = Link(self.port)
        link("DBSIZE")
        return link

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.is_running():
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def tail(self):
        log = (self.directory / "log").read_text(errors="replace")
        return "".join(log.splitlines(keepends=True)[-12:])

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Resident bytes of the process and its children, pages that several share counted once."""
        total = 0
        for pid in [self.process.pid, *children(self.process.pid)]:
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue  # it has ended
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return total * 1024


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
