// The whole engine on a simulated machine, under schedules that no real machine plays twice: see simulation/. A schedule that fails
// is printed as short as it can be made. STINT_SEED repeats a run, STINT_ROUNDS makes it longer.
import { test } from 'node:test';
import fc from 'fast-check';
import { rounds } from '../helpers/rounds.ts';
import { ACTS, type Move } from './simulation/moves.ts';
import { type Setting, simulate } from './simulation/simulation.ts';

const acts = Object.entries(ACTS).flatMap(([act, often]) => Array.from({ length: often }, () => act as Move['act']));

const move: fc.Arbitrary<Move> = fc.record({
  gap: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(12) }),
  after: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 5, 20, 200),
  early: fc.boolean(),
  act: fc.constantFrom(...acts),
  who: fc.nat(9),
  n: fc.nat(5),
});
const setting: fc.Arbitrary<Setting> = fc.record({
  system: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  capacity: fc.integer({ min: 1, max: 5 }),
  generous: fc.boolean(),
  most: fc.constantFrom(0, 0, 1, 2),
  events: fc.constantFrom(3, 1000),
  resend: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  moves: fc.array(move, { size: '+2', maxLength: 200 }),
});

test('after any schedule the figures are what the processes have, nobody waits for ever, and nothing is left', (t) => {
  const property = fc.property(setting, (one) => simulate(one));
  fc.assert(property, rounds(t, 400));
});
