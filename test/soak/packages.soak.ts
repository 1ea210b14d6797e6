// All of the suites of real packages; see test/tools/pytest/packages.test.ts.
process.env.STINT_ROUNDS ??= '2';
await import('../tools/pytest/packages.test.ts');
