#!/usr/bin/env python3
"""What metrics cost: CPU time a command with all of them on and all off, in turns; CPU time of a scrape of 10,000 queues.

usage: cost.py RELEASE_PROGRAM [COMMANDS]      needs redis-benchmark and redis-cli; prints figures, judges nothing
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from servers import free_port

TURNS = 6
QUEUES = 10_000
# Between two scrapes, in seconds: oftener than anybody's Prometheus.
PERIOD = 5


class Server:
    def __init__(self, program, *flags):
        self.port, self.metrics = free_port(), free_port()
        self.scratch = tempfile.TemporaryDirectory(prefix="synap-cost-")
        own = ["--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--io-threads", 1, "--dir", self.scratch.name]
        self.process = subprocess.Popen([str(word) for word in [program, *own, *flags]], stdout=subprocess.DEVNULL)
        while self.cli("PING") != "PONG\n":
            time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.scratch.cleanup()

    def cli(self, *words, stdin=None):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], input=stdin, capture_output=True, text=True).stdout

    def cpu(self):
        """CPU time so far, in seconds."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return len(answer.read())


def command_ns(program, commands, is_on):
    metrics = free_port()
    flags = ["--metrics-listen", f"127.0.0.1:{metrics}"] if is_on else ["--latency-tracking", "no"]
    with Server(program, *flags) as server:
        bench = lambda n: subprocess.run(
            ["redis-benchmark", "-p", str(server.port), "-t", "set,get", "-n", str(n // 2), "-P", "16", "-c", "16", "-r", "100000", "-q"],
            stdout=subprocess.DEVNULL, check=True)
        bench(commands // 10)
        over = threading.Event()

        def scrapes():
            while not over.wait(PERIOD):
                scrape(metrics)

        if is_on:
            threading.Thread(target=scrapes, daemon=True).start()
        before = server.cpu()
        bench(commands)
        spent = server.cpu() - before
        over.set()
        return spent * 1e9 / commands


def scrape_ms(program):
    metrics = free_port()
    with Server(program, "--metrics-listen", f"127.0.0.1:{metrics}", "--metrics-queues-max", QUEUES) as server:
        server.cli(stdin="\n".join(f"QPUSH queue:{i} message" for i in range(QUEUES)))
        size = scrape(metrics)
        before = server.cpu()
        for _ in range(10):
            scrape(metrics)
        return (server.cpu() - before) * 100, size


def main():
    program, commands = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    off, on = [], []
    for _ in range(TURNS):
        off.append(command_ns(program, commands, False))
        on.append(command_ns(program, commands, True))
    without, with_all = statistics.median(off), statistics.median(on)
    print(f"CPU time a command, pipeline 16: {without:.0f} ns without, {with_all:.0f} ns with metrics ({100 * (with_all / without - 1):+.1f} %)")
    ms, size = scrape_ms(program)
    print(f"a scrape of {QUEUES} queues: {ms:.0f} ms of CPU time, {size} bytes")


main()
