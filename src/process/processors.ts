// How many processors this process may use: the affinity mask, and the CPU quota of its cgroup and of every cgroup around it,
// version 1 or 2. Node's own count knows the mask, but finds a quota of version 1 only where systemd mounts it.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** Whole processors, 1 or more; a quota of one and a half counts as two. */
export function processors(read: (path: string) => string = readText): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota(read))));
}

/** The smallest CPU quota that holds here, in processors; Infinity when there is none. */
export function quota(read: (path: string) => string): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const { folder, top, version } of cpuCgroups(
    text(read, '/proc/self/cgroup'),
    text(read, '/proc/self/mountinfo'),
  )) {
    for (let at = folder; at.startsWith(top); at = dirname(at)) {
      smallest = Math.min(smallest, version === 2 ? quotaV2(read, at) : quotaV1(read, at));
      if (at === top) break;
    }
  }
  return smallest;
}

/** cpu.max holds "QUOTA PERIOD" in microseconds, or "max PERIOD" (kernel: cgroup-v2.rst). */
function quotaV2(read: (path: string) => string, folder: string): number {
  const [limit, period] = text(read, join(folder, 'cpu.max')).trim().split(' ').map(Number);
  return ratio(limit, period);
}

/** cpu.cfs_quota_us is -1 without a limit (kernel: sched-bwc.rst). */
function quotaV1(read: (path: string) => string, folder: string): number {
  const [limit, period] = ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) =>
    Number(text(read, join(folder, name))),
  );
  return ratio(limit, period);
}

function ratio(limit: number | undefined, period: number | undefined): number {
  return limit !== undefined && period !== undefined && limit > 0 && period > 0
    ? limit / period
    : Number.POSITIVE_INFINITY;
}

interface CpuCgroup {
  version: 1 | 2;
  /** The process's cgroup, as a folder. */
  folder: string;
  /** Where the hierarchy is mounted. */
  top: string;
}

/** The hierarchies that may hold a quota: lines of cgroup are `ID:CONTROLLERS:PATH`, ID 0 being version 2 (cgroups(7)). */
function cpuCgroups(cgroup: string, mountinfo: string): CpuCgroup[] {
  const found: CpuCgroup[] = [];
  for (const line of cgroup.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === undefined || controllers === undefined || path === undefined) continue;
    const version = id === '0' ? 2 : 1;
    if (version === 1 && !controllers.split(',').includes('cpu')) continue;
    for (const mount of mountinfo.split('\n')) {
      // ID PARENT MAJOR:MINOR ROOT TOP OPTIONS [TAG]... - TYPE SOURCE SUPER-OPTIONS (proc_pid_mountinfo(5))
      const [before, after] = mount.split(' - ');
      const [, , , root, top] = (before ?? '').split(' ');
      const [type, , options] = (after ?? '').split(' ');
      const fits = version === 2 ? type === 'cgroup2' : type === 'cgroup' && (options ?? '').split(',').includes('cpu');
      if (!fits || root === undefined || top === undefined) continue;
      const below = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
      found.push({ version, folder: join(top, below), top });
    }
  }
  return found;
}

function text(read: (path: string) => string, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
