// Node libraries that do their work in Lua, doing it.  usage: users.mjs HOST PORT
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import Queue from "bee-queue";
import Redis from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import Redlock from "redlock";
import { run } from "./uses.mjs";

const [host, port] = [process.argv[2], Number(process.argv[3])];
const redis = new Redis({ host, port });

async function limiterLimits() {
  const limiter = new RateLimiterRedis({ storeClient: redis, points: 5, duration: 3, keyPrefix: "rl" });
  const taken = await Promise.allSettled(Array.from({ length: 20 }, () => limiter.consume("user")));
  assert.equal(taken.filter((one) => one.status === "fulfilled").length, 5);
  const refused = taken.find((one) => one.status === "rejected").reason;
  assert.ok(refused.msBeforeNext > 0 && refused.msBeforeNext <= 3000, String(refused.msBeforeNext));
  await sleep(refused.msBeforeNext + 50);
  assert.equal((await limiter.consume("user", 2)).remainingPoints, 3);
  await limiter.reward("user", 1);
  assert.equal((await limiter.get("user")).consumedPoints, 1);
  await limiter.block("user", 10);
  await assert.rejects(limiter.consume("user"));
  assert.ok(await limiter.delete("user"));
}

async function beesWork() {
  const queue = new Queue("bees", { redis: { host, port }, isWorker: true, activateDelayedJobs: true });
  const done = new Map();
  queue.process(4, async (job) => {
    const tries = (done.get(job.data.n) ?? 0) + 1;
    done.set(job.data.n, tries);
    if (job.data.n === 7 && tries < 3) throw new Error("once more");
    return job.data.n * 2;
  });
  const results = [];
  queue.on("succeeded", (_, result) => results.push(result));
  const jobs = Array.from({ length: 30 }, (_, n) => queue.createJob({ n }).retries(3));
  const errors = await queue.saveAll(jobs);
  assert.equal(errors.size, 0);
  await queue.createJob({ n: 50 }).delayUntil(Date.now() + 300).save();
  await until(() => results.length === 31);
  assert.deepEqual([...results].sort((a, b) => a - b), [...Array.from({ length: 30 }, (_, n) => n * 2), 100]);
  assert.equal(done.get(7), 3);
  await queue.checkStalledJobs();
  const health = await queue.checkHealth();
  assert.deepEqual([health.succeeded, health.failed, health.waiting, health.active], [31, 0, 0, 0]);
  await queue.close();
}

async function redlocksExclude() {
  const redlock = new Redlock([redis], { retryCount: 3000, retryDelay: 10, retryJitter: 5 });
  let counted = 0;
  const count = async () => {
    for (let i = 0; i < 5; i++) {
      await redlock.using(["lock:a", "lock:b"], 30000, async () => {
        const seen = counted;
        await sleep(1);
        counted = seen + 1;
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, count));
  assert.equal(counted, 40);
  let lock = await redlock.acquire(["lock:a"], 5000);
  const impatient = new Redlock([redis], { retryCount: 0 });
  await assert.rejects(impatient.acquire(["lock:a"], 5000));
  lock = await lock.extend(20000);
  assert.ok((await redis.pttl("lock:a")) > 5000);
  await lock.release();
  assert.equal(await redis.exists("lock:a", "lock:b"), 0);
}

async function until(condition) {
  for (const end = Date.now() + 60000; !condition(); await sleep(20)) assert.ok(Date.now() < end, "not in time");
}

await run(redis, [limiterLimits, beesWork, redlocksExclude]);
