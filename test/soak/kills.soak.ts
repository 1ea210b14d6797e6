// A thousand kills and more, in every way, at random moments; see test/clients/kills.test.ts.
process.env.STINT_ROUNDS ??= '170';
await import('../clients/kills.test.ts');
