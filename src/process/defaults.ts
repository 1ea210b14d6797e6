// What the configuration of the machine's daemon holds, and what counts where it is silent. Apart from its reader, so that a
// daemon without a configuration need not load that.

import type { ClientRule } from './clients.ts';
import type { Values } from './config/keys.ts';
import { groupId } from './groups.ts';
import type { Rule } from './rules.ts';

export interface Config {
  /** What it says of the keys that can be changed while the daemon runs: slots in the pool, how they are shared, limits. */
  settings: Values;
  /** What it says of builds by whose they are, what they are called and where they run. */
  rules: readonly Rule[];
  /** The folder of what outlives the daemon; undefined: where such things are kept. */
  state: string | undefined;
  /** The directory that FUSE is mounted on; undefined: the machine's. */
  mount: string | undefined;
  /** The name of the character device that is the node, too; undefined: there is none. */
  device: string | undefined;
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

/** What a device may be called: it stands in MAKEFLAGS, and the kernel takes a part after a slash for a folder. */
export const DEVICE_NAME = {
  words: '1 to 64 letters, digits, _, . and -, beginning with a letter',
  fits: (name: string): boolean => /^[A-Za-z][\w.-]{0,63}$/.test(name),
};

/** The group of the node where nothing else is said: `jobserver` where there is one, else root's. */
export const defaultGroup = (): number => groupId('jobserver') ?? 0;

export const DEFAULTS: Omit<Config, 'group' | 'apiGroup'> = {
  settings: {},
  rules: [],
  state: undefined,
  mount: undefined,
  device: undefined,
  mode: 0o660,
  onTerm: 'wait',
  stopTimeout: 60,
  clients: [],
};
