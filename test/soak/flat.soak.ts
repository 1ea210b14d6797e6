// Ten million round trips, and a hundred thousand clients that come and go; see test/machine/flat.test.ts.
process.env.STINT_ROUNDS ??= '100';
await import('../machine/flat.test.ts');
