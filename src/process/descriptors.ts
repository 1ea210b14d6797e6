// How many descriptors this process may have open, and what of them one user's doings may take up: whoever opens connections or starts clients
// without end must not take away what those of others need.
import { readFileSync } from 'node:fs';

/** Of all descriptors. A connection that waits for a slot needs two. */
const CONNECTIONS = 1 / 8;
const CLIENTS = 1 / 2;

/** What callers are told, and the log, when nothing can be opened any more. */
export const NONE_LEFT = 'the daemon has no descriptor left: give it more (LimitNOFILE= of its service, ulimit -n)';

/** Whether a call of ours has failed for want of a descriptor. */
export const isShort = (error: unknown): boolean => /^E[MN]FILE$/.test((error as NodeJS.ErrnoException).code ?? '');

/** What a call of ours has failed with, in words for whoever asked. */
export const failureOf = (error: unknown): string => (isShort(error) ? NONE_LEFT : (error as Error).message);

export interface Allowance {
  /** Connections of one user to the API. */
  connections: number;
  /** Descriptors that are kept for the clients of one user in system mode: one for each process, and three or four for its pipe. */
  clients: number;
}

export function allowance(limits: string = readFileSync('/proc/self/limits', 'latin1')): Allowance {
  const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  return { connections: Math.floor(soft * CONNECTIONS), clients: Math.floor(soft * CLIENTS) };
}
