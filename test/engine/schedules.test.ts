// The whole engine on a simulated machine, under schedules that no real machine plays twice: see simulation/. A schedule that fails
// is printed as short as it can be made. STINT_SEED repeats a run, STINT_ROUNDS makes it longer.
import { test } from 'node:test';
import fc from 'fast-check';
import { rounds } from '../helpers/rounds.ts';
import { anySetting } from './simulation/arbitrary.ts';
import { simulate } from './simulation/simulation.ts';

test('after any schedule the figures are what the processes have, nobody waits for ever, and nothing is left', (t) => {
  const property = fc.property(anySetting, (one) => simulate(one));
  fc.assert(property, rounds(t, 400));
});
