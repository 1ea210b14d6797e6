// Journals that no engine would leave: see damage.ts. The next engine refuses what has no head, or goes on with what it can read: it
// ends, its ledger is sound at each step, and when all processes have ended everything is back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rounds } from '../../helpers/rounds.ts';
import { anySetting } from '../simulation/arbitrary.ts';
import type { MemoryFile, Open } from '../simulation/machine.ts';
import { simulate } from '../simulation/simulation.ts';
import { damage, damageCounters, damageFacts } from './damage.ts';

/** In which words a journal is refused. */
const REFUSED = /^the (journal|counters of the journal) (has|have|are) /;

test('a journal that was damaged in any way is gone on with or refused, and every slot comes back', (t) => {
  let refused = 0;
  const property = fc.property(
    anySetting,
    fc.array(damage, { minLength: 1, maxLength: 4 }),
    fc.nat(12),
    (setting, all, gap) => {
      const crash = { gap, after: 0, early: false, act: 'crash' as const, who: 0, n: 0 };
      const at = setting.moves.length >> 1;
      const moves = [...setting.moves.slice(0, at), crash, ...setting.moves.slice(at)];
      const done = (kept: ReadonlyMap<string, Open>) => {
        for (const one of all) {
          if (one.to === 'line') damageFacts(fileOf(kept, /^facts$/), one);
          else damageCounters(fileOf(kept, /^counters:/), one);
        }
      };
      try {
        simulate({ ...setting, moves, damage: done });
      } catch (error) {
        assert.match((error as Error).message, REFUSED, (error as Error).stack);
        refused++;
      }
    },
  );
  fc.assert(property, rounds(t, 300));
  t.diagnostic(`${refused} were refused`);
});

function fileOf(kept: ReadonlyMap<string, Open>, name: RegExp): MemoryFile {
  const [, file] = [...kept].find(([key]) => name.test(key)) ?? [];
  assert.equal(file?.kind, 'memory');
  return file as MemoryFile;
}
