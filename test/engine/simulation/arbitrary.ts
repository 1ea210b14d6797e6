// Schedules at random.
import fc from 'fast-check';
import { ACTS, type Move } from './moves.ts';
import type { Setting } from './simulation.ts';

const acts = Object.entries(ACTS).flatMap(([act, often]) => Array.from({ length: often }, () => act as Move['act']));

const move: fc.Arbitrary<Move> = fc.record({
  gap: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(12) }),
  after: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 5, 20, 200),
  early: fc.boolean(),
  act: fc.constantFrom(...acts),
  who: fc.nat(9),
  n: fc.nat(5),
});
export const anySetting: fc.Arbitrary<Setting> = fc.record({
  system: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  capacity: fc.integer({ min: 1, max: 5 }),
  generous: fc.boolean(),
  most: fc.constantFrom(0, 0, 1, 2),
  events: fc.constantFrom(3, 1000),
  resend: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  moves: fc.array(move, { size: '+2', maxLength: 200 }),
});
