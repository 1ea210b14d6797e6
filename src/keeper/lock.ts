// The lock that says which daemon serves a place. The kernel drops it when its holder dies.
import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { EXIT, reason, StintError } from '../errors.ts';
import { tryLock } from '../kernel/flock.ts';

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;

/** Where a daemon serves. */
interface Place {
  dir: string;
  lock: string;
  /** Whether it is that of the machine. */
  system: boolean;
}

/** The open and locked lock file, which then names the process `pid`. @throws StintError, with EXIT.TAKEN when another daemon has it */
export function takeLock(runtime: Place, pid: number): number {
  let fd: number;
  try {
    fd = openSync(runtime.lock, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600); // it will be emptied: never by somebody's link
  } catch (error) {
    const hint = runtime.system
      ? { hint: 'only root may serve the whole machine; for your own builds: stint serve --user' }
      : {};
    throw new StintError(`cannot open ${runtime.lock}: ${reason(error)}`, { cause: error, ...hint });
  }
  if (!tryLock(fd)) {
    closeSync(fd);
    throw new StintError(`another daemon serves ${runtime.dir}`, {
      exit: EXIT.TAKEN,
      hint: 'see it with: stint status',
    });
  }
  signLock(fd, pid);
  return fd;
}

/** The open lock file names the process `pid` now. */
export function signLock(fd: number, pid: number): void {
  ftruncateSync(fd);
  try {
    writeSync(fd, `${pid}\n`);
  } catch {
    // The number is for people; the lock is what counts.
  }
}

/** The pid goes with the lock: soon it may be somebody else's. */
export function dropLock(fd: number): void {
  ftruncateSync(fd);
  closeSync(fd);
}
