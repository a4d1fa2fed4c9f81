// A worker with node-redis: leases, heartbeats, retries, and a graceful stop.
//
// usage: node worker.mjs HOST PORT QUEUE
//
// A job is the text `work MS` (it takes so many milliseconds) or `fail`. Put your own into `run`.

import { createClient } from "redis";

const LEASE_MS = 3000;
const [host, port, queue] = process.argv.slice(2);

async function run(job) {
  const [verb, ms] = job.split(" ");
  if (verb !== "work") throw new Error(`do not know how to ${job}`);
  await new Promise((done) => setTimeout(done, Number(ms)));
}

// An orchestrator sends SIGTERM: the job at hand is finished, no other is taken.
let stopping = false;
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => (stopping = true));

// One connection waits for messages, so the other one can speak meanwhile.
const client = createClient({ socket: { host, port: Number(port) } });
const speaker = client.duplicate();
await Promise.all([client.connect(), speaker.connect()]);
const say = (...words) => speaker.sendCommand(words.map(String));

while (!stopping) {
  const popped = await client.sendCommand(["QPOP", queue, "LEASE", String(LEASE_MS), "BLOCK", "500"]);
  if (!popped) continue;
  const [[receipt, job]] = popped;
  // A sign of life every third of the lease; an answer of 0 says that somebody else has the message by now.
  let lost = false;
  const heart = setInterval(async () => {
    lost ||= (await say("QTOUCH", queue, LEASE_MS, receipt)) === 0;
  }, LEASE_MS / 3);
  try {
    await run(job);
    clearInterval(heart);
    if (!lost) await say("QACK", queue, receipt);
  } catch (error) {
    clearInterval(heart);
    // Back into the queue; later from one failure to the next, and at last to the dead set.
    await say("QNACK", queue, receipt, "REASON", error.message);
  }
}
await Promise.all([client.close(), speaker.close()]);
