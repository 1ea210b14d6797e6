// What the configuration of the machine's daemon holds, and what counts where it is silent. Apart from its reader, so that a
// daemon without a configuration need not load that.

import type { ClientRule } from './clients.ts';

export interface Config {
  /** Slots in the pool; undefined: the processors there are. */
  jobs: number | undefined;
  /** The directory that FUSE is mounted on; undefined: the machine's. */
  mount: string | undefined;
  /** Permissions of the node: who may take slots. */
  mode: number;
  /** The number of the node's group. */
  group: number;
  /** The number of the group whose members may change the pool. */
  apiGroup: number;
  /** What SIGTERM means: leave when the builds that run have ended, or at once. */
  onTerm: 'wait' | 'now';
  /** How long `wait` waits at most, seconds. */
  stopTimeout: number;
  /** Which node which program gets, before the built-in table; the first that fits counts. */
  clients: readonly ClientRule[];
}

export const DEFAULTS: Config = {
  jobs: undefined,
  mount: undefined,
  mode: 0o660,
  group: 0,
  apiGroup: 0,
  onTerm: 'wait',
  stopTimeout: 60,
  clients: [],
};
