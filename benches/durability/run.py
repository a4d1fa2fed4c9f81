#!/usr/bin/env python3
"""Durability beside Valkey (or Redis): what the log and snapshots cost, and how fast a server is back.

usage: run.py --server PROGRAM --peer PROGRAM --driver valkey-benchmark [--only NAMES] [--rounds N] [--scale X] [--json FILE]

  always    throughput and latency with `appendfsync always`: 64 and 512 clients, pipelines of 1 and 16
  group     the same with 64 clients, beside one sync for each operation
  periodic  CPU time per operation with `appendfsync everysec`: pipelines of 16 and 64, beside no log
  snapshot  2 GB of which every key is rewritten: memory and the latency of GET and SET, with and without a snapshot saved meanwhile
  keys      saving and loading 10^7 keys
  restart   the start after SIGKILL with a log of 1 GB

Servers are measured in turns, figures are medians over the rounds. CPU time is utime + stime of the server's threads, so it
does not depend on how the load generator shares the machine. `--scale 0.1` makes data sets a tenth as large.
"""

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "compat-tests"))
from servers import Failure, Server  # noqa: E402

VALUE = "x" * 64
KEYS = 1_000_000


class Bench:
    def __init__(self, options):
        self.options = options
        self.programs = {"synap": options.server, "peer": options.peer}
        self.rows = []

    def server(self, name, *settings):
        """A server of that name in a directory of its own, ready to serve."""
        directory = tempfile.mkdtemp(prefix=f"{name}-", dir=self.options.scratch)
        quiet = ["--save", "", "--auto-aof-rewrite-percentage", 0]
        server = Server(self.programs[name], directory, *quiet, *settings)
        server.link = server.start().wait()
        return server

    def stop(self, server):
        server.kill()
        shutil.rmtree(server.directory, ignore_errors=True)

    def drive(self, server, command, requests, clients, pipeline, keys=KEYS):
        """Runs the load generator; returns requests per second and the latencies in ms of p50, p99 and p99.9."""
        words = [self.options.driver, "-p", server.port, "-c", clients, "-P", pipeline, "-n", requests, "-r", keys]
        words += ["--precision", 3, *command.split()]
        output = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout
        rate = re.search(r"throughput summary: ([\d.]+)", output)
        latencies = [(float(share), float(ms)) for share, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", output)]
        if not rate or not latencies:
            raise Failure(f"the load generator says: {output[-500:]}")
        at = lambda wanted: next((ms for share, ms in latencies if share >= wanted), latencies[-1][1])  # noqa: E731
        return float(rate[1]), at(50), at(99), at(99.9)

    def tell(self, what, synap, peer, ratio, target, unit):
        self.rows.append({"what": what, "synap": synap, "peer": peer, "ratio": ratio, "target": target, "unit": unit})
        shown = lambda n: "–" if n is None else f"{n:,.2f}" if abs(n) < 1000 else f"{n:,.0f}"  # noqa: E731
        print(f"| {what} | {shown(synap)} | {shown(peer)} | {shown(ratio)} | {target or ''} | {unit} |", flush=True)

    def medians(self, servers, measure):
        """What `measure` tells of each server, in turns; the median of each figure."""
        seen = {name: [] for name in servers}
        for turn in range(self.options.rounds):
            for name in list(servers) if turn % 2 == 0 else reversed(list(servers)):
                seen[name].append(measure(servers[name]))
        return {name: [statistics.median(figures) for figures in zip(*runs)] for name, runs in seen.items()}

    # ---- the log ----

    def always(self):
        servers = {name: self.server(name, "--appendonly", "yes", "--appendfsync", "always") for name in self.programs}
        for clients in (64, 512):
            for pipeline in (1, 16):
                requests = self.scaled(20_000 if pipeline == 1 else 200_000)
                run = lambda s: self.drive(s, f"SET key:__rand_int__ {VALUE}", requests, clients, pipeline)  # noqa: B023,E731
                seen = self.medians(servers, run)
                what = f"always, {clients} clients, pipeline {pipeline}"
                (rate, p50, p99, _), (peer, peer50, peer99, _) = seen["synap"], seen["peer"]
                self.tell(what, rate, peer, rate / peer, "≥ 1.5", "SET/s")
                self.tell(f"{what}: p50", p50, peer50, p50 / peer50, "", "ms")
                self.tell(f"{what}: p99", p99, peer99, p99 / peer99, "", "ms")
        for server in servers.values():
            self.stop(server)

    def group(self):
        server = self.server("synap", "--appendonly", "yes", "--appendfsync", "always")
        # One client alone has a sync for each operation: what 64 would get from a server that syncs so.
        run = lambda clients: self.drive(server, f"SET key:__rand_int__ {VALUE}", self.scaled(100 * clients), clients, 1)  # noqa: E731
        seen = self.medians({"group": 64, "each": 1}, run)
        group, each = seen["group"][0], seen["each"][0]
        self.tell("group commit, 64 clients, beside a sync for each operation", group, each, group / each, "≥ 10", "SET/s")
        self.stop(server)

    def periodic(self):
        # Rewriting is another row's: the peer does it in a process of its own, whose time would not be seen.
        logged = ["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"]
        servers = {
            "synap": self.server("synap", *logged),
            "peer": self.server("peer", *logged),
            "unlogged": self.server("synap", "--appendonly", "no"),
        }
        for pipeline in (16, 64):
            requests = self.scaled(1_000_000)

            def run(server):
                before = server.cpu_seconds()
                rate, *_ = self.drive(server, f"SET key:__rand_int__ {VALUE}", requests, 64, pipeline)  # noqa: B023
                return (server.cpu_seconds() - before) / requests * 1e6, rate  # noqa: B023

            for server in servers.values():
                run(server)
            seen = self.medians(servers, run)
            (cpu, rate), (peer, peer_rate), (bare, _) = seen["synap"], seen["peer"], seen["unlogged"]
            what = f"everysec, pipeline {pipeline}"
            self.tell(f"{what}: CPU", cpu, peer, cpu / peer, "≤ 0.65", "µs/SET")
            self.tell(f"{what}: CPU beside no log", cpu, bare, cpu / bare, "≤ 1.35", "µs/SET")
            self.tell(f"{what}: throughput", rate, peer_rate, rate / peer_rate, "", "SET/s")
        for server in servers.values():
            self.stop(server)

    # ---- snapshots ----

    def snapshot(self):
        size, keys = 1000, self.scaled(1_900_000)
        value = "y" * size
        figures = {}
        for name in self.programs:
            server = self.server(name, "--appendonly", "no")
            self.populate(server, keys, value)
            fixed = {"requests": self.scaled(300_000), "clients": 32, "pipeline": 1, "keys": keys}
            rewriting = self.rewrite(server, keys, value.replace("y", "w"))
            without = self.latencies(server, value, fixed)
            rewriting.wait()
            before = server.memory()
            peak, over = [before], threading.Event()

            def watch():
                while not over.wait(0.05):
                    peak[0] = max(peak[0], server.memory())  # noqa: B023

            watcher = threading.Thread(target=watch)
            watcher.start()
            rewriting = self.rewrite(server, keys, value.replace("y", "z"))
            started = time.monotonic()
            server.link("BGSAVE")
            busy = self.latencies(server, value, fixed)
            while int(server.link.info("persistence")["rdb_bgsave_in_progress"]):
                time.sleep(0.05)
            took = time.monotonic() - started
            rewriting.wait()
            over.set()
            watcher.join()
            figures[name] = ((peak[0] - before) / 2**20, without, busy, took)
            self.stop(server)
        synap, peer = figures["synap"], figures["peer"]
        self.tell(f"snapshot of {keys * size / 1e9:.1f} GB, every key rewritten: memory grows", synap[0], peer[0], synap[0] / max(peer[0], 0.1), "≤ 64 MiB", "MiB")
        for at, what in enumerate(("GET", "SET")):
            ratios = [figures[name][2][at][3] / figures[name][1][at][3] for name in ("synap", "peer")]
            self.tell(f"{what} p99.9 under it, beside without", *ratios, ratios[0] / ratios[1], "≤ 2 ×", "×")
            self.tell(f"{what} p99.9 under it", synap[2][at][3], peer[2][at][3], synap[2][at][3] / peer[2][at][3], "", "ms")

    def rewrite(self, server, keys, value):
        """Begins to rewrite every key, in order."""
        words = [self.options.driver, "-p", server.port, "-c", 8, "-P", 16, "-r", keys, "--sequential", "-n", keys]
        words += ["-q", "SET", "key:__rand_int__", value]
        words = [str(word) for word in words]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def latencies(self, server, value, fixed):
        """What `drive` tells of GET and of SET."""
        return [self.drive(server, f"{call} key:__rand_int__{end}", **fixed) for call, end in (("GET", ""), ("SET", f" {value}"))]

    def populate(self, server, keys, value):
        subprocess.run(
            [self.options.driver, "-p", str(server.port), "-c", "8", "-P", "64", "-r", str(keys), "--sequential", "-n",
             str(keys), "-q", "SET", "key:__rand_int__", value],
            stdout=subprocess.DEVNULL, check=True,
        )
        found = server.link("DBSIZE")
        if found != keys:
            raise Failure(f"{found} keys were made instead of {keys}")

    def keys(self):
        keys, seen = self.scaled(10_000_000), {}
        for name in self.programs:
            server = self.server(name, "--appendonly", "no")
            self.populate(server, keys, VALUE)
            started, before = time.monotonic(), server.cpu_seconds()
            server.link.socket.settimeout(600)
            server.link("SAVE")
            saved = (time.monotonic() - started, server.cpu_seconds() - before)
            files = [path for path in server.directory.rglob("*") if path.suffix in (".rdb", ".synap")]
            size = sum(path.stat().st_size for path in files) / 2**20
            server.kill()
            started = time.monotonic()
            link = server.start().wait(600)
            loaded = (time.monotonic() - started, server.cpu_seconds())
            if link("DBSIZE") != keys:
                raise Failure(f"{name} loads {link('DBSIZE')} keys")
            seen[name] = (*saved, *loaded, size)
            self.stop(server)
        figures = (("saved", "s"), ("saved, CPU", "s"), ("loaded", "s"), ("loaded, CPU", "s"), ("the file", "MiB"))
        for at, (what, unit) in enumerate(figures):
            synap, peer = seen["synap"][at], seen["peer"][at]
            self.tell(f"{keys:,} keys: {what}", synap, peer, synap / peer, "< 1", unit)

    # ---- the start ----

    def restart(self):
        wanted, seen = self.scaled(1 << 30), {}
        for name in self.programs:
            server = self.server(name, "--appendonly", "yes", "--appendfsync", "everysec")
            keys, requests = 1_000_000, wanted // 110
            while int(server.link.info("persistence")["aof_current_size"]) < wanted:
                self.drive(server, f"SET key:__rand_int__ {VALUE}", requests // 4, 64, 64, keys)
            server.link("WAITAOF", 1, 0, 10_000)
            size = int(server.link.info("persistence")["aof_current_size"]) / 2**20
            count = server.link("DBSIZE")
            server.kill()
            started = time.monotonic()
            link = server.start().wait(600)
            took, cpu = time.monotonic() - started, server.cpu_seconds()
            if link("DBSIZE") != count:
                raise Failure(f"{name} has {link('DBSIZE')} keys instead of {count}")
            seen[name] = (took, cpu, size)
            self.stop(server)
        what = f"restart with a log of {wanted / 2**30:.1f} GiB"
        figures = ((what, "s", "< 1"), (f"{what}, CPU", "s", ""), ("its log", "MiB", ""))
        for (what, unit, target), synap, peer in zip(figures, seen["synap"], seen["peer"]):
            self.tell(what, synap, peer, synap / peer, target, unit)

    def scaled(self, n):
        return max(1000, int(n * self.options.scale))


PARTS = ("always", "group", "periodic", "snapshot", "keys", "restart")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="Synap's release build")
    parser.add_argument("--peer", required=True, help="valkey-server or redis-server")
    parser.add_argument("--driver", required=True, help="valkey-benchmark, 9 or later")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, comma separated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--scratch", help="where the servers keep their data: the disk that is measured")
    parser.add_argument("--json", help="writes the figures to this file")
    options = parser.parse_args()
    bench = Bench(options)
    print("| | Synap | peer | Synap ÷ peer | target | unit |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="synap-durability-", dir=options.scratch) as scratch:
        options.scratch = scratch
        for part in options.only.split(","):
            getattr(bench, part)()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(bench.rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
