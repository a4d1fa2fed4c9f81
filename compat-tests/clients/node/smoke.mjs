// A smoke of node-redis' and ioredis' own API.  usage: node smoke.mjs HOST PORT
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createClient } from 'redis';
import Redis from 'ioredis';

const [host, port] = [process.argv[2], Number(process.argv[3])];
const require = createRequire(import.meta.url);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const counts = { passed: 0, failed: 0, skipped: 0 };

// Each group: name, the commands it needs, what it does with the client.
const nodeRedis = [
  ['strings', ['SET', 'GET'], async (c) => {
    assert.equal(await c.set('k', 'v'), 'OK');
    assert.equal(await c.get('k'), 'v');
    assert.equal(await c.set('k', 'w', { NX: true }), null);
    assert.equal(await c.set('k', 'w', { GET: true, EX: 100 }), 'v');
    assert.ok((await c.ttl('k')) > 97);
    assert.equal(await c.append('k', '!'), 2);
    assert.equal(await c.mSet({ a: '1', b: '2' }), 'OK');
    assert.deepEqual(await c.mGet(['a', 'none', 'b']), ['1', null, '2']);
    assert.equal(await c.incrBy('n', 5), 5);
    assert.equal(await c.incrByFloat('f', 0.5), '0.5');
    assert.equal(await c.getDel('k'), 'w!');
    await assert.rejects(c.incr('s', await c.set('s', 'text')), /not an integer/);
  }],
  ['large values', ['SET', 'GET'], async (c) => {
    const value = 'äö'.repeat(500_000);
    await c.set('big', value);
    assert.equal(await c.get('big'), value);
  }],
  ['pipelines', ['SET', 'INCR'], async (c) => {
    const replies = await Promise.all(Array.from({ length: 2000 }, (_, i) => c.set(`p${i % 10}`, String(i))));
    assert.ok(replies.every((reply) => reply === 'OK'));
  }],
  ['scan iterators', ['SCAN'], async (c) => {
    for (let i = 0; i < 300; i++) c.set(`key:${i}`, 'v');
    const seen = [];
    for await (const keys of c.scanIterator({ MATCH: 'key:*', COUNT: 20 })) seen.push(...keys);
    assert.equal(new Set(seen).size, 300);
  }],
  ['expiry', ['PEXPIRE', 'PTTL'], async (c) => {
    await c.set('k', 'v', { PX: 30 });
    assert.ok((await c.pTTL('k')) > 0);
    await pause(60);
    assert.equal(await c.get('k'), null);
  }],
  ['hashes', ['HSET', 'HSCAN'], async (c) => {
    assert.equal(await c.hSet('h', { a: '1', b: '2' }), 2);
    assert.deepEqual({ ...(await c.hGetAll('h')) }, { a: '1', b: '2' });
    assert.equal(await c.hIncrBy('h', 'a', 4), 5);
    const seen = [];
    for await (const entries of c.hScanIterator('h')) seen.push(...entries);
    assert.equal(seen.length, 2);
  }],
  ['sets', ['SADD', 'SINTER'], async (c) => {
    assert.equal(await c.sAdd('s', ['a', 'b', 'c']), 3);
    assert.equal(await c.sAdd('t', ['b', 'x']), 2);
    assert.deepEqual(await c.sInter(['s', 't']), ['b']);
    assert.deepEqual([...(await c.sMembers('t'))].sort(), ['b', 'x']);
  }],
  ['lists and blocking', ['RPUSH', 'BLPOP'], async (c) => {
    assert.equal(await c.rPush('l', ['a', 'b']), 2);
    assert.deepEqual(await c.lRange('l', 0, -1), ['a', 'b']);
    const other = c.duplicate();
    await other.connect();
    const waiting = other.blPop('q', 5);
    await pause(30);
    await c.rPush('q', 'job');
    assert.deepEqual({ ...(await waiting) }, { key: 'q', element: 'job' });
    assert.equal(await other.blPop('q', 0.05), null);
    other.destroy();
  }],
  ['sorted sets', ['ZADD', 'ZRANGE'], async (c) => {
    assert.equal(await c.zAdd('z', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]), 2);
    assert.deepEqual(await c.zRangeWithScores('z', 0, -1), [{ value: 'a', score: 1 }, { value: 'b', score: 2.5 }]);
    assert.equal(await c.zScore('z', 'b'), 2.5);
  }],
  ['vector sets', ['VADD', 'VSIM'], async (c) => {
    // Truth values are numbers in RESP2.
    assert.equal(Boolean(await c.vAdd('v', [1, 0], 'x', { SETATTR: { axis: 0 }, QUANT: 'NOQUANT' })), true);
    assert.equal(Boolean(await c.vAdd('v', [0, 2], 'y', { SETATTR: { axis: 1 }, QUANT: 'NOQUANT', EF: 10 })), true);
    assert.deepEqual([await c.vCard('v'), await c.vDim('v')], [2, 2]);
    assert.deepEqual(await c.vSim('v', 'x'), ['x', 'y']);
    assert.deepEqual(await c.vSim('v', [0, 1], { FILTER: '.axis == 0', TRUTH: true }), ['x']);
    assert.deepEqual({ ...(await c.vSimWithScores('v', 'x', { COUNT: 2 })) }, { x: 1, y: 0.5 });
    assert.deepEqual(await c.vEmb('v', 'y'), [0, 2]);
    assert.equal((await c.vEmbRaw('v', 'y')).l2Norm, 2);
    assert.deepEqual(await c.vGetAttr('v', 'y'), { axis: 1 });
    assert.equal(Boolean(await c.vSetAttr('v', 'y', { axis: 2 })), true);
    assert.equal((await c.vInfo('v')).size, 2);
    assert.ok((await c.vLinks('v', 'x')).length >= 1);
    assert.ok(['x', 'y'].includes(await c.vRandMember('v')));
    assert.equal(Boolean(await c.vRem('v', 'x')), true);
  }],
  ['streams', ['XADD', 'XREADGROUP'], async (c) => {
    const id = await c.xAdd('x', '*', { a: '1' });
    await c.xGroupCreate('x', 'g', '0');
    const got = await c.xReadGroup('g', 'me', { key: 'x', id: '>' }, { COUNT: 1 });
    // Behind RESP3 the library hands out the map as it came.
    assert.ok(JSON.stringify(got).includes(id));
    assert.equal(await c.xAck('x', 'g', id), 1);
  }],
  ['transactions', ['MULTI', 'WATCH'], async (c) => {
    assert.deepEqual(await c.multi().set('k', '1').incr('k').exec(), ['OK', 2]);
    await c.watch('k');
    const other = c.duplicate();
    await other.connect();
    await other.set('k', '5');
    await assert.rejects(c.multi().set('k', '9').exec());
    other.destroy();
  }],
  ['publish and subscribe', ['SUBSCRIBE', 'PUBLISH'], async (c) => {
    const listener = c.duplicate();
    await listener.connect();
    let subscribed;
    const got = new Promise((done) => { subscribed = listener.subscribe('news', done); });
    await subscribed;
    assert.equal(await c.publish('news', 'hello'), 1);
    assert.equal(await got, 'hello');
    listener.destroy();
  }],
  ['server', ['INFO', 'CLIENT', 'CONFIG'], async (c) => {
    assert.match(await c.info(), /redis_version:/);
    assert.equal(await c.ping(), 'PONG');
    assert.equal(await c.clientSetName('smoke'), 'OK');
    assert.equal(await c.clientGetName(), 'smoke');
    assert.equal({ ...(await c.configGet('databases')) }.databases, '16');
    assert.ok((await c.commandCount()) > 50);
  }],
];

