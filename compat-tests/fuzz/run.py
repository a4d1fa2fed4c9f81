#!/usr/bin/env python3
"""Sends random commands, valid and not, to Synap and to a real server, and compares replies, state and events.

usage: run.py --server PROGRAM [--oracle PROGRAM] [--model PROGRAM] [--commands N] [--seed N] [--only NAME,NAME] [--seconds N]

What a command takes is read from the oracle's COMMAND DOCS; arguments are drawn by their kind, with the numbers at the
edges of their range and with arguments that are missing, repeated or nonsense. A round begins with empty servers and
consists of steps: pipelined calls on two connections, in transactions and scripts too, calls that block, walks by cursor,
keys whose time ends. After each, the data set's digest, encodings, expiry times, streams and keyspace events are compared.
After a difference the round is cut down to what is needed to see it. Differences are told by class (the command and the
shapes of both replies). The same seed sends the same commands. Where a model is named, the server that Synap follows, a
difference from the oracle is none if the model does as Synap does.
"""

import argparse
import collections
import os
import random
import re
import signal
import sys
import tempfile
import time

from calls import RANDOM, Generator, read_docs
from churn import dumped
from edges import Edges
from judge import shape
from known import Known
from odd import Odd
from rounds import THRESHOLDS, Difference, Pair, Parted, draw, tell
from scripts import Scripts
from settings import shared
from vectors import Vectors
from wire import Server, plain, quote, show

# Commands of a round.
ROUND = 500
# The share of steps after which the whole state is compared.
LOOKS = 0.25


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--oracle", default=os.environ.get("SYNAP_ORACLE_8") or "redis-server")
    parser.add_argument("--model", help="the server that Synap follows where the oracle differs from it")
    parser.add_argument("--commands", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=0, help="stop after this time, if it comes before the commands are sent")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", default="calls", help="what steps are drawn from, each as often as it is named: calls, edges, odd, scripts, crowds, users, settings, moves, states, pipelines, vectors; all but calls against Redis 8")
    parser.add_argument("--only", default="", help="only these commands, by name, separated by commas")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Scripts return tables that hold themselves: replies of thousands of lists, each in another.
    sys.setrecursionlimit(100_000)

    settings = ["--enable-debug-command", "yes"]
    with tempfile.TemporaryDirectory(prefix="synap-fuzz-") as scratch:
        oracle = Server(options.oracle, scratch, "oracle", *settings)
        try:
            synap = Server(options.server, scratch, "synap", "--appendonly", "yes", *settings)
            try:
                model = Server(options.model, scratch, "model", *settings) if options.model else None
                try:
                    return compare(oracle, synap, model, options)
                finally:
                    if model:
                        model.stop()
            finally:
                synap.stop()
        finally:
            oracle.stop()


