// Many starts beside an impostor; see test/cli/impostors.test.ts.
process.env.STINT_ROUNDS ??= '60';
await import('../cli/impostors.test.ts');
