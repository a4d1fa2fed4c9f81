// Applications' libraries of Node that keep their state in Redis, each doing its job.  usage: apps.mjs HOST PORT
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdapter } from "@socket.io/redis-adapter";
import Bull from "bull";
import { FlowProducer, Queue, QueueEvents, Worker } from "bullmq";
import { RedisStore } from "connect-redis";
import session from "express-session";
import Redis from "ioredis";
import Valkey from "iovalkey";
import { createClient } from "redis";
import { Mutex, Semaphore } from "redis-semaphore";
import RSMQ from "rsmq";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { run } from "./uses.mjs";

const [host, port] = [process.argv[2], Number(process.argv[3])];
const connection = { host, port, maxRetriesPerRequest: null };
const redis = new Redis(connection);

// Jobs by priority, delayed, tried again, a tree of them, and the events of all.
async function bullmqWorks() {
  const queue = new Queue("mq", { connection });
  const events = new QueueEvents("mq", { connection });
  await events.waitUntilReady();
  const completed = [];
  events.on("completed", ({ jobId }) => completed.push(jobId));
  const order = [];
  const worker = new Worker("mq", async (job) => {
    order.push(job.name);
    if (job.name === "flaky" && job.attemptsMade < 2) throw new Error("once more");
    await job.updateProgress(50);
    return job.data.n * 2;
  }, { connection, autorun: false, concurrency: 1 });
  await queue.addBulk([3, 1, 2].map((n) => ({ name: `p${n}`, data: { n }, opts: { priority: n } })));
  const flaky = await queue.add("flaky", { n: 10 }, { attempts: 3, backoff: 50, priority: 9 });
  const later = await queue.add("later", { n: 20 }, { delay: 400 });
  worker.run();
  assert.equal(await flaky.waitUntilFinished(events, 30000), 20);
  assert.equal(await later.waitUntilFinished(events, 30000), 40);
  assert.deepEqual(order.filter((name) => name.startsWith("p")), ["p1", "p2", "p3"]);
  assert.equal(order.filter((name) => name === "flaky").length, 3);
  const flow = await new FlowProducer({ connection }).add({
    name: "parent", queueName: "mq", data: { n: 1 },
    children: [{ name: "one", queueName: "mq", data: { n: 5 } }, { name: "two", queueName: "mq", data: { n: 6 } }],
  });
  assert.equal(await flow.job.waitUntilFinished(events, 30000), 2);
  assert.deepEqual(Object.values(await flow.job.getChildrenValues()).sort(), [10, 12]);
  await until(() => completed.length === 8);
  const counts = await queue.getJobCounts();
  assert.deepEqual([counts.completed, counts.failed, counts.waiting, counts.active, counts.delayed], [8, 0, 0, 0, 0]);
  assert.equal((await queue.clean(0, 100, "completed")).length, 8);
  await worker.close();
  await events.close();
  await queue.obliterate();
  await queue.close();
  assert.deepEqual(await redis.keys("bull:mq:*"), []);
}

async function bullWorks() {
  const queue = new Bull("bulls", { redis: { host, port } });
  queue.setMaxListeners(100);
  const tries = new Map();
  queue.process(3, async (job) => {
    tries.set(job.data.n, (tries.get(job.data.n) ?? 0) + 1);
    if (job.data.n === 4 && tries.get(4) < 3) throw new Error("once more");
    return job.data.n;
  });
  const jobs = await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ data: { n }, opts: { attempts: 3 } })));
  jobs.push(await queue.add({ n: 99 }, { delay: 300 }));
  const results = await Promise.all(jobs.map((job) => job.finished()));
  assert.deepEqual(results, [...Array.from({ length: 20 }, (_, n) => n), 99]);
  assert.equal(tries.get(4), 3);
  await queue.add({ n: 1 }, { repeat: { every: 100, limit: 2 } });
  await until(async () => (await queue.getCompletedCount()) === 23);
  await queue.pause();
  await queue.add({ n: 2 });
  assert.equal(await queue.getPausedCount(), 1);
  await queue.obliterate({ force: true });
  await queue.close();
}

