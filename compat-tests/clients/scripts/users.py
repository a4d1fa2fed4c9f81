#!/usr/bin/env python3
"""Python libraries that do their work in Lua, doing it.  usage: users.py HOST PORT"""

import logging
import pathlib
import sys
import threading
import time

import dramatiq
import huey
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import LockError, LockNotOwnedError

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from uses import Uses  # noqa: E402

HOST, PORT = sys.argv[1], int(sys.argv[2])


def locks_exclude(r):
    """Ten threads count under one lock: none of their steps is lost."""
    counted = [0]

    def count():
        for _ in range(10):
            with r.lock("lock:count", timeout=10, sleep=0.002):
                seen = counted[0]
                time.sleep(0.0005)
                counted[0] = seen + 1

    threads = [threading.Thread(target=count) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted[0] == 100, counted
    assert r.exists("lock:count") == 0


def locks_have_an_owner_and_an_end(r):
    lock = r.lock("lock:one", timeout=5)
    assert lock.acquire(blocking=False)
    other = r.lock("lock:one", timeout=5)
    assert not other.acquire(blocking=False)
    assert lock.owned() and not other.owned()
    assert lock.extend(20) and 20_000 < r.pttl("lock:one") <= 25_000
    assert lock.extend(10, replace_ttl=True) and r.pttl("lock:one") <= 10_000
    assert lock.reacquire() and r.pttl("lock:one") <= 5_000
    lock.release()
    short = r.lock("lock:one", timeout=0.05)
    assert short.acquire()
    assert other.acquire(blocking_timeout=5), "a lock ends with its time"
    for use in [short.release, lambda: short.extend(1)]:
        try:
            use()
            raise AssertionError("somebody else's lock was released or extended")
        except (LockError, LockNotOwnedError):
            pass
    other.release()


def dramatiq_delivers(r):
    """Messages are delivered once each, also those that fail once or come later; unfinished ones come again."""
    broker = RedisBroker(client=r, namespace="dq", maintenance_chance=1_000_000, heartbeat_timeout=1000)
    dramatiq.set_broker(broker)
    done, lock = [], threading.Lock()

    @dramatiq.actor(broker=broker, max_retries=3, min_backoff=20, max_backoff=50)
    def work(n):
        with lock:
            done.append(n)
            again = n % 10 == 0 and done.count(n) == 1
        if again:
            raise RuntimeError("once more")

    for n in range(50):
        work.send(n)
    work.send_with_options(args=(99,), delay=100)
    # A consumer that takes messages and ends without a word: they come back.
    consumer = broker.consume("default", prefetch=5, timeout=100)
    assert next(consumer) is not None
    broker.broker_id = "another"
    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=4)
    worker.start()
    try:
        wait_for(lambda: set(done) >= {*range(50), 99}, 60, lambda: sorted({*range(50), 99} - set(done)))
        wait_for(lambda: all(done.count(n) >= 2 for n in range(0, 50, 10)), 60, lambda: sorted(done))
    finally:
        worker.stop()
    assert sorted(set(done)) == [*range(50), 99]


def huey_runs_tasks(r):
    """Tasks at once, later, and after a failure; a lock; results by Lua's compare and delete."""
    queue = huey.RedisHuey("hu", host=HOST, port=PORT, results=True)
    tries = []

    @queue.task()
    def add(a, b):
        return a + b

    @queue.task(retries=2)
    def flaky():
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("not yet")
        return len(tries)

    @queue.task()
    @queue.lock_task("only-one")
    def alone():
        return queue.is_locked("only-one")

    consumer = queue.create_consumer(workers=2, scheduler_interval=0.1, initial_delay=0.01, max_delay=0.05)
    consumer.start()
    try:
        results = [add(n, n) for n in range(20)]
        later = add.schedule((1, 2), delay=1)
        assert [result.get(blocking=True, timeout=30) for result in results] == [2 * n for n in range(20)]
        assert later.get(blocking=True, timeout=30) == 3
        assert alone().get(blocking=True, timeout=30) is True
        flaky()
        wait_for(lambda: len(tries) == 3, 30, lambda: tries)
    finally:
        consumer.stop(graceful=True)
    assert not queue.is_locked("only-one")


def wait_for(condition, seconds, tell):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {tell()}"
        time.sleep(0.02)


def main():
    # The libraries tell of tasks that fail, and some are to fail.
    logging.disable(logging.CRITICAL)
    uses = Uses()
    for protocol in [2, 3]:
        r = redis.Redis(host=HOST, port=PORT, protocol=protocol)
        for use in [locks_exclude, locks_have_an_owner_and_an_end, dramatiq_delivers, huey_runs_tasks]:
            uses.run(r, use, f"{use.__name__} RESP{protocol}")
    return uses.end()


if __name__ == "__main__":
    sys.exit(main())
