// Bounds that come from control groups: what the engine is told of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { type BuildMemory, Memory } from '../../src/core/memory.ts';
import { Groups } from '../../src/daemon/groups.ts';

const GIB = 2 ** 30;

function stage() {
  const files: Record<string, string> = {
    '/proc/self/mountinfo': '30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n',
    '/proc/10/cgroup': '0::/box/one\n',
    '/proc/20/cgroup': '0::/box/two\n',
    '/proc/30/cgroup': '0::/free\n',
    '/cg/box/cpu.max': '250000 100000\n',
    '/cg/box/one/memory.max': `${4 * GIB}\n`,
    '/cg/box/one/memory.current': `${GIB}\n`,
  };
  const told: string[] = [];
  const engine = {
    setCap: (name: string, limit: number) => told.push(`${name} = ${limit}`),
    setBounds: (id: number, caps: readonly string[]) => told.push(`build ${id}: ${caps.join(' ')}`),
  };
  const memory = new Memory(GIB);
  const read = (path: string) => {
    const found = files[path];
    if (found === undefined) throw new Error('ENOENT');
    return found;
  };
  const groups = new Groups(engine, memory, read);
  const pids = new Map([
    [1, 10],
    [2, 20],
    [3, 30],
  ]);
  return {
    files,
    groups,
    came: (id: number) => {
      const room = groups.came(build(id), pids.get(id) ?? 0, { config: DEFAULT_LIMITS, now: 0 });
      return { told: told.splice(0), ...room };
    },
    look: (ids: number[], config = DEFAULT_LIMITS, now = 0) => {
      const builds = ids.map((id): BuildMemory => build(id));
      memory.observe(builds, 0);
      groups.look(builds, pids, { config, capacity: 8, now });
      return told.splice(0);
    },
  };
}

const build = (id: number): BuildMemory => ({
  id,
  program: 'make',
  label: `build ${id}`,
  slots: 1,
  waiting: 0,
  bytes: 0,
  peak: 0,
  young: 1,
});

test('builds share the bounds of all groups around them that have a limit; others have none', () => {
  const { look, groups } = stage();
  assert.deepEqual(look([1, 2, 3]), [
    'build 1: cgroup:/cg/box/one cgroup:/cg/box',
    'build 2: cgroup:/cg/box',
    // 4 GiB less 5 %, less what it has and what its job will take
    'cgroup:/cg/box/one = 2',
    'cgroup:/cg/box = 3',
  ]);
  assert.deepEqual(groups.limits, [
    {
      name: 'cgroup',
      slots: 2,
      reason: 'builds in /cg/box/one: 3.0 GiB of 4.0 GiB left; each job of build 1 is expected to need 1.0 GiB',
    },
    { name: 'cgroup', slots: 3, reason: 'builds in /cg/box may use 3 processors' },
  ]);
  assert.deepEqual(look([1, 2, 3]), [], 'nothing is said twice');
});

test('a limit that changes is passed on, and one that is gone is forgotten', () => {
  const { look, files } = stage();
  look([1, 2]);
  files['/cg/box/cpu.max'] = '100000 100000\n';
  assert.deepEqual(look([1, 2]), ['cgroup:/cg/box = 1']);
  files['/cg/box/cpu.max'] = 'max 100000\n';
  assert.deepEqual(look([2]), ['build 2: ', 'cgroup:/cg/box/one = Infinity', 'cgroup:/cg/box = Infinity']);
});

test('switched off, builds have no such bounds', () => {
  const { look, groups } = stage();
  look([1]);
  assert.deepEqual(look([1], { ...DEFAULT_LIMITS, cgroup: false }), [
    'build 1: ',
    'cgroup:/cg/box/one = Infinity',
    'cgroup:/cg/box = Infinity',
  ]);
  assert.deepEqual(groups.limits, []);
});

test('what a build may have is known before it opens, and is not said again at the next look', () => {
  const { look, came } = stage();
  const byCpu = { name: 'cgroup', slots: 3, reason: 'builds in /cg/box may use 3 processors' };
  const bounds = ['cgroup:/cg/box/one', 'cgroup:/cg/box'];
  const told = ['cgroup:/cg/box/one = 2', 'cgroup:/cg/box = 3'];
  assert.deepEqual(came(1), { told, bounds, processors: byCpu });
  assert.deepEqual(look([1]), []);
  assert.deepEqual(came(2), { told: [], bounds: ['cgroup:/cg/box'], processors: byCpu });
  assert.deepEqual(came(3), { told: [], bounds: [], processors: undefined });
});

test('when the process that a build is known by has ended, what was known of its groups still counts', () => {
  const { look, files } = stage();
  look([1]);
  files['/proc/10/cgroup'] = '';
  assert.deepEqual(look([1], DEFAULT_LIMITS, 60_000), []);
});
