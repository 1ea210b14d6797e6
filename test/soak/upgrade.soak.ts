// Fifty upgrades in a row while builds run; see test/keeper/upgrade.test.ts.
process.env.STINT_ROUNDS ??= '50';
await import('../keeper/upgrade.test.ts');
