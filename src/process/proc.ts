// Readers of /proc/PID: what the kernel tells of a process. They never throw; a process that is gone, or hides, is undefined.
// Two files are read differently: `environ` is memory of the process itself, and a process can make a reader of it wait for ever.
import { readFileSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** How long to wait for what the process itself may hold up, milliseconds. */
const PATIENCE = 100;
/** The most that is read of an environment, bytes. */
const MAX_ENVIRONMENT = 256 * 1024;

/** A process, told apart from any other that has or had its number. */
export interface Kin {
  pid: number;
  /** When it was started, in clock ticks since boot. */
  start: number;
  comm: string;
}

/** What /proc/PID/stat tells, as far as it matters here (proc_pid_stat(5)). */
export interface Stat extends Kin {
  ppid: number;
  /** Process group and session: the pids of their leaders. */
  group: number;
  session: number;
}

export interface Ids {
  /** The thread group: what everybody else calls the pid. */
  tgid: number;
  /** Effective user and group. */
  uid: number;
  gid: number;
}

/** The process of the thread `tid`, and as whom it runs. */
export function idsOf(tid: number, root = '/proc'): Ids | undefined {
  const status = text(`${root}/${tid}/status`);
  const tgid = /^Tgid:\t(\d+)$/m.exec(status ?? '')?.[1];
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(status ?? '')?.[1];
  const gid = /^Gid:\t\d+\t(\d+)/m.exec(status ?? '')?.[1];
  if (tgid === undefined || uid === undefined || gid === undefined) return undefined;
  return { tgid: Number(tgid), uid: Number(uid), gid: Number(gid) };
}

export function statOf(pid: number, root = '/proc'): Stat | undefined {
  const line = text(`${root}/${pid}/stat`);
  if (line === undefined) return undefined;
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')'); // the name in between may hold anything
  const fields = line.slice(close + 2).split(' ');
  const [ppid, group, session, start] = [1, 2, 3, 19].map((at) => Number(fields[at] ?? Number.NaN));
  if (open === -1 || close < open || !Number.isInteger(start) || !Number.isInteger(ppid)) return undefined;
  return {
    pid,
    comm: line.slice(open + 1, close),
    ppid: ppid as number,
    group: group as number,
    session: session as number,
    start: start as number,
  };
}

/** The path of its executable, as it was when it was started. */
export function exeOf(pid: number, root = '/proc'): string | undefined {
  return link(`${root}/${pid}/exe`)?.replace(/ \(deleted\)$/, '');
}

export const cwdOf = (pid: number, root = '/proc'): string | undefined => link(`${root}/${pid}/cwd`);

/** The path of its control group: of version 2, or where that is not used the one that systemd names, else the longest. */
export function cgroupOf(pid: number, root = '/proc'): string {
  let longest = '';
  let named: string | undefined;
  for (const line of (text(`${root}/${pid}/cgroup`) ?? '').split('\n')) {
    // ID:CONTROLLERS:PATH (cgroups(7))
    const [, id, controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (id === '0' && path !== '/') return path;
    if (controllers === 'name=systemd') named = path;
    if (path.length > longest.length) longest = path;
  }
  return named ?? longest;
}

/** The environment that it was started with; undefined when it cannot be read soon. */
export async function environmentOf(pid: number, root = '/proc'): Promise<ReadonlyMap<string, string> | undefined> {
  const read = await within(PATIENCE, readSome(`${root}/${pid}/environ`));
  if (read === undefined) return undefined;
  const variables = new Map<string, string>();
  for (const entry of read.split('\0')) {
    const at = entry.indexOf('=', 1);
    if (at !== -1) variables.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return variables;
}

async function readSome(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(MAX_ENVIRONMENT);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.toString('latin1', 0, length);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

function within<T>(milliseconds: number, promise: Promise<T | undefined>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    void promise.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
