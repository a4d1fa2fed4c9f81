#!/usr/bin/env python3
"""The kill loop of queues: producers, consumers and an operator note what they were told, the server is killed with
SIGKILL at random moments (also while it recovers), started again, and compared.

    no push is lost that was acknowledged and, in the mode, durable; nothing is there twice
    nothing that was done comes back: an acknowledged acknowledgement, as far as it was durable
    a message is never under two live leases, and no receipt is given or taken twice, also across restarts
    a group's messages are delivered one at a time, in order; a deduplication id stands for one message
    what was given up is among the dead, with its reason
    a hand-over (QACK and QPUSH in one script) is done once or not at all
    what is moved to another queue (QREDRIVE TO) is in one of the two, and only what was given up is moved
    totals and states balance

usage: queues.py --server PROGRAM [--kills N] [--seed N]
The last line is `N passed, N failed, 0 skipped`; a kill counts as one test.
"""

import pathlib
import random
import sys
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]
from run import INTERVAL_MS, SLACK_MS, Lives, pairs  # noqa: E402
from servers import Gone, Link  # noqa: E402

PRODUCERS, CONSUMERS = 3, 4
QUEUES = ["plain", "fifo", "known"]
OUT = "out"
# Where an operator moves the dead of the first queue.
AGAIN = "again"
GROUPS = 3
# Producers rest while so many messages wait.
CROWD = 400
HAND_OVER = """
if redis.call('QACK', KEYS[1], ARGV[1]) == 1 then return redis.call('QPUSH', KEYS[2], ARGV[2]) end
return false
"""
ENDED = ("ack", "dead")


class Message:
    """What is known of a message, by its body."""

    def __init__(self, queue, group, dedup):
        self.queue, self.group, self.dedup = queue, group, dedup
        self.id = None
        self.pushed = None  # when the push was acknowledged
        # What was done to end it: (what, when sent, when acknowledged as done or None, to where it was handed over)
        self.ends = []
        self.lease = None  # (receipt, from, until in the server's unix ms) of the lease that lives, as far as is known
        self.redriven = None


