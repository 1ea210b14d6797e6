// Thousands of bursts of any bytes to the API of a real daemon; see test/api/fuzz.test.ts.
process.env.STINT_ROUNDS ??= '3000';
await import('../api/fuzz.test.ts');
