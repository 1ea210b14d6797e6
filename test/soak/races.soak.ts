// Ten thousand SIGKILLs of clients at random moments and more, at each kind of node, and as much of every other race; see
// test/machine/races.test.ts.
process.env.STINT_ROUNDS ??= '10000';
await import('../machine/races.test.ts');
