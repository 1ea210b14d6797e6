// What the kernel tells of a process without ever waiting for it: readers of the two files of /proc of which that is so, and what
// the texts mean that proc-memory.ts reads. Whatever is gone or hidden is undefined; nothing here throws.
import { readFileSync } from 'node:fs';
import { isShort } from './descriptors.ts';

/** A process, told apart from any other that has or had its number. */
export interface Kin {
  pid: number;
  /** When it was started, clock ticks since boot; 0 when that is not known. */
  start: number;
  /** At most 15 bytes, any but NUL: the file that was executed, a script's own name, or what the process made of it. */
  comm: string;
}

export interface Stat extends Kin {
  ppid: number;
  /** Process group. */
  group: number;
  /** The number of its session's leader; 0 when that is outside our pid namespace. */
  session: number;
  /** Device number of its controlling terminal, 0 without one. */
  terminal: number;
}

/** Whose a thread is. */
export interface ThreadStatus {
  /** Its thread group, which is the process id. */
  tgid: number;
  /** Effective user and group, as a socket's peer shows them too. */
  uid: number;
  gid: number;
  /** Its supplementary groups. */
  groups: number[];
}

/** Of the thread `tid`, whether it leads its group or not. */
export function statusOf(tid: number, root: string = '/proc'): ThreadStatus | undefined {
  const text = textOf(`${root}/${tid}/status`);
  const field = fieldsOf(text);
  const [tgid] = field('Tgid');
  const [, uid] = field('Uid');
  const [, gid] = field('Gid');
  if (tgid === undefined || uid === undefined || gid === undefined) return undefined;
  return { tgid, uid, gid, groups: field('Groups') };
}

/**
 * Whether user `uid` may send signals to the process `pid`: by its real or saved user, as in kill(2). A command can be another user's than who has
 * started it, and can become that at any time.
 */
export function maySignal(uid: number, pid: number, root: string = '/proc'): boolean {
  if (uid === 0) return true;
  const [real, , saved] = fieldsOf(textOf(`${root}/${pid}/status`))('Uid');
  return real === uid || saved === uid;
}

/** What parents and sessions are found by, without ever waiting: a process in exec can hold up its stat, but not its status. */
export interface Relatives extends Kin {
  ppid: number;
  /** The number of its session's leader; 0 when that is outside our pid namespace. */
  session: number;
}

/** Of the process `pid`; its start is not known. */
export function relativesOf(pid: number, root: string = '/proc'): Relatives | undefined {
  const text = textOf(`${root}/${pid}/status`);
  const name = /^Name:\t([^\n]*)\n/.exec(text ?? '')?.[1];
  const field = fieldsOf(text);
  const [ppid] = field('PPid');
  const [session = 0] = field('NSsid');
  if (name === undefined || ppid === undefined) return undefined;
  const comm = name.replace(/\\([n\\])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  return { pid, start: 0, comm, ppid, session };
}

/** What the file `stat` of process `pid` says. */
export function parseStat(text: string | undefined, pid: number): Stat | undefined {
  // PID (COMM) STATE PPID ...: COMM may hold spaces, line ends and parentheses, nothing after it does (proc_pid_stat(5)).
  const [, comm, rest] = /^\d+ \((.*)\) (.*)$/s.exec(text ?? '') ?? [];
  if (comm === undefined || rest === undefined) return undefined;
  const fields = rest.split(' ').map(Number);
  const [, ppid, group, session, terminal] = fields as [number, number, number, number, number];
  const start = fields[19];
  if (start === undefined || Number.isNaN(start)) return undefined;
  return { pid, comm, ppid, group, session, terminal, start };
}

/** Its cgroup: of version 2 or of systemd's own hierarchy if it is in one there, else the longest path of version 1. */
export function cgroupOf(pid: number, root: string = '/proc'): string | undefined {
  const lines = textOf(`${root}/${pid}/cgroup`)?.split('\n') ?? [];
  // ID:CONTROLLERS:PATH, version 2 being 0::PATH (cgroups(7)).
  const found = lines.flatMap((line) => {
    const [, hierarchy, path] = /^(\d+:[^:]*):(\/.*)$/s.exec(line) ?? [];
    return hierarchy === undefined || path === undefined ? [] : [{ hierarchy, path: living(path) }];
  });
  const within = (hierarchy: RegExp): string | undefined =>
    found.find((one) => hierarchy.test(one.hierarchy) && one.path !== '/')?.path;
  const longest = found.map(({ path }) => path).sort((a, b) => b.length - a.length)[0];
  return within(/^0:$/) ?? within(/:name=systemd$/) ?? longest;
}

let short = 0;

/** How often something could not be read as this process may not open anything more: what it was about is not gone then. */
export const shortages = (): number => short;

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isShort(error)) short++;
    return undefined;
  }
}

/**
 * The numbers in a line of `status`. The first line holds a name, which may have any characters in it: the kernel escapes line
 * feeds, but not what a regular expression takes for the end of a line as well.
 */
function fieldsOf(status: string = ''): (name: string) => number[] {
  return (name) => {
    const mark = `\n${name}:\t`;
    const at = status.indexOf(mark);
    const line = at === -1 ? '' : (status.slice(at + mark.length).split('\n', 1)[0] as string);
    return /^\d+(?:[\t ]\d+)* ?$/.test(line) ? line.trimEnd().split(/[\t ]/).map(Number) : [];
  };
}

/** The kernel says of what has been removed that it has. */
export const living = (path: string): string => path.replace(/ \(deleted\)$/, '');
