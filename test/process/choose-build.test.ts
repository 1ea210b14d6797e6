// Which build a process belongs to: first a table, then any lineage against the rules in their plainest words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseBuild, type Kin, type Known, type Lineage } from '../../src/process/lineage.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);

/** Process 10, whose parent is 11, whose parent is 12 ... */
function lineage(parents: number, more: Partial<Lineage> = {}): Lineage {
  const kin = (pid: number): Kin => ({ pid, start: 1000 - pid, comm: 'x' });
  return {
    ...kin(10),
    uid: 5,
    gid: 5,
    groups: [],
    cgroup: '',
    program: 'make',
    ancestors: Array.from({ length: parents }, (_, n) => kin(11 + n)),
    session: kin(99),
    cwd: '/x',
    label: 'make x',
    makeflags: false,
    ...more,
  };
}

interface Facts {
  roots?: Record<number, string>;
  clients?: Record<number, string>;
  keyed?: Record<string, string>;
  named?: Record<string, string>;
  lent?: Record<number, string>;
}

const known = ({ roots = {}, clients = {}, keyed = {}, named = {}, lent = {} }: Facts): Known<string> => ({
  runRoot: ({ pid }) => roots[pid],
  client: ({ pid }) => clients[pid],
  lent: ({ pid }) => lent[pid],
  keyed: (key) => keyed[key],
  named: (build, { uid }) => named[`${build} of ${uid}`],
});

const SESSION = 'session:99:901';
const scope = { kind: 'container', key: 'container:/docker/1', name: '1' } as const;

type Case = [
  what: string,
  process: Lineage,
  facts: Facts,
  chosen: { build: string } | { key: string },
  topmost: boolean,
];

const CASES: Case[] = [
  ['the root of a stint run belongs to it', lineage(2), { roots: { 10: 'run' } }, { build: 'run' }, true],
  ['what runs below belongs to it', lineage(3), { roots: { 12: 'run' } }, { build: 'run' }, true],
  ['the nearest of two counts', lineage(4), { roots: { 12: 'inner', 13: 'outer' } }, { build: 'inner' }, true],
  ['itself is nearest', lineage(4), { roots: { 10: 'inner', 11: 'outer' } }, { build: 'inner' }, true],
  ['what begins below a stint with is one build', lineage(3), { lent: { 12: 'with:1' } }, { key: 'with:1' }, true],
  [
    'a stint with counts more than a scope',
    lineage(3, { scope }),
    { lent: { 12: 'with:1' }, keyed: { [scope.key]: 's', 'with:1': 'w' } },
    { build: 'w' },
    true,
  ],
  ['inside a run it does not', lineage(3), { roots: { 11: 'run' }, lent: { 10: 'with:1' } }, { build: 'run' }, true],
  [
    'a run counts more than a client above it',
    lineage(4),
    { roots: { 11: 'run' }, clients: { 12: 'c' } },
    { build: 'run' },
    false,
  ],
  [
    'a run counts more than a client below it',
    lineage(4),
    { roots: { 12: 'run' }, clients: { 11: 'c' } },
    { build: 'run' },
    false,
  ],
  ['a run counts more than a container', lineage(4, { scope }), { roots: { 13: 'run' } }, { build: 'run' }, true],
  ['the topmost client counts', lineage(4), { clients: { 11: 'near', 13: 'far' } }, { build: 'far' }, false],
  ['a client counts more than a container', lineage(2, { scope }), { clients: { 12: 'c' } }, { build: 'c' }, false],
  ['itself is no ancestor', lineage(2), { clients: { 10: 'itself' } }, { key: SESSION }, true],
  ['a container is a build', lineage(2, { scope }), {}, { key: scope.key }, true],
  ['one that is there is joined', lineage(2, { scope }), { keyed: { [scope.key]: 'c' } }, { build: 'c' }, true],
  [
    'a container counts more than a session',
    lineage(2, { scope }),
    { keyed: { [SESSION]: 's' } },
    { key: scope.key },
    true,
  ],
  ['a session is a build', lineage(2), {}, { key: SESSION }, true],
  ['one that is there is joined, too', lineage(2), { keyed: { [SESSION]: 's' } }, { build: 's' }, true],
  [
    'an orphan belongs to the run it names',
    lineage(0, { build: '7', scope }),
    { named: { '7 of 5': 'run' } },
    { build: 'run' },
    true,
  ],
  [
    'but not to that of somebody else',
    lineage(0, { build: '7' }),
    { named: { '7 of 6': 'run' } },
    { key: SESSION },
    true,
  ],
  ['nor to one that is gone', lineage(0, { build: '7' }), { named: {} }, { key: SESSION }, true],
  [
    'ancestors count more than a name',
    lineage(2, { build: '7' }),
    { named: { '7 of 5': 'run' }, clients: { 12: 'c' } },
    { build: 'c' },
    false,
  ],
  ['a process alone is a build', lineage(0, { session: lineage(0) }), {}, { key: 'session:10:990' }, true],
];