// Two servers of Socket.IO are one: rooms, broadcasts and requests between them go over Redis.
async function socketsMeet() {
  const clients = [];
  const servers = await Promise.all([0, 1].map(async () => {
    const http = createServer();
    clients.push(new Redis(connection), new Redis(connection));
    const server = new Server(http, { adapter: createAdapter(...clients.slice(-2)) });
    server.on("connection", (socket) => socket.join("room"));
    await new Promise((done) => http.listen(0, "127.0.0.1", done));
    return { server, port: http.address().port };
  }));
  const sockets = servers.map((one) => io(`http://127.0.0.1:${one.port}`, { transports: ["websocket"] }));
  await Promise.all(sockets.map((socket) => new Promise((done) => socket.on("connect", done))));
  const heard = Promise.all(sockets.map((socket) => new Promise((done) => socket.on("news", done))));
  await until(async () => (await servers[0].server.in("room").fetchSockets()).length === 2);
  servers[1].server.to("room").emit("news", { n: 1 });
  assert.deepEqual(await heard, [{ n: 1 }, { n: 1 }]);
  sockets.forEach((socket) => socket.close());
  await Promise.all(servers.map((one) => one.server.close()));
  clients.forEach((client) => client.disconnect());
}

async function sessionsLast() {
  const client = await createClient({ url: `redis://${host}:${port}` }).connect();
  const store = new RedisStore({ client, ttl: 100 });
  const visit = { cookie: new session.Cookie(), views: 1 };
  await Promise.all(["a", "b", "c"].map((id) => store.set(id, visit)));
  assert.equal((await store.get("a")).views, 1);
  assert.equal(await store.length(), 3);
  assert.deepEqual((await store.ids()).sort(), ["a", "b", "c"]);
  await client.expire("sess:a", 10);
  await store.touch("a", visit);
  assert.ok((await client.ttl("sess:a")) > 90);
  await store.destroy("a");
  await store.clear();
  assert.equal(await store.length(), 0);
  await client.close();
}

async function semaphoresLimit() {
  let inside = 0, most = 0;
  const enter = async () => {
    const semaphore = new Semaphore(redis, "sem", 3, { acquireTimeout: 60000, retryInterval: 5 });
    await semaphore.acquire();
    most = Math.max(most, ++inside);
    await sleep(20);
    inside--;
    await semaphore.release();
  };
  await Promise.all(Array.from({ length: 15 }, enter));
  assert.ok(most > 1 && most <= 3, `${most} were inside at once`);
  const mutex = new Mutex(redis, "mutex");
  assert.ok(await mutex.tryAcquire());
  assert.equal(await new Mutex(redis, "mutex").tryAcquire(), false);
  await mutex.release();
}

async function messagesQueue() {
  const queue = new RSMQ({ host, port, ns: "rsmq" });
  await queue.createQueueAsync({ qname: "q", vt: 3 });
  const id = await queue.sendMessageAsync({ qname: "q", message: "hello" });
  assert.equal((await queue.receiveMessageAsync({ qname: "q" })).message, "hello");
  assert.deepEqual(await queue.receiveMessageAsync({ qname: "q" }), {});
  await until(async () => (await queue.receiveMessageAsync({ qname: "q" })).id === id);
  assert.equal(await queue.deleteMessageAsync({ qname: "q", id }), 1);
  assert.equal((await queue.getQueueAttributesAsync({ qname: "q" })).msgs, 0);
  queue.quit();
}

// The client of Valkey: pipelines, transactions, scripts by name, scans, a subscriber that is told of keys.
async function iovalkeySpeaks() {
  const client = new Valkey({ host, port });
  const listener = new Valkey({ host, port });
  await client.config("SET", "notify-keyspace-events", "KEA");
  const events = [];
  listener.on("pmessage", (_, channel) => events.push(channel));
  await listener.psubscribe("__keyevent@0__:*");
  client.defineCommand("bump", { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], ARGV[1])" });
  const replies = await client.pipeline().set("k", 1).bump("k", 4).get("k").exec();
  assert.deepEqual(replies.map(([, reply]) => reply), ["OK", 5, "5"]);
  assert.deepEqual((await client.multi().incr("k").exec())[0], [null, 6]);
  await client.mset(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`scan:${n}`, n])));
  let seen = 0;
  for await (const keys of client.scanStream({ match: "scan:*", count: 7 })) seen += keys.length;
  assert.equal(seen, 50);
  await until(() => events.includes("__keyevent@0__:incrby"));
  await client.config("SET", "notify-keyspace-events", "");
  client.disconnect();
  listener.disconnect();
}

async function until(condition) {
  for (const end = Date.now() + 60000; !(await condition()); await sleep(20)) assert.ok(Date.now() < end, "not in time");
}

await run(redis, [bullmqWorks, bullWorks, socketsMeet, sessionsLast, semaphoresLimit, messagesQueue, iovalkeySpeaks]);
