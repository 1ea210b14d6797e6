// Many emerges over engines that die all the time; see test/clients/portage/emerge.test.ts.
process.env.STINT_ROUNDS ??= '20';
await import('../clients/portage/emerge.test.ts');
