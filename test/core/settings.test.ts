// Settings that are lent for a time: whatever comes and goes, and in whatever order, the smallest of what is lent counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { composed, isLower, type Lent } from '../../src/core/settings.ts';
import type { BuildClass } from '../../src/core/types.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const CLASSES: readonly BuildClass[] = ['background', 'normal', 'interactive'];

const slots = fc.integer({ min: 1, max: 20 });
const weight = fc.constantFrom(0.01, 0.5, 1, 2, 1000);
const of = fc.constantFrom(...CLASSES);
const base = fc.record({ slots, weight, class: of }, { noNullPrototype: true });
const lent: fc.Arbitrary<Lent> = fc.record({ slots, weight, class: of }, { requiredKeys: [], noNullPrototype: true });

test('without anything lent the base counts, and what is lent goes before it, also where that is more', () => {
  const own = { slots: 8, weight: 1, class: 'normal' as const };
  assert.deepEqual(composed(own, []), own);
  assert.deepEqual(composed(own, [{ slots: 12 }]), { ...own, slots: 12 });
  assert.deepEqual(composed(own, [{ slots: 12 }, { slots: 3, class: 'interactive' }]), {
    slots: 3,
    weight: 1,
    class: 'interactive',
  });
  assert.deepEqual(composed(own, [{ class: 'interactive' }, { class: 'background' }]).class, 'background');
});

test(`the order in which settings are lent and taken back never matters, and at the end the base is back, seed ${SEED}`, () => {
  fc.assert(
    fc.property(base, fc.array(lent, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 8 }), (own, all, ends) => {
      const there = [...all];
      const check = () => {
        const now = composed(own, there);
        assert.deepEqual(composed(own, there.toReversed()), now);
        const said = <K extends keyof Lent>(key: K) => there.flatMap((one) => one[key] ?? []);
        assert.equal(now.slots, Math.min(...(said('slots').length > 0 ? said('slots') : [own.slots])));
        assert.equal(now.weight, Math.min(...(said('weight').length > 0 ? said('weight') : [own.weight])));
        const classes = said('class');
        assert.equal(now.class, classes.length === 0 ? own.class : CLASSES.find((one) => classes.includes(one)));
        assert.ok(classes.every((one) => !isLower(one, now.class)));
      };
      check();
      for (const end of ends) {
        if (there.length > 0) there.splice(end % there.length, 1);
        check();
      }
      there.length = 0;
      assert.deepEqual(composed(own, there), own);
    }),
    { seed: SEED, numRuns: 500 },
  );
});
