// Gathers the facts, in an order that matters: processes first, then the pools, so that a process which was there before the
// answer of its pool and is in no build of it really is in none; nodes last, since looking at one makes us known to its pool.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPidfd } from '../../kernel/pidfd.ts';
import { statusOf } from '../../process/proc.ts';
import { machineDir, type RuntimeDir, runtimeDir } from '../../process/runtime-dir.ts';
import { VERSION } from '../../version.ts';
import type { Facts, Kernel, Pool, Target } from './facts.ts';
import { lookAt, openFilesOf } from './pools.ts';
import { makeConf, portageOf } from './portage.ts';
import { processTable, serversAmong, stillThere, withArguments } from './processes.ts';
import { targetOf } from './target.ts';
import { toolsOn } from './tools.ts';

/** `pid`: of the process to look at; undefined: our own environment. */
export async function gather(pid: number | undefined): Promise<Facts> {
  const table = processTable();
  const places = { machine: machineDir(process.env), own: runtimeDir(process.env) };
  const machine = await lookAt(places.machine);
  const own = await lookAt(places.own);
  const elsewhere = await Promise.all(otherPlaces(places.own).map(lookAt));
  const processes = await withArguments(stillThere(table));
  const servers = await serversAmong(processes, places.machine.dir);
  const known = [...servers.map(({ pid: server }) => server), ...userDaemons(processes, [own, ...elsewhere])];
  const ours = [places.machine.fifo, ...servers.map(({ dir }) => join(dir, 'jobserver'))];
  const target = await targetOf(pid, (path) => !ours.includes(path) && !path.startsWith(places.own.fifo));
  const portage = portageOf(makeConf(pid));
  return {
    version: VERSION,
    machine: withOpenFiles(machine, known),
    own: withOpenFiles(own, known),
    elsewhere,
    target,
    ...(portage !== undefined && { portage }),
    tools: mayAsk(target) ? toolsOn(pathOf(target), places.own.tools, machine.state === 'serves') : [],
    processes,
    servers,
    kernel: kernel(),
  };
}

/** Where another daemon of this user would be if somebody started it with another XDG_RUNTIME_DIR, or none. */
function otherPlaces(own: RuntimeDir): RuntimeDir[] {
  const folders = [`/run/user/${process.getuid?.()}`, undefined];
  const places = folders.map((folder) => runtimeDir(folder === undefined ? {} : { XDG_RUNTIME_DIR: folder }));
  const dirs = new Set([own.dir]);
  return places.filter(({ dir }) => !dirs.has(dir) && dirs.add(dir));
}

/** The numbers of users' daemons that are what they say: processes of this user. */
function userDaemons(processes: Facts['processes'], pools: readonly Pool[]): number[] {
  const uid = process.getuid?.();
  const told = pools.map(({ status }) => status?.daemon.pid);
  return processes.filter((one) => one.uid === uid && told.includes(one.pid)).map(({ pid }) => pid);
}

function withOpenFiles(pool: Pool, known: readonly number[]): Pool {
  const pid = pool.status?.daemon.pid;
  const openFiles = pid !== undefined && known.includes(pid) ? openFilesOf(pid) : undefined;
  return openFiles === undefined ? pool : { ...pool, openFiles };
}

/** To ask a tool is to run it: not one that another user has put on the PATH of a process. */
const mayAsk = ({ pid, uid, sandboxed, sources }: Target): boolean =>
  pid === undefined || (uid === statusOf(process.pid)?.uid && !sandboxed && sources.length > 0);

const pathOf = ({ sources: [first] }: Target): string | undefined => first?.variables.get('PATH');

function kernel(): Kernel {
  return {
    pressure: ['cpu', 'io', 'memory'].every((name) => isReadable(`/proc/pressure/${name}`)),
    pidfd: hasPidfd(),
    fuseTimeout: Math.max(...['default', 'max'].map((name) => number(`/proc/sys/fs/fuse/${name}_request_timeout`))),
  };
}

function hasPidfd(): boolean {
  try {
    openPidfd(process.pid); // it is closed with us
    return true;
  } catch {
    return false;
  }
}

function isReadable(path: string): boolean {
  try {
    readFileSync(path); // a kernel that has it off until booted with psi=1 may have the files, and fail
    return true;
  } catch {
    return false;
  }
}

function number(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1')) || 0;
  } catch {
    return 0; // before Linux 6.15
  }
}
