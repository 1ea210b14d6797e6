// What a check says, and every kind of thing that one may say. docs/troubleshooting.md has an entry for each.
import type { Facts, Source } from './facts.ts';

/** What each kind is: `error`, something fails or hangs; `warning`, something runs outside the pool, or is not seen by it. */
export const SEVERITIES = {
  'daemon-hangs': 'error',
  'daemon-unfit': 'error',
  'mount-dead': 'error',
  'node-denied': 'error',
  'node-hidden': 'error',
  'other-pid-namespace': 'error',
  'no-daemon': 'warning',
  'socket-stale': 'warning',
  'two-pools': 'warning',
  'version-mix': 'warning',
  'low-nofile': 'warning',
  'stranded-slots': 'warning',
  'jobserver-malformed': 'error',
  'jobserver-missing': 'error',
  'jobserver-dead': 'error',
  'jobserver-descriptors': 'error',
  'jobserver-foreign': 'warning',
  'stray-jobs': 'warning',
  'cargo-jobs': 'warning',
  'cargo-makeflags': 'warning',
  'gnumakeflags-only': 'warning',
  'portage-settings': 'warning',
  'sandbox-denied': 'error',
  'make-too-old': 'error',
  'ninja-too-old': 'warning',
  'outside-pool': 'warning',
  'pidfd-missing': 'error',
  'fuse-timeout': 'error',
  'psi-missing': 'warning',
} as const satisfies Record<string, 'error' | 'warning'>;

export interface Finding {
  id: keyof typeof SEVERITIES;
  /** Where: a path, a variable, a process. */
  on: string;
  /** What is wrong there. */
  what: string;
  /** What to do. */
  hint: string;
  /** The process, where it is about one. */
  pid?: number;
}

/** Pure: the same facts, the same findings. */
export type Check = (facts: Facts) => Finding[];

/** The variables in which clients find their jobserver. */
export const WITH_JOBSERVER = ['MAKEFLAGS', 'CARGO_MAKEFLAGS', 'GNUMAKEFLAGS'] as const;

/** What helps most often. */
export const RUN = 'start the build by stint run';

/** `NINJAOPTS in this environment`. */
export const within = (variable: string, { name }: Source): string => `${variable} in ${name}`;

export const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
