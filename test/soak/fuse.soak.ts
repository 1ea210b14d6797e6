// Millions of messages that no kernel would send; see test/nodes/fuse/fuzz.test.ts.
process.env.STINT_ROUNDS ??= '100000';
await import('../nodes/fuse/fuzz.test.ts');
