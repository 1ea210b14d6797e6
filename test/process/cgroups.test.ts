// What control groups allow: version 1 and 2, the whole chain, and odd files, on pretended ones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupsOf, cpuQuota, groupMemory } from '../../src/process/cgroups.ts';

const files = (content: Record<string, string>) => (path: string) => {
  const found = content[path];
  if (found === undefined) throw new Error(`ENOENT: ${path}`);
  return found;
};

const MOUNTS =
  '30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n' +
  '31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n' +
  '32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n';

test('the groups around a process are found in each hierarchy of the controller, its own first', () => {
  const read = files({
    '/proc/7/cgroup': '4:memory:/a/b\n3:cpu,cpuacct:/c\n0::/u\n',
    '/proc/self/mountinfo': MOUNTS,
  });
  const folders = (controller: 'cpu' | 'memory') => cgroupsOf(controller, { read, pid: 7 }).map(({ folder }) => folder);
  const unified = ['/sys/fs/cgroup/unified/u', '/sys/fs/cgroup/unified'];
  const top = '/sys/fs/cgroup/memory';
  assert.deepEqual(folders('memory'), [`${top}/a/b`, `${top}/a`, top, ...unified]);
  assert.deepEqual(folders('cpu'), ['/sys/fs/cgroup/cpu,cpuacct/c', '/sys/fs/cgroup/cpu,cpuacct', ...unified]);
});

test('memory of version 2: the smaller of high and max, without what can be dropped', () => {
  const group = { version: 2 as const, folder: '/g' };
  const memory = (more: Record<string, string>) => groupMemory(group, files(more));
  const current = { '/g/memory.current': '3000\n' };
  assert.equal(memory({ ...current, '/g/memory.high': 'max\n', '/g/memory.max': 'max\n' }), undefined);
  assert.deepEqual(memory({ ...current, '/g/memory.high': 'max\n', '/g/memory.max': '9000\n' }), {
    limit: 9000,
    used: 3000,
  });
  const stat = { '/g/memory.stat': 'anon 1\ninactive_file 1000\nactive_file 5\n' };
  assert.deepEqual(memory({ ...current, ...stat, '/g/memory.high': '8000\n', '/g/memory.max': '9000\n' }), {
    limit: 8000,
    used: 2000,
  });
  assert.equal(memory({ '/g/memory.max': '9000\n' }), undefined, 'the root of all has no use of its own');
  assert.equal(memory({ ...current, '/g/memory.max': '\n' }), undefined);
});

test('memory of version 1, where no limit is a large number', () => {
  const group = { version: 1 as const, folder: '/g' };
  const memory = (limit: string, more: Record<string, string> = {}) =>
    groupMemory(group, files({ '/g/memory.limit_in_bytes': limit, '/g/memory.usage_in_bytes': '3000\n', ...more }));
  assert.equal(memory('9223372036854771712\n'), undefined);
  assert.deepEqual(memory('9000\n'), { limit: 9000, used: 3000 });
  const stat = { '/g/memory.stat': 'inactive_file 7\ntotal_inactive_file 4000\n' };
  assert.deepEqual(memory('9000\n', stat), { limit: 9000, used: 0 });
});

test('a quota of odd words is none', () => {
  for (const text of ['', 'max 100000\n', '0 100000\n', '100000\n', '100000 0\n', 'a b\n'])
    assert.equal(cpuQuota({ version: 2, folder: '/g' }, files({ '/g/cpu.max': text })), Number.POSITIVE_INFINITY);
  assert.equal(cpuQuota({ version: 2, folder: '/g' }, files({ '/g/cpu.max': '150000 100000\n' })), 1.5);
});
