// Thousands of processes whose numbers come back at once; see test/machine/namespaces.test.ts.
process.env.STINT_ROUNDS ??= '5000';
await import('../machine/namespaces.test.ts');