class Book:
    """What all actors were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = {}
        self.receipts = set()
        self.faults = []
        self.number = 0
        self.delivered = 0

    def fault(self, text):
        with self.lock:
            self.faults.append(text)


class Actor(threading.Thread):
    """One connection that works until the server is gone."""

    def __init__(self, port, book, seed):
        super().__init__(daemon=True)
        self.port, self.book, self.rng = port, book, random.Random(seed)

    def run(self):
        try:
            link = Link(self.port)
            while True:
                self.work(link)
        except (Gone, OSError):
            pass
        except Exception as error:  # told by the main thread
            self.book.fault(f"{type(self).__name__}: {error!r}")


class Producer(Actor):
    def work(self, link):
        if sum(link("QLEN", queue) for queue in QUEUES) > CROWD:
            time.sleep(0.01)
            return
        queue = self.rng.choice(QUEUES)
        group = f"g{self.rng.randrange(GROUPS)}" if queue == "fifo" else None
        options = ["GROUP", group] if group else []
        if self.rng.random() < 0.3:
            options += ["DELAY", self.rng.randrange(20)]
        if self.rng.random() < 0.2:
            options += ["PRI", self.rng.randrange(10)]
        with self.book.lock:
            count = self.rng.choice([1, 1, 3]) if queue != "known" else 1
            bodies = [f"{queue}:{self.book.number + n}" for n in range(count)]
            self.book.number += count
            dedup = f"d{bodies[0]}" if queue == "known" else None
            for body in bodies:
                self.book.messages[body] = Message(queue, group, dedup)
        if dedup:
            options += ["ID", dedup]
        # A producer that heard nothing tries again: with an id that adds nothing.
        for _ in range(self.rng.choice([1, 2]) if dedup else 1):
            if count > 1:
                ids = link("QMPUSH", queue, count, *bodies, *options)
            else:
                ids = [link("QPUSH", queue, bodies[0], *options)]
            now = time.monotonic()
            with self.book.lock:
                for body, id in zip(bodies, ids):
                    message = self.book.messages[body]
                    if message.id not in (None, id):
                        self.book.faults.append(f"{body} was pushed as {message.id} and as {id}")
                    message.id, message.pushed = id, message.pushed or now


class Consumer(Actor):
    def work(self, link):
        queue = self.rng.choice(QUEUES)
        lease = self.rng.choice([30, 200, 5000, 60000])
        asked = time.monotonic()
        popped = link("QPOP", queue, "COUNT", self.rng.choice([1, 1, 4]), "LEASE", lease, "BLOCK", 20, "WITHMETA")
        now = time.monotonic()
        for receipt, body, meta in popped or []:
            self.note(queue, receipt, body.decode(), pairs(meta), lease, asked, now)
        for receipt, body, _ in popped or []:
            self.settle(link, queue, receipt, body.decode())

    def note(self, queue, receipt, body, meta, lease, asked, now):
        book, until = self.book, int(meta[b"deadline"])
        with book.lock:
            book.delivered += 1
            if (queue, receipt) in book.receipts:
                book.faults.append(f"{receipt} of {body} was given twice")
            book.receipts.add((queue, receipt))
            message = book.messages.get(body)
            if message is None:
                book.faults.append(f"{body} was never pushed")
                return
            if any(end[0] == "ack" and end[2] is not None and end[2] < asked for end in message.ends):
                book.faults.append(f"{body} was acknowledged and is delivered as {receipt}")
            # By the server's clock: one consumer may note a delivery long after another noted a later one.
            live, granted = message.lease, until - lease
            if live and max(live[1], granted) < min(live[2], until):
                book.faults.append(f"{body} is under {live[0]} from {live[1]} until {live[2]} and under {receipt} from {granted} until {until}")
            if not live or live[1] <= granted:
                message.lease = (receipt, granted, until)
            message.id = message.id or meta[b"id"]
            if message.group:
                self.check_order(message, body, now)

    def check_order(self, message, body, now):
        """Every older message of the group is gone, or somebody was about to end it, or it is this one."""
        for other_body, other in self.book.messages.items():
            older = other.group == message.group and other.pushed is not None and order(other.id) < order(message.id)
            # What comes back from the dead comes behind those that did not wait for it.
            if older and other.redriven is None and not any(end[0] in ENDED and end[1] < now for end in other.ends):
                self.book.faults.append(f"{body} {message.id} is delivered before {other_body} {other.id} of its group is done")

    def settle(self, link, queue, receipt, body):
        rng, book = self.rng, self.book
        message = book.messages.get(body)
        if message is None:
            return
        what = rng.choices(["ack", "over", "fail", "dead", "return", "touch", "leave"], [50, 15, 10, 8, 5, 5, 7])[0]
        end = None
        with book.lock:
            if what in ("ack", "over", "dead"):
                end = ["dead" if what == "dead" else "ack", time.monotonic(), None, None]
                message.ends.append(end)
            if what in ("ack", "over", "dead", "fail", "return") and message.lease and message.lease[0] == receipt:
                message.lease = None
            if what == "touch" and message.lease and message.lease[0] == receipt:
                message.lease = (receipt, message.lease[1], message.lease[1])
        if what == "ack":
            done = link("QACK", queue, receipt)
            if done and link("QACK", queue, receipt):
                book.fault(f"{receipt} of {body} was taken twice")
        elif what == "over":
            end[3] = f"{body}>"
            done = link("EVAL", HAND_OVER, 2, queue, OUT, receipt, end[3]) is not None
        elif what == "dead":
            done = link("QNACK", queue, receipt, "DEAD", "REASON", f"no {body}")
        elif what == "fail":
            link("QNACK", queue, receipt, "DELAY", rng.randrange(10))
            return
        elif what == "return":
            link("QNACK", queue, receipt, "RETURN")
            return
        elif what == "touch":
            link("QTOUCH", queue, rng.randrange(100), receipt)
            return
        else:
            return
        with book.lock:
            if done:
                end[2] = time.monotonic()
            else:
                # Fenced: somebody else has it, or ended it.
                message.ends.remove(end)


class Operator(Actor):
    def work(self, link):
        time.sleep(self.rng.random() * 0.1)
        queue = self.rng.choice(QUEUES)
        if self.rng.random() < 0.2:
            link.ask("BGREWRITEAOF")
        if self.rng.random() < 0.2:
            link("QREDRIVE", QUEUES[0], "TO", AGAIN)
        with self.book.lock:
            given_up = [
                message
                for message in self.book.messages.values()
                if message.queue == queue and message.id and any(end[0] == "dead" and end[2] for end in message.ends)
            ]
            chosen = given_up[:3]
            for message in chosen:
                message.redriven = time.monotonic()
        if chosen:
            link("QREDRIVE", queue, "IDS", len(chosen), *[message.id for message in chosen])


def order(id):
    return tuple(int(part) for part in (id or b"0-0").split(b"-"))


def peek(link, queue):
    """All messages of a queue, by their bodies; dead or not."""
    found = {}
    for states in ([], ["DEAD"]):
        for item in link("QPEEK", queue, *states, "COUNT", 1_000_000):
            item = pairs(item)
            body = item[b"body"].decode()
            if body in found:
                raise RuntimeError(f"{body} is twice in {queue}")
            found[body] = item
    return found


def check(link, book, killed, mode):
    """Compares what is there with what was told, and takes it over. Nobody else is connected."""
    faults = book.faults
    durable = killed if mode == "always" else killed - (INTERVAL_MS + SLACK_MS) / 1000 if mode == "everysec" else 0

    def is_sure(at):
        return at is not None and at < durable

    out, moved = peek(link, OUT), peek(link, AGAIN)
    there = {}
    for queue in [*QUEUES, AGAIN]:
        if queue != AGAIN:
            there.update(peek(link, queue))
        info = pairs(link("QINFO", queue) or [])
        if info:
            totals = pairs(info[b"totals"])
            states = sum(int(info[name]) for name in (b"ready", b"delayed", b"inflight", b"dead"))
            gone = sum(int(totals[n]) for n in (b"acked", b"ttl-expired", b"dropped", b"deleted", b"moved"))
            if int(totals[b"pushed"]) != states + gone:
                faults.append(f"the totals of {queue} do not balance: {info}")
    for body in [*there, *moved]:
        if body not in book.messages:
            faults.append(f"{body} was never pushed")
    for body in moved:
        message = book.messages.pop(body, None)
        if body in there:
            faults.append(f"{body} was moved and is still there: {there[body]}")
        if message and not any(end[0] == "dead" for end in message.ends) and message.redriven is None:
            faults.append(f"{body} was moved, and nobody gave it up")
    for body, message in list(book.messages.items()):
        item = there.get(body)
        message.lease = None  # the delivery's record may be lost
        acks = [end for end in message.ends if end[0] == "ack"]
        handed = [end for end in acks if end[3]]
        if item is None:
            if is_sure(message.pushed) and not acks:
                faults.append(f"{body} {message.id} was pushed and is gone")
            if handed and len(acks) == len(handed) and is_sure(message.pushed) and f"{body}>" not in out:
                faults.append(f"{body} was handed over and is nowhere")
            del book.messages[body]
            continue
        sure = [end for end in acks if is_sure(end[2])]
        if sure:
            faults.append(f"{body} {message.id} was acknowledged and has come back: {item}")
        if f"{body}>" in out:
            faults.append(f"{body} was handed over and is still there: {item}")
        dead = [end for end in message.ends if end[0] == "dead"]
        state = item[b"state"]
        if any(is_sure(end[2]) for end in dead) and message.redriven is None:
            if state != b"dead" or item[b"reason"].decode() != f"no {body}":
                faults.append(f"{body} was given up and is {item}")
        if state == b"dead" and not dead and message.redriven is None:
            faults.append(f"{body} is dead, and nobody gave it up")
        if message.id not in (None, item[b"id"]):
            faults.append(f"{body} was pushed as {message.id} and is {item[b'id']}")
        message.id, message.pushed = item[b"id"], message.pushed or time.monotonic()
        message.ends = [["dead", killed, None, None]] if state == b"dead" else []
        message.redriven = None
        if message.dedup and link("QPUSH", message.queue, body, "ID", message.dedup) != message.id:
            faults.append(f"{body} was pushed again though it is known")
    # Handed over once; what was is of no more use.
    link("QDEL", OUT, "ALL")
    link("QDEL", AGAIN, "ALL")
    return len(there)


def set_up(link):
    for queue in QUEUES:
        link("QSET", queue, "MAXATTEMPTS", 0, "DEADMAX", 1_000_000, "GROUPMAX", 1)


def main():
    run = Lives(__doc__, kills=60)
    rng, server = run.rng, run.server
    book = Book()
    with run:
        mode = "always"
        server.start("--appendfsync", mode)
        link = server.wait()
        for kill in range(run.options.kills):
            set_up(link)
            actors = [Producer(server.port, book, rng.random()) for _ in range(PRODUCERS)]
            actors += [Consumer(server.port, book, rng.random()) for _ in range(CONSUMERS)]
            actors.append(Operator(server.port, book, rng.random()))
            for actor in actors:
                actor.start()
            time.sleep(rng.choice([0.05, 0.2, 0.6]) * (0.5 + rng.random()))
            killed = time.monotonic()
            server.kill()
            link.close()
            for actor in actors:
                actor.join()
            before, mode = mode, rng.choice(["always", "always", "everysec", "no"])
            while True:
                server.start("--appendfsync", mode)
                if rng.random() > 0.15:
                    break
                # Killed while it recovers.
                time.sleep(rng.random() * 0.1)
                server.kill()
            link = server.wait()
            check(link, book, killed, before)
            faults, book.faults = book.faults[:10], []
            if not run.judge(f"kill {kill}, mode {before}", faults):
                break
    print(f"{book.number} messages were pushed, {book.delivered} delivered")
    return run.status()


if __name__ == "__main__":
    sys.exit(main())
