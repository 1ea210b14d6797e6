// Ending a build whose time is over: its root and everything that descends from it are told by SIGTERM, and what is left after a
// while is killed. The command runs in whatever process group it was started in, perhaps that of a script or of a shell, so
// the group is no guide. Pidfds make sure that no signal reaches somebody who has got a number meanwhile.
import { closeSync, readdirSync } from 'node:fs';
import os from 'node:os';
import { openPidfd, signalPidfd } from '../kernel/pidfd.ts';
import { maySignal, relativesOf } from '../process/proc.ts';

const { SIGTERM, SIGCONT, SIGKILL } = os.constants.signals;

/** How long what was told to end may take, milliseconds. */
const GRACE = 10_000;
/** What forks faster than it is killed is looked for so many times. */
const MAX_ROUNDS = 5;

/** Ends the process `rootPid` and what descends from it, as far as it is the user's own: `uid` 0 may end anybody's. */
export function endTree({ rootPid, uid }: { rootPid: number; uid: number }, grace: number = GRACE): void {
  const told = new Map<number, number>();
  for (const pid of treesOf([rootPid])) hold(told, pid, uid);
  for (const number of [SIGTERM, SIGCONT]) sendAll(told, uid, number); // who is stopped hears it
  setTimeout(() => killLeft(told, uid), grace).unref();
}

function killLeft(told: Map<number, number>, uid: number): void {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const living = [...told].filter(([, pidfd]) => send(pidfd, 0)).map(([pid]) => pid);
    if (living.length === 0) break;
    for (const pid of treesOf(living)) if (!told.has(pid)) hold(told, pid, uid);
    sendAll(told, uid, SIGKILL);
  }
  for (const pidfd of told.values()) closeSync(pidfd);
}

/** These processes and all that descend from them, parents first. */
function treesOf(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const ppid = /^\d+$/.test(name) ? relativesOf(Number(name))?.ppid : undefined;
    if (ppid !== undefined) children.set(ppid, [...(children.get(ppid) ?? []), Number(name)]);
  }
  const found = new Set(roots);
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
  return [...found];
}

/** Opens a pidfd of a process that is the user's to end. */
function hold(told: Map<number, number>, pid: number, uid: number): void {
  const before = relativesOf(pid);
  let pidfd: number;
  try {
    pidfd = openPidfd(pid);
  } catch {
    return; // it has gone
  }
  // Its number may be another's by now. What is read from here on is said of the process of the pidfd, if that lives on.
  const same = relativesOf(pid)?.ppid === before?.ppid && maySignal(uid, pid);
  if (same && send(pidfd, 0)) told.set(pid, pidfd);
  else closeSync(pidfd);
}

/** A process can have become another user's since it was found. */
function sendAll(told: ReadonlyMap<number, number>, uid: number, number: number): void {
  for (const [pid, pidfd] of told) if (maySignal(uid, pid)) send(pidfd, number);
}

/** False when the process is gone, or not ours to signal. */
function send(pidfd: number, number: number): boolean {
  try {
    signalPidfd(pidfd, number);
    return true;
  } catch {
    return false;
  }
}
