// A hundred thousand schedules of the engine on a simulated machine; see test/engine/schedules.test.ts.
process.env.STINT_ROUNDS ??= '100000';
await import('../engine/schedules.test.ts');
