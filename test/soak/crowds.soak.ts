// Many thousands of clients that come and go, read and poll, beside others who are to be served; see test/machine/crowds.test.ts.
process.env.STINT_ROUNDS ??= '4000';
await import('../machine/crowds.test.ts');