class Fuzz:
    """A run: what is drawn, and the differences found."""

    def __init__(self, pair, generator, parts, dice):
        self.pair, self.generator, self.parts, self.dice = pair, generator, parts, dice
        self.classes, self.told, self.unclean = {}, collections.Counter(), set()
        self.sent = 0
        # What the model is told, and the classes in which it does as Synap does.
        self.model, self.followed = None, set()

    def round(self):
        dice = self.dice
        protocol = dice.choice([2, 3, 2, 3, 23, 32])
        small = dice.random() < 0.4
        settings = [["CONFIG", "SET", name, (dice.choice(["3", "8"]) if small else {"list-max-listpack-size": "-2", "set-max-intset-entries": "512"}.get(
            name, "64" if name.endswith("value") else "128"))] for name in THRESHOLDS]
        history, sent = [], 0
        self.pair.reset(protocol, settings)
        while sent < ROUND:
            step = draw(self.generator, self.parts, dice)
            history.append(step)
            sent += len(step[2]) if step[0] in ("chunk", "blocked") else 1
            try:
                self.pair.run(step)
                # Looks take longer than calls. What one finds late is found at its call when the round is run again.
                self.pair.look(dice.random() < LOOKS or sent >= ROUND)
            except Difference as found:
                self.found(found, history, protocol, settings)
                break
            except Parted:
                break
        self.sent += sent

    def found(self, found, history, protocol, settings):
        """Files a difference under its class; of a new class the round is cut down first."""
        history = singly(history)
        if found.unseen and self.told[self.key(found, [])] < 50:
            shown = self.replay(history, protocol, settings)
            if shown is not None:
                history, found = history[: shown[0] + 1], shown[1]
        self.told[self.key(found, [])] += 1
        key = self.key(found, history)
        self.told[key] += 1
        if key not in self.classes and key not in self.followed:
            history, found, again = self.shrink(history, protocol, settings, found)
            if not (again and self.model and self.model.replay(history, protocol, settings) is None):
                self.classes[key] = (protocol, history, found)
            else:
                self.followed.add(key)

    def key(self, found, history):
        """The class: shapes of the replies, and what was called last if the difference showed only in a look."""
        last = history[-1][2][-1][0] if history and found.unseen and history[-1][0] in ("chunk", "blocked") and history[-1][2] else ""
        return found.name, last, *(("", "") if found.name == "event" else (shape(found.left), shape(found.right)))

    def shrink(self, history, protocol, settings, found):
        """The shortest round found that ends with a difference of this class, and whether it shows it again."""
        shown = self.replay(history, protocol, settings)
        if shown is None or shown[1].name != found.name:
            return history[-12:], found, False
        history, found = history[: shown[0] + 1], shown[1]
        size, until = max(1, len(history) // 2), time.monotonic() + 20
        key = self.key(found, history)
        while time.monotonic() < until:
            at, cut = 0, False
            while at < len(history) - 1 and time.monotonic() < until:
                tried = history[:at] + history[min(at + size, len(history) - 1):]
                shown = self.replay(tried, protocol, settings)
                if shown is not None and self.key(shown[1], tried[: shown[0] + 1]) == key:
                    history, found, cut = tried[: shown[0] + 1], shown[1], True
                else:
                    at += size
            if size == 1 and not cut:
                break
            size = max(1, size // 2)
        return history, found, True

    def replay(self, history, protocol, settings):
        """Runs steps anew: the number of the one at which a difference shows, and it."""
        self.pair.reset(protocol, settings)
        try:
            for at, step in enumerate(history):
                self.pair.run(step)
                self.pair.look()
        except Difference as found:
            return at, found
        except (ConnectionError, TimeoutError, Parted):
            pass
        return None


def singly(history):
    """The same steps with one call in each, but where keys are given up after a call that draws."""
    out = []
    for step in history:
        whole = step[0] != "chunk" or any(name in RANDOM for name, _ in step[2])
        out += [step] if whole else [("chunk", step[1], [call]) for call in step[2]]
    return out


def compare(oracle, synap, model, options):
    oracle.call("HELLO", "3")
    info = oracle.call("INFO", "server")[1]
    name = "valkey" if b"valkey_version" in info else "redis"
    version = tuple(int(n) for n in re.search(rb"%s_version:(\d+)\.(\d+)" % name.encode(), info).groups())
    docs = read_docs(oracle, synap, plain)
    if options.only:
        docs = {name: doc for name, doc in docs.items() if name in options.only.split(",")}
    dice = random.Random(options.seed)
    pair = Pair(oracle, synap, Known(name, version), digests=name == "redis" and version >= (8, 0))
    generator = Generator(docs, dice)
    # A real server's payloads, so that both are told the same.
    generator.payloads = dumped(oracle, dice)
    generator.odd, generator.scripts, generator.edges, generator.vectors = Odd(docs, dice), Scripts(dice), Edges(generator, dice), Vectors(dice)
    generator.settings = shared(oracle, synap) if "settings" in options.parts else {}
    parts = options.parts.split(",")
    fuzz = Fuzz(pair, generator, parts, dice)
    if model:
        fuzz.model = Fuzz(Pair(model, synap, Known("redis", (8, 0)), digests=True), generator, parts, dice)
    began, ended = time.monotonic(), 0
    while fuzz.sent < options.commands and not 0 < options.seconds < time.monotonic() - began:
        try:
            fuzz.round()
        except (ConnectionError, TimeoutError, OSError) as fault:
            fuzz.sent += 1
            if synap.has_ended():
                print(f"Synap ended ({fault}); its log:\n{synap.log_tail()}")
                fuzz.classes[("", "", "")] = (0, [], Difference("no reply", [], ("nil",), ("nil",)))
                break
            if oracle.has_ended():
                # A script's error whose metatable raises another ends Redis.
                ended += 1
                oracle.start()
            for side in pair.sides:
                side.close()
            pair.sides = tuple(type(side)(side.server) for side in pair.sides)
    for key, (protocol, history, found) in sorted(fuzz.classes.items()):
        print(f"DIFFERENT {found.name} ({fuzz.told[key]} times, RESP{protocol})")
        for step in history:
            for line in tell(step):
                print(f"      {line[:300]}")
        print(f"    > {quote(found.words)[:400]}\n    {name:6} {show(found.left)[:600]}\n    synap  {show(found.right)[:600]}")
    clean = set(docs) - {found.name.removeprefix("eval:") for _, _, found in fuzz.classes.values()}
    if model:
        print(f"{len(fuzz.followed)} classes in which the model does as Synap does")
    if ended:
        print(f"the oracle ended {ended} times and was started again")
    print(f"{len(docs)} commands, {fuzz.sent} calls in {time.monotonic() - began:.0f} s, seed {options.seed}, oracle {name} {version[0]}.{version[1]}")
    print(f"{len(clean)} passed, {len(fuzz.classes)} failed, 0 skipped")
    return 1 if fuzz.classes or not docs else 0


if __name__ == "__main__":
    sys.exit(main())
