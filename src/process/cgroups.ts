// The control groups around a process, and what they allow: CPU quotas and memory, version 1 and 2. What cannot be read
// limits nothing.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Reads a file of the kernel. @throws Error when it is not there */
export type Read = (path: string) => string;

export interface Cgroup {
  version: 1 | 2;
  /** Where its files are. */
  folder: string;
}

/** Memory of a control group, bytes. */
export interface GroupMemory {
  limit: number;
  /** Without what the kernel can drop at once. */
  used: number;
}

/** The groups of process `pid` that `controller` may limit: its own first, then those around it. */
export function cgroupsOf(
  controller: 'cpu' | 'memory',
  read: Read = readText,
  pid: number | 'self' = 'self',
): Cgroup[] {
  const found: Cgroup[] = [];
  const hierarchies = hierarchiesOf(controller, text(read, `/proc/${pid}/cgroup`), text(read, '/proc/self/mountinfo'));
  for (const { version, folder, top } of hierarchies) {
    for (let at = folder; at.startsWith(top); at = dirname(at)) {
      found.push({ version, folder: at });
      if (at === top) break;
    }
  }
  return found;
}

/** The CPU quota of a group, in processors; Infinity when there is none. */
export function cpuQuota({ version, folder }: Cgroup, read: Read = readText): number {
  const file = (name: string) => text(read, join(folder, name));
  // cpu.max holds "QUOTA PERIOD" in microseconds, or "max PERIOD" (kernel: cgroup-v2.rst); cpu.cfs_quota_us is -1 without a
  // limit (kernel: sched-bwc.rst).
  const [limit, period] =
    version === 2
      ? file('cpu.max').trim().split(' ').map(Number)
      : [Number(file('cpu.cfs_quota_us')), Number(file('cpu.cfs_period_us'))];
  return limit !== undefined && period !== undefined && limit > 0 && period > 0
    ? limit / period
    : Number.POSITIVE_INFINITY;
}

/** What a group may have of the memory, and has; undefined when it has no limit. */
export function groupMemory({ version, folder }: Cgroup, read: Read = readText): GroupMemory | undefined {
  const bytes = (name: string) => Number(text(read, join(folder, name)).trim() || Number.NaN);
  const limits = version === 2 ? [bytes('memory.high'), bytes('memory.max')] : [bytes('memory.limit_in_bytes')];
  const limit = Math.min(...limits.filter((one) => one < UNLIMITED)); // "max" is no number
  const used = bytes(version === 2 ? 'memory.current' : 'memory.usage_in_bytes');
  if (limit === Number.POSITIVE_INFINITY || Number.isNaN(used)) return undefined;
  const field = version === 2 ? 'inactive_file' : 'total_inactive_file';
  const droppable = new RegExp(`^${field} (\\d+)$`, 'm').exec(text(read, join(folder, 'memory.stat')))?.[1] ?? 0;
  return { limit, used: Math.max(0, used - Number(droppable)) };
}

/** Version 1 says "no limit" with a number near the largest there is. */
const UNLIMITED = 2 ** 60;

interface Hierarchy {
  version: 1 | 2;
  /** The process's cgroup, as a folder. */
  folder: string;
  /** Where the hierarchy is mounted. */
  top: string;
}

/** Lines of cgroup are `ID:CONTROLLERS:PATH`, ID 0 being version 2 (cgroups(7)). */
function hierarchiesOf(controller: string, cgroup: string, mountinfo: string): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of cgroup.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === undefined || controllers === undefined || path === undefined) continue;
    const version = id === '0' ? 2 : 1;
    if (version === 1 && !controllers.split(',').includes(controller)) continue;
    for (const mount of mountinfo.split('\n')) {
      // ID PARENT MAJOR:MINOR ROOT TOP OPTIONS [TAG]... - TYPE SOURCE SUPER-OPTIONS (proc_pid_mountinfo(5))
      const [before, after] = mount.split(' - ');
      const [, , , root, top] = (before ?? '').split(' ');
      const [type, , options] = (after ?? '').split(' ');
      const fits =
        version === 2 ? type === 'cgroup2' : type === 'cgroup' && (options ?? '').split(',').includes(controller);
      if (!fits || root === undefined || top === undefined) continue;
      const below = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
      found.push({ version, folder: join(top, below), top });
    }
  }
  return found;
}

function text(read: Read, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
