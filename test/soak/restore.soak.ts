// A thousand kills of the engine and more while real builds run, in both pools; see test/machine/restore.test.ts.
process.env.STINT_ROUNDS ??= '170';
await import('../machine/restore.test.ts');
