// What an engine says of itself when it begins to serve, for the plain pool that may have to go on.
import type { Status } from '../api/schema.ts';

/** Under which names it is remembered: all, and the pool's size when that has changed since. */
export const SERVED = 'served';
export const CAPACITY = 'capacity';

export interface Served {
  daemon: Omit<Status['daemon'], 'restarts'>;
  capacity: number;
  /** Of the machine's node: its permissions and group. */
  rights?: { mode: number; gid: number };
}
