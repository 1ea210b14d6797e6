// The control groups around a process, and what they allow: CPU quotas and memory, version 1 and 2. What cannot be read
// limits nothing.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Reads a file of the kernel. @throws Error when it is not there */
export type Read = (path: string) => string;

export type Controller = 'cpu' | 'memory';

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

interface CgroupsOptions {
  read?: Read | undefined;
  pid?: number | 'self';
  mounts?: readonly Mount[];
}

/** Where the hierarchy of a controller is mounted. */
interface Mount {
  version: 1 | 2;
  /** The group that is mounted there. */
  root: string;
  top: string;
}

/** The mounts that `controller` may limit groups in; they do not change while a machine runs. */
export function cgroupMounts(controller: Controller, read: Read = readText): Mount[] {
  const found: Mount[] = [];
  for (const mount of text(read, '/proc/self/mountinfo').split('\n')) {
    // ID PARENT MAJOR:MINOR ROOT TOP OPTIONS [TAG]... - TYPE SOURCE SUPER-OPTIONS (proc_pid_mountinfo(5))
    const [before, after] = mount.split(' - ');
    const [, , , root, top] = (before ?? '').split(' ');
    const [type, , options] = (after ?? '').split(' ');
    if (root === undefined || top === undefined) continue;
    if (type === 'cgroup2') found.push({ version: 2, root, top });
    else if (type === 'cgroup' && options?.split(',').includes(controller)) found.push({ version: 1, root, top });
  }
  return found;
}

/** The groups of process `pid` that `controller` may limit: its own first, then those around it. */
export function cgroupsOf(
  controller: Controller,
  { read = readText, pid = 'self', mounts = cgroupMounts(controller, read) }: CgroupsOptions = {},
): Cgroup[] {
  const found: Cgroup[] = [];
  for (const line of text(read, `/proc/${pid}/cgroup`).split('\n')) {
    // ID:CONTROLLERS:PATH, ID 0 being version 2 (cgroups(7)).
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const of = id === '0' ? 2 : 1;
    if (of === 1 && !controllers.split(',').includes(controller)) continue;
    for (const { version, root, top } of mounts) {
      if (version !== of) continue;
      const below = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
      for (let at = join(top, below); at.startsWith(top); at = dirname(at)) {
        found.push({ version, folder: at });
        if (at === top) break;
      }
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