for (const [what, process, facts, chosen, topmost] of CASES) {
  test(what, () => {
    const label = 'key' in chosen ? { label: process.label } : {};
    assert.deepEqual(chooseBuild(process, known(facts)), { ...chosen, ...label, topmost });
  });
}

test('a build that goes by a value like nothing is a build', () => {
  const none = {
    runRoot: () => undefined,
    client: () => undefined,
    lent: () => undefined,
    keyed: () => undefined,
    named: () => undefined,
  };
  assert.deepEqual(chooseBuild<number>(lineage(1), { ...none, runRoot: () => 0 }), { build: 0, topmost: true });
  assert.deepEqual(chooseBuild<string>(lineage(1), { ...none, client: () => '' }), { build: '', topmost: false });
  assert.deepEqual(chooseBuild<boolean>(lineage(1), { ...none, keyed: () => false }), { build: false, topmost: true });
});

const someOf = fc.dictionary(fc.integer({ min: 10, max: 16 }).map(String), fc.constantFrom('a', 'b', 'c'), {
  maxKeys: 3,
});
const oneOrNone = (key: string) => fc.dictionary(fc.constant(key), fc.constantFrom('d', 'e'), { maxKeys: 1 });

test(`any process belongs where the rules say, and to one place only, seed ${SEED}`, () => {
  fc.assert(
    fc.property(
      fc.record({
        parents: fc.integer({ min: 0, max: 6 }),
        scoped: fc.boolean(),
        names: fc.boolean(),
        roots: someOf,
        clients: someOf,
        inScope: oneOrNone(scope.key),
        inSession: oneOrNone(SESSION),
        named: oneOrNone('7 of 5'),
      }),
      ({ parents, scoped, names, roots, clients, inScope, inSession, named }) => {
        const process = lineage(parents, { ...(scoped && { scope }), ...(names && { build: '7' }) });
        const chosen = chooseBuild(process, known({ roots, clients, keyed: { ...inScope, ...inSession }, named }));
        const above = Array.from({ length: parents }, (_, n) => 11 + n);
        const run = [10, ...above].map((pid) => roots[pid]).find(Boolean);
        const topClient = above
          .toReversed()
          .map((pid) => clients[pid])
          .find(Boolean);
        const key = scoped ? scope.key : SESSION;
        const there = scoped ? inScope[key] : inSession[key];
        const build = run || topClient || (names && named['7 of 5']) || there;
        const expected = build ? { build } : { key, label: 'make x' };
        assert.deepEqual(chosen, { ...expected, topmost: topClient === undefined });
      },
    ),
    { seed: SEED, numRuns: 2000 },
  );
});

test(`two processes of one tree without a stint run belong together once the first is a client, seed ${SEED}`, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.boolean(), (parents, scoped) => {
      // The topmost of the chain opens the node first and gets a build; whatever opens it below, in any session, has the same.
      const child = lineage(parents, scoped ? { scope } : {});
      const top = child.ancestors.at(-1) as Kin;
      const chosen = chooseBuild(child, known({ clients: { [top.pid]: 'build' } }));
      assert.deepEqual(chosen, { build: 'build', topmost: false });
    }),
    { seed: SEED },
  );
});
