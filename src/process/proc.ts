// What the kernel itself knows of a process: readers of those files of /proc that it fills without looking into the process's
// memory, so that none of them waits for the process. Whatever is gone or hidden is undefined; nothing here throws.
import { readFileSync, readlinkSync } from 'node:fs';

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
}

/** Of the thread `tid`, whether it leads its group or not. */
export function statusOf(tid: number, root: string = '/proc'): ThreadStatus | undefined {
  const text = textOf(`${root}/${tid}/status`);
  // The name in the first line cannot pass for another line: the kernel escapes what ends lines.
  const [, tgid] = /^Tgid:\t(\d+)$/m.exec(text ?? '') ?? [];
  const [, uid] = /^Uid:\t\d+\t(\d+)/m.exec(text ?? '') ?? [];
  const [, gid] = /^Gid:\t\d+\t(\d+)/m.exec(text ?? '') ?? [];
  if (tgid === undefined || uid === undefined || gid === undefined) return undefined;
  return { tgid: Number(tgid), uid: Number(uid), gid: Number(gid) };
}

/** What parents and sessions are found by, without ever waiting: a process in exec can hold up its stat, but not its status. */
export interface Relatives extends Kin {
  ppid: number;
  /** The number of its session's leader; 0 when that is outside our pid namespace. */
  session: number;
}

/** Of the process `pid`; its start is not known. */
export function relativesOf(pid: number, root: string = '/proc'): Relatives | undefined {
  const text = textOf(`${root}/${pid}/status`) ?? '';
  const [, name] = /^Name:\t(.*)$/m.exec(text) ?? [];
  const [, ppid] = /^PPid:\t(\d+)$/m.exec(text) ?? [];
  const [, session] = /^NSsid:\t(\d+)/m.exec(text) ?? [];
  if (name === undefined || ppid === undefined) return undefined;
  const comm = name.replace(/\\([n\\])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  return { pid, start: 0, comm, ppid: Number(ppid), session: Number(session ?? 0) };
}

/** Of the process `pid`. */
export const statOf = (pid: number, root: string = '/proc'): Stat | undefined =>
  parseStat(textOf(`${root}/${pid}/stat`), pid);

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

/** The path of its executable, also when that was removed meanwhile. */
export const exeOf = (pid: number, root: string = '/proc'): string | undefined => linkOf(`${root}/${pid}/exe`);

/** Its current directory, also when that was removed meanwhile. */
export const cwdOf = (pid: number, root: string = '/proc'): string | undefined => linkOf(`${root}/${pid}/cwd`);

/** Its cgroup: of version 2 or of systemd's own hierarchy if it is in one there, else the longest path of version 1. */
export function cgroupOf(pid: number, root: string = '/proc'): string | undefined {
  const lines = textOf(`${root}/${pid}/cgroup`)?.split('\n') ?? [];
  // ID:CONTROLLERS:PATH, version 2 being 0::PATH (cgroups(7)).
  const found = lines.flatMap((line) => {
    const [, hierarchy, path] = /^(\d+:[^:]*):(\/.*)$/.exec(line) ?? [];
    return hierarchy === undefined || path === undefined ? [] : [{ hierarchy, path: living(path) }];
  });
  const within = (hierarchy: RegExp): string | undefined =>
    found.find((one) => hierarchy.test(one.hierarchy) && one.path !== '/')?.path;
  const longest = found.map(({ path }) => path).sort((a, b) => b.length - a.length)[0];
  return within(/^0:$/) ?? within(/:name=systemd$/) ?? longest;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return living(readlinkSync(path));
  } catch {
    return undefined;
  }
}

/** The kernel says of what has been removed that it has. */
export const living = (path: string): string => path.replace(/ \(deleted\)$/, '');
