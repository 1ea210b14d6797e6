// Schedules that once went wrong, each as a story: every move comes when all that the last one caused is over.
import { test } from 'node:test';
import { PROGRAMS } from './simulation/client.ts';
import type { Move } from './simulation/moves.ts';
import { simulate } from './simulation/simulation.ts';

type Step = Partial<Move> & Pick<Move, 'act'>;

function play(capacity: number, steps: readonly Step[]): void {
  const moves = steps.map((step) => ({ gap: 0, after: 10, early: false, who: 0, n: 0, ...step }));
  const setting = { system: true, capacity, generous: false, most: 0, events: 1000, resend: true, moves };
  simulate(setting);
}

/** A new process without a parent, or the child of the first one. */
const begin = (program: (typeof PROGRAMS)[number], child = false): Step => ({
  act: 'begin',
  who: child ? 1 : 0,
  n: PROGRAMS.indexOf(program),
});
const FIRST = { who: 0 };
const SECOND = { who: 1 };

test('a process that has inherited the open node may wait at it while its parent waits for a lease', () => {
  play(2, [
    begin('make'),
    { act: 'open', ...FIRST },
    { act: 'read', ...FIRST, n: 1 },
    begin('make', true),
    { act: 'lease', ...FIRST, n: 1 },
    { act: 'read', ...SECOND, n: 1 },
    { act: 'check' },
  ]);
});

test('a process that has inherited the open node goes on when the lease that it was in is over', () => {
  for (const wait of ['read', 'poll'] as const) {
    play(2, [
      begin('make'),
      { act: 'open', ...FIRST },
      { act: 'lease', ...FIRST },
      begin('make', true),
      { act: wait, ...SECOND, n: 1 },
      { act: 'end' },
      { act: 'read', ...SECOND, n: 1 },
      { act: 'check' },
    ]);
  }
});

test('who is in a lease is not shown a pipe of its own when the root is gone', () => {
  play(3, [
    begin('make'),
    { act: 'open', ...FIRST },
    { act: 'lease', ...FIRST },
    begin('ninja', true),
    begin('tool', true),
    { act: 'open', who: 2 },
    { act: 'try', ...SECOND, n: 1 },
    { act: 'kill', ...FIRST },
    { act: 'open', ...FIRST },
    { act: 'end' },
    { act: 'check' },
  ]);
});

test('a thread that looked the node up and did not open it does not lend its name to who gets its number', () => {
  play(1, [
    begin('make'),
    begin('make'),
    { act: 'open', ...FIRST },
    { act: 'open', ...SECOND },
    // Killed between the look and the open: while the engine answers what others ask.
    { act: 'kill', ...SECOND, gap: 3, after: 0 },
    { act: 'begin', who: 1, n: 0 },
    { act: 'poll', ...SECOND },
    { act: 'open', ...SECOND },
    { act: 'check' },
  ]);
});

test('a lease that holds nothing any more and whose pipe is open is gone on with by the next engine', () => {
  play(2, [
    begin('make'),
    { act: 'open', ...FIRST },
    { act: 'lease', ...FIRST },
    begin('tool', true),
    { act: 'open', ...SECOND },
    { act: 'kill', ...FIRST },
    { act: 'crash' },
    { act: 'check' },
  ]);
});
