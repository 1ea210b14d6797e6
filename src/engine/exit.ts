// How a process ended, whether its parent has reaped it already or not. It is the main thread that asks: /proc is read.
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { infoOf } from '../kernel/pidfd.ts';

/** An exit code, or the name of a signal, without SIG. */
export type Exit = number | string;

/** Of a process whose pidfd has become readable; undefined: nobody tells. */
export function exitOf(pidfd: number): Exit | undefined {
  const before = infoOf(pidfd);
  if (before === undefined) return undefined;
  let { status } = before;
  if (status === undefined) {
    const unreaped = statusOfZombie(before.pid);
    const after = infoOf(pidfd);
    // If it was reaped meanwhile, what was read may be of another process.
    status = after === undefined ? undefined : (after.status ?? unreaped);
  }
  return status === undefined ? undefined : read(status);
}

/** What wait(2) will tell of it; undefined: it is gone, or the kernel hides that from us. */
function statusOfZombie(pid: number): number | undefined {
  try {
    readlinkSync(`/proc/${pid}/ns/user`); // whoever may not do this is shown 0 for a status
    const [, state, rest = ''] = /^.*\) (\S) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state === 'Z' ? Number(rest.trim().split(' ').at(-1)) : undefined;
  } catch {
    return undefined;
  }
}

/** A status as wait(2) has it. */
function read(status: number): Exit {
  const signal = status & 0x7f;
  if (signal === 0) return status >> 8;
  const [name] = Object.entries(os.constants.signals).find(([, number]) => number === signal) ?? [];
  return name?.slice('SIG'.length) ?? `RT${signal}`;
}
