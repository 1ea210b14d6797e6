// Control groups for tests, on the real hierarchy, of version 1 or 2.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { until } from './until.ts';

type Controller = 'cpu' | 'memory';

interface Ends {
  after(done: () => Promise<void>): void;
}

const TOP = '/sys/fs/cgroup';
const V1_FILES: Record<Controller, string> = { cpu: 'cpu.cfs_quota_us', memory: 'memory.limit_in_bytes' };
let made = 0;

/** Why no test can limit groups by `controller` here, or undefined. */
export function noGroups(controller: Controller): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  return hierarchy(controller) === undefined ? `no cgroup hierarchy with ${controller} limits` : undefined;
}

/** A new group that is limited to so many processors, or bytes; it is removed when its processes are gone. */
export function newGroup(t: Ends, controller: Controller, limit: number): string {
  const { top, version } = hierarchy(controller) as { top: string; version: 1 | 2 };
  const folder = `${top}/stint-test-${process.pid}-${++made}`;
  mkdirSync(folder);
  t.after(async () => {
    await until('the group is empty', () => {
      rmdirSync(folder);
      return true;
    });
  });
  const value = controller === 'cpu' ? Math.round(limit * 100_000) : limit;
  if (version === 1) writeFileSync(`${folder}/${V1_FILES[controller]}`, String(value));
  else if (controller === 'cpu') writeFileSync(`${folder}/cpu.max`, `${value} 100000`);
  else writeFileSync(`${folder}/memory.max`, String(value));
  return folder;
}

/** What a shell says to go into a group. */
export const into = (folder: string): string => `echo $$ >${folder}/cgroup.procs`;

function hierarchy(controller: Controller): { top: string; version: 1 | 2 } | undefined {
  if (existsSync(`${TOP}/${controller}/${V1_FILES[controller]}`)) return { top: `${TOP}/${controller}`, version: 1 };
  const file = `${TOP}/cgroup.subtree_control`;
  const known = existsSync(file) && readFileSync(file, 'utf8').split(/\s/).includes(controller);
  return known ? { top: TOP, version: 2 } : undefined;
}
