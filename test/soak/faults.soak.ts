// A hundred points of each kind; see test/faults/walk.test.ts.
process.env.STINT_ROUNDS ??= '100';
await import('../faults/walk.test.ts');
