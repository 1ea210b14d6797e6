// Tens of thousands of configurations that nobody would write; see test/process/config-fuzz.test.ts.
process.env.STINT_ROUNDS ??= '50000';
await import('../process/config-fuzz.test.ts');
