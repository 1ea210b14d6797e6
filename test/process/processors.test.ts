// How many processors count: affinity and CPU quotas, on the real machine where it has cgroups, else on pretended files.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { processors, quota } from '../../src/process/processors.ts';

const files = (content: Record<string, string>) => (path: string) => {
  const found = content[path];
  if (found === undefined) throw new Error(`ENOENT: ${path}`);
  return found;
};

const V2_MOUNT = '30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n';

test('a quota of version 2 counts', () => {
  const read = files({
    '/proc/self/cgroup': '0::/build.slice\n',
    '/proc/self/mountinfo': V2_MOUNT,
    '/sys/fs/cgroup/build.slice/cpu.max': '150000 100000\n',
  });
  assert.equal(quota(read), 1.5);
  assert.ok(processors(read) <= 2);
});

test('the tightest quota of all cgroups around counts', () => {
  const read = files({
    '/proc/self/cgroup': '0::/a/b\n',
    '/proc/self/mountinfo': V2_MOUNT,
    '/sys/fs/cgroup/a/cpu.max': '50000 100000\n',
    '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
  });
  assert.equal(quota(read), 0.5);
  assert.equal(processors(read), 1);
});

test('in a container the path is taken relative to what is mounted', () => {
  const read = files({
    '/proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n',
    '/proc/self/mountinfo': '9 8 0:1 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  });
  assert.equal(quota(read), 4);
});

test('without quotas, cgroups or /proc there is no limit but the affinity', () => {
  const read = files({
    '/proc/self/cgroup': '4:cpu:/\n0::/\n',
    '/proc/self/mountinfo': `${V2_MOUNT}9 8 0:1 / /c rw - cgroup cgroup rw,cpu\n`,
    '/c/cpu.cfs_quota_us': '-1\n',
    '/c/cpu.cfs_period_us': '100000\n',
  });
  assert.equal(quota(read), Number.POSITIVE_INFINITY);
  assert.equal(quota(files({})), Number.POSITIVE_INFINITY);
  assert.ok(processors(files({})) >= 1);
});

function hasCpu(folder: string): boolean {
  const file = `${folder}/cgroup.subtree_control`;
  return existsSync(file) && readFileSync(file, 'utf8').includes('cpu');
}

const v1 = '/sys/fs/cgroup/cpu';
const v2 = '/sys/fs/cgroup';
const hierarchy = existsSync(`${v1}/cpu.cfs_quota_us`) ? v1 : hasCpu(v2) ? v2 : undefined;
const skip = process.getuid?.() !== 0 ? 'needs root' : hierarchy === undefined && 'no cgroup hierarchy with cpu quotas';

test('a process in a cgroup with a quota of one processor may use one', { skip }, () => {
  const folder = `${hierarchy}/stint-test-${process.pid}`;
  mkdirSync(folder);
  try {
    if (hierarchy === v1) writeFileSync(`${folder}/cpu.cfs_quota_us`, '100000');
    else writeFileSync(`${folder}/cpu.max`, '100000 100000');
    const module = new URL('../../src/process/processors.ts', import.meta.url).href;
    const script = `import('${module}').then(({ processors }) => console.log(processors()))`;
    const join = `echo $$ > ${folder}/cgroup.procs && exec "$0" "$@"`;
    const told = execFileSync('sh', [
      '-c',
      join,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      '-e',
      script,
    ]);
    assert.equal(told.toString().trim(), '1');
  } finally {
    rmdirSync(folder);
  }
});