const io = [
  ['strings and pipelines', ['SET', 'GET'], async (c) => {
    assert.equal(await c.set('k', 'v', 'EX', 100), 'OK');
    assert.equal(await c.get('k'), 'v');
    const replies = await c.pipeline().set('n', 1).incr('n').incr('k').get('n').exec();
    assert.equal(replies[1][1], 2);
    assert.match(replies[2][0].message, /not an integer/);
    assert.equal(replies[3][1], '2');
    const raw = Buffer.from([0, 13, 10, 255]);
    await c.set(raw, raw);
    assert.deepEqual(await c.getBuffer(raw), raw);
  }],
  ['scan streams', ['SCAN'], async (c) => {
    await c.mset(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key:${i}`, 'v'])));
    const seen = new Set();
    for await (const keys of c.scanStream({ match: 'key:*', count: 20 })) keys.forEach((key) => seen.add(key));
    assert.equal(seen.size, 300);
  }],
  ['collections', ['HSET', 'SADD', 'ZADD', 'RPUSH'], async (c) => {
    assert.equal(await c.hset('h', { a: 1, b: 2 }), 2);
    assert.deepEqual(await c.hgetall('h'), { a: '1', b: '2' });
    assert.equal(await c.sadd('s', 'x', 'y'), 2);
    assert.equal(await c.zadd('z', 1, 'a', 2, 'b'), 2);
    assert.deepEqual(await c.zrange('z', 0, -1, 'WITHSCORES'), ['a', '1', 'b', '2']);
    assert.equal(await c.rpush('l', 'a', 'b'), 2);
  }],
  ['transactions', ['MULTI'], async (c) => {
    assert.deepEqual(await c.multi().set('k', 1).incr('k').exec(), [[null, 'OK'], [null, 2]]);
  }],
  ['publish and subscribe', ['SUBSCRIBE', 'PSUBSCRIBE'], async (c) => {
    const listener = c.duplicate();
    await listener.psubscribe('n*');
    const got = new Promise((done) => listener.on('pmessage', (pattern, channel, text) => done([pattern, channel, text])));
    await c.publish('news', 'hello');
    assert.deepEqual(await got, ['n*', 'news', 'hello']);
    listener.disconnect();
  }],
  ['blocking', ['BLPOP'], async (c) => {
    const other = c.duplicate();
    const waiting = other.blpop('q', 5);
    await pause(30);
    await c.rpush('q', 'job');
    assert.deepEqual(await waiting, ['q', 'job']);
    other.disconnect();
  }],
];

async function play(label, groups, client, ask) {
  for (const [name, needs, body] of groups) {
    const known = await ask(['COMMAND', 'INFO', ...needs]);
    const lacking = needs.filter((_, i) => !known[i]);
    if (lacking.length) {
      console.log(`skip ${label} ${name}: the server has no ${lacking.join(', ')}`);
      counts.skipped++;
      continue;
    }
    try {
      await ask(['FLUSHALL']);
      // A group that gets no reply at all must not hang the whole smoke.
      const late = new Promise((_, fail) => setTimeout(() => fail(new Error('no end after 60 s')), 60_000).unref());
      await Promise.race([body(client), late]);
      console.log(`ok   ${label} ${name}`);
      counts.passed++;
    } catch (error) {
      console.log(`FAIL ${label} ${name}\n    ${error.stack.replaceAll('\n', '\n    ')}`);
      counts.failed++;
    }
  }
}

for (const RESP of [2, 3]) {
  const client = createClient({ RESP, unstableResp3: true, socket: { host, port, reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  const label = `node-redis ${require('redis/package.json').version} RESP${RESP}`;
  await play(label, nodeRedis, client, (argv) => client.sendCommand(argv));
  client.destroy();
}
const client = new Redis({ host, port, maxRetriesPerRequest: 0 });
client.on('error', () => {});
await play(`ioredis ${require('ioredis/package.json').version}`, io, client, (argv) => client.call(...argv));
client.disconnect();
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed ? 1 : 0);
