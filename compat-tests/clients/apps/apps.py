#!/usr/bin/env python3
"""Applications' libraries of Python that keep their state in Redis, each doing its job.  usage: apps.py HOST PORT"""

import asyncio
import gc
import logging
import pathlib
import sys
import time
from datetime import timedelta

import arq
import celery
import channels_redis.core
import channels_redis.pubsub
import django.conf
import limits
import redis
import rq
import saq
from cachelib.redis import RedisCache
from celery.contrib.testing.worker import start_worker

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from uses import Uses  # noqa: E402

HOST, PORT = sys.argv[1], int(sys.argv[2])
URL = f"redis://{HOST}:{PORT}/0"

app = celery.Celery("apps", broker=URL, backend=URL)
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True, result_expires=60)


@app.task(bind=True, max_retries=3)
def flaky(self, n):
    if self.request.retries < 2:
        raise self.retry(countdown=0.05)
    return n


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


def celery_works(r):
    """Tasks by priority queues and acknowledgement (Kombu), a retry, one later, chains, groups and chords, results that expire."""
    # A result that is collected while its thread holds the lock of the subscription asks for that lock again, and hangs.
    gc.disable()
    with start_worker(app, pool="threads", concurrency=4, perform_ping_check=False, shutdown_timeout=30):
        assert [one.get(timeout=30) for one in [add.delay(n, n) for n in range(20)]] == [2 * n for n in range(20)]
        assert flaky.delay(7).get(timeout=30) == 7
        later = add.apply_async((1, 2), countdown=0.5)
        assert celery.chain(add.s(1, 2), add.s(3))().get(timeout=30) == 6
        assert celery.group(add.s(n, 1) for n in range(10))().get(timeout=30) == list(range(1, 11))
        assert celery.chord([add.s(n, n) for n in range(10)])(total.s()).get(timeout=30) == 90
        assert later.get(timeout=30) == 3
        assert 0 < r.ttl(f"celery-task-meta-{later.id}") <= 60
        assert app.control.inspect(timeout=5).ping()
    gc.enable()
    assert r.hlen("unacked") == 0


def doubled(n):
    if n < 0:
        raise ValueError(n)
    return 2 * n


def rq_works(r):
    """Jobs in order, one that waits for another, one that fails, one for later, registries."""
    raw = redis.Redis(host=HOST, port=PORT)
    queue = rq.Queue("work", connection=raw)
    jobs = [queue.enqueue("apps.doubled", n) for n in range(10)]
    after = queue.enqueue("apps.doubled", 50, depends_on=jobs[-1])
    broken = queue.enqueue("apps.doubled", -1)
    queue.enqueue_in(timedelta(milliseconds=1), "apps.doubled", 99)
    worker = rq.SimpleWorker([queue], connection=raw)
    worker.work(burst=True, logging_level="CRITICAL")
    assert [job.return_value() for job in jobs] == [2 * n for n in range(10)] and after.return_value() == 100
    assert broken.is_failed and broken.id in queue.failed_job_registry
    assert len(queue.finished_job_registry) == 11 and len(queue.scheduled_job_registry) == 1
    broken.requeue()
    assert queue.count == 1 and queue.empty() == 1


async def double(ctx, n):
    if n == 3 and ctx["job_try"] < 2:
        raise arq.Retry(defer=0.05)
    return 2 * n


def arq_works(r):
    """Jobs that asyncio runs, one of them twice, one deferred, each id once."""

    async def run():
        pool = await arq.create_pool(arq.connections.RedisSettings(host=HOST, port=PORT))
        jobs = [await pool.enqueue_job("double", n, _job_id=f"job{n}") for n in range(6)]
        assert await pool.enqueue_job("double", 1, _job_id="job1") is None
        jobs.append(await pool.enqueue_job("double", 10, _defer_by=0.2))
        worker = arq.Worker([double], redis_pool=pool, burst=True, poll_delay=0.05, handle_signals=False)
        await worker.async_run()
        assert [await job.result(timeout=20) for job in jobs] == [0, 2, 4, 6, 8, 10, 20]
        await worker.close()

    asyncio.run(run())


