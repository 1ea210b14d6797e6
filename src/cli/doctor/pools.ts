// What stands at the place of a daemon, and what the daemon there says. Unlike the verbs that use a pool, it takes nothing for
// granted: each way in which a daemon can be gone or out of order is told from the others, and nothing is waited for in vain.
import { readFileSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { Status } from '../../api/schema.ts';
import { checkRuntimeDir, type RuntimeDir } from '../../process/runtime-dir.ts';
import { call, NoDaemon } from '../client.ts';
import type { Pool } from './facts.ts';
import { placeAt } from './paths.ts';
import { inTime } from './patience.ts';

export async function lookAt(place: RuntimeDir): Promise<Pool> {
  if (!place.system) {
    try {
      if (!checkRuntimeDir(place.dir)) return { place, state: 'none' };
    } catch (error) {
      return { place, state: 'unfit', why: (error as Error).message };
    }
  }
  const found = await inTime(
    lstat(place.socket).then(
      (socket) => (socket.isSocket() ? 'socket' : 'other'),
      ({ code }: NodeJS.ErrnoException) => code ?? '',
    ),
  );
  if (found === undefined) return { place, state: 'hangs' };
  if (found === 'ENOTCONN' || found === 'ECONNABORTED') return { place, state: 'dead' };
  if (found === 'EACCES') return { place, state: 'unfit', why: 'it cannot be looked into: permission denied' };
  if (found !== 'socket') return { place, state: 'none' };
  return ask(place);
}

async function ask(place: RuntimeDir): Promise<Pool> {
  let status: Status;
  try {
    status = await call<Status>(place, 'GET', '/status');
  } catch (error) {
    if (error instanceof NoDaemon) return { place, state: 'stale' };
    const why = (error as Error).message;
    return { place, state: /has not answered/.test(why) ? 'hangs' : 'unfit', why };
  }
  // After the status: to look at the node makes us known to the pool as long as we live.
  return { place, state: 'serves', status, ...(place.system && { node: await placeAt(place.fifo) }) };
}

/** The soft limit on open files of process `pid`, in whose own limits Node stands at the hard one. */
export function openFilesOf(pid: number): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
