// What rules say of a build: which of them speak of it, and which of those that do counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchRules, type Rule, type RuleFacts } from '../../src/process/rules.ts';

const FACTS: RuleFacts = { uid: 1000, groups: [1000, 250], label: 'emerge dev-lang/rust-1', cgroup: '/ci/job-7' };
const NOTHING = { weight: undefined, userWeight: undefined, class: undefined, buildMax: undefined, caps: [] };

const rules = (...all: Omit<Rule, 'name'>[]): Rule[] => all.map((rule, at) => ({ name: `rule ${at + 1}`, ...rule }));

for (const [what, rule, fits] of [
  ['its user', { user: 1000 }, true],
  ['another user', { user: 0 }, false],
  ['one of its groups', { group: 250 }, true],
  ['another group', { group: 0 }, false],
  ['a glob of its label', { label: 'emerge *' }, true],
  ['a part of its label', { label: 'emerge' }, false],
  ['a glob of its control group', { cgroup: '/ci/*' }, true],
  ['another control group', { cgroup: '/ci' }, false],
  ['all at once', { user: 1000, group: 250, label: '*rust-?', cgroup: '*' }, true],
  ['all but one', { user: 1000, group: 250, label: '*rust-?', cgroup: '/user' }, false],
] as const) {
  test(`a rule with ${what} speaks ${fits ? '' : 'not '}of a build`, () => {
    const said = matchRules(FACTS, rules({ ...rule, buildMax: 3 }));
    assert.deepEqual(said, { ...NOTHING, buildMax: fits ? 3 : undefined });
  });
}

test('of each thing the first rule that says it counts, and every max does', () => {
  const all = rules(
    { label: 'emerge *', class: 'background' },
    { user: 0, weight: 7 },
    { cgroup: '/ci/*', class: 'interactive', buildMax: 2, max: 5 },
    { label: '*', weight: 3, buildMax: 9 },
    { user: 1000, max: 6 },
  );
  assert.deepEqual(matchRules(FACTS, all), {
    ...NOTHING,
    weight: 3,
    class: 'background',
    buildMax: 2,
    caps: ['rule 3', 'rule 5'],
  });
});

test('a weight is that of the user where only users and groups are selected', () => {
  const all = rules({ group: 250, weight: 4 }, { user: 1000, label: '*', weight: 2 }, { user: 1000, weight: 5 });
  assert.deepEqual(matchRules(FACTS, all), { ...NOTHING, weight: 2, userWeight: 4 });
});