async def tripled(ctx, *, n):
    return 3 * n


def saq_works(r):
    """A queue that scripts move jobs through, results waited for by publish and subscribe."""

    async def run():
        queue = saq.Queue.from_url(URL)
        worker = saq.Worker(queue, functions=[tripled], concurrency=4)
        running = asyncio.create_task(worker.start())
        # The sweep of a starting worker aborts jobs that are taken and not yet marked as running: jobs come after it.
        while not await queue.redis.exists(queue.namespace("sweep")):
            await asyncio.sleep(0.01)
        assert await queue.map("tripled", [{"n": n} for n in range(10)], timeout=30) == [3 * n for n in range(10)]
        assert await queue.apply("tripled", n=7, scheduled=int(time.time()) + 1, timeout=30) == 21
        await worker.stop()
        await asyncio.gather(running, return_exceptions=True)
        await queue.disconnect()

    asyncio.run(run())


def channels_talk(r):
    """Django's channel layers, with lists and scripts, and with publish and subscribe."""

    async def run():
        hosts = [{"address": URL}]
        for layer in [channels_redis.core.RedisChannelLayer(hosts=hosts, capacity=5), channels_redis.pubsub.RedisPubSubChannelLayer(hosts=hosts)]:
            names = [await layer.new_channel() for _ in range(3)]
            for name in names[:2]:
                await layer.group_add("room", name)
            await layer.group_send("room", {"type": "said", "n": 1})
            await layer.send(names[2], {"type": "told", "n": 2})
            got = await asyncio.wait_for(asyncio.gather(*(layer.receive(name) for name in names)), 20)
            assert [message["n"] for message in got] == [1, 1, 2], got
            await layer.group_discard("room", names[0])
            await layer.flush()

    asyncio.run(run())


def limits_hold(r):
    """Each strategy of `limits` lets through what it may."""
    storage = limits.storage.storage_from_string(URL)
    for strategy in [limits.strategies.FixedWindowRateLimiter, limits.strategies.MovingWindowRateLimiter, limits.strategies.SlidingWindowCounterRateLimiter]:
        limiter, limit = strategy(storage), limits.parse("5/minute")
        assert [limiter.hit(limit, strategy.__name__) for _ in range(7)] == [True] * 5 + [False] * 2
        assert limiter.get_window_stats(limit, strategy.__name__).remaining == 0
        limiter.clear(limit, strategy.__name__)
        assert limiter.test(limit, strategy.__name__)


def caches_keep(r):
    """The caches of Django and of Flask."""
    from django.core.cache import caches

    django.conf.settings.CACHES["default"]["LOCATION"] = URL
    cache = caches["default"]
    cache.set_many({f"k{n}": n for n in range(10)}, timeout=50)
    assert cache.get_many(["k1", "k2", "none"]) == {"k1": 1, "k2": 2} and cache.incr("k1", 5) == 6
    assert cache.add("k1", 0) is False and cache.add("new", [1]) and cache.touch("new", 100) and cache.delete("new")
    assert cache.get_or_set("lazy", lambda: "made", 5) == "made" and cache.has_key("lazy")
    cache.clear()
    assert cache.get("k1") is None
    flask = RedisCache(HOST, port=PORT, key_prefix="flask:", default_timeout=50)
    assert flask.set_many({"a": 1, "b": 2}) and flask.get_dict("a", "b") == {"a": 1, "b": 2} and flask.inc("n", 2) == 2
    assert flask.add("a", 9) is False and flask.has("a") and flask.clear() and not flask.has("a")


def main():
    # The libraries tell of tasks that fail, and some are to fail.
    logging.disable(logging.CRITICAL)
    django.conf.settings.configure(CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}})
    sys.modules["apps"] = sys.modules["__main__"]
    uses = Uses()
    r = redis.Redis(host=HOST, port=PORT, decode_responses=True)
    for use in [celery_works, rq_works, arq_works, saq_works, channels_talk, limits_hold, caches_keep]:
        uses.run(r, use, use.__name__)
    return uses.end()


if __name__ == "__main__":
    sys.exit(main())
