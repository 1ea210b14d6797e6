// Two hundred random rounds of leases beside makes, by turns on both kinds of pool; see test/clients/leases.test.ts.
process.env.STINT_ROUNDS ??= '200';
await import('../clients/leases.test.ts');
