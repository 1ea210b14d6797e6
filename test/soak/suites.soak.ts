// Two hundred random rounds of suites and makes on one pool; see test/tools/pytest/starts.test.ts.
process.env.STINT_ROUNDS ??= '200';
await import('../tools/pytest/starts.test.ts');
