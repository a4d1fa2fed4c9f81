// What libraries are put to, one use after the other, each on an emptied server.

/** Runs `uses` on the server of `redis`, prints how that went, and ends the process. */
export async function run(redis, uses) {
  let passed = 0, failed = 0;
  for (const use of uses) {
    await redis.flushall();
    try {
      await use();
      console.log(`ok   ${use.name}`);
      passed++;
    } catch (error) {
      console.log(`FAIL ${use.name}\n    ${error.stack}`);
      failed++;
    }
  }
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed ? 1 : 0);
}
