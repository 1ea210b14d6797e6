// Hundreds of random rounds of all real clients; see test/clients/clients.test.ts.
process.env.STINT_ROUNDS ??= '400';
await import('../clients/clients.test.ts');
