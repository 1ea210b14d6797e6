// Jobs of two GiB each; see test/machine/memory.test.ts.
process.env.STINT_JOB_MIB ??= '2048';
await import('../machine/memory.test.ts');
