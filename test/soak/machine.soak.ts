// Many random rounds of all real clients on the pool of the machine; see test/machine/builds.test.ts.
process.env.STINT_ROUNDS ??= '20';
await import('../machine/builds.test.ts');
