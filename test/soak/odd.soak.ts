// A hundred thousand opens of members and others side by side at each kind of node; see test/machine/odd.test.ts.
process.env.STINT_ROUNDS ??= '25000';
await import('../machine/odd.test.ts');
