// The keys that may stand in the configuration and be changed while the daemon runs (`stint set`): what each may be, in words and
// as a check, and what counts where nobody says anything. Values here are as people write them; sections.ts says what they mean.
import { bytesOf, percentOf } from './sizes.ts';

export type Value = string | number | boolean;

/** By key, as `stint set` writes it: `jobs`, `share.class`. */
export type Values = Readonly<Record<string, Value>>;

export interface Key {
  /** What it may be, in words. */
  allowed: string;
  fits(value: unknown): boolean;
  /** What counts where nobody says anything; null: there is no such bound, or it follows the size of the pool. */
  standard: Value | null;
  /** It may be at most as large as this key. */
  within?: string;
}

/** Slots of the largest pool. */
const MOST = 4096;

export const CLASSES = ['interactive', 'normal', 'background'] as const;

const whole = (min: number, standard: number | null, of = 'a whole number'): Key => ({
  allowed: `${of} from ${min} to ${MOST}`,
  fits: (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= MOST,
  standard,
});
const number = (words: string, max: number, standard: number | null): Key => ({
  allowed: words,
  fits: (value) => typeof value === 'number' && value >= 0 && value <= max,
  standard,
});
const percent = (standard: number): Key => number('a number of percent from 0 (off) to 100', 100, standard);
const bool = (standard: boolean): Key => ({
  allowed: 'true or false',
  fits: (value) => typeof value === 'boolean',
  standard,
});
const oneOf = (words: readonly string[], standard: string): Key => ({
  allowed: words
    .map((word) => `"${word}"`)
    .join(words.length > 2 ? ', ' : ' or ')
    .replace(/, (?="\w+"$)/, ' or '),
  fits: (value) => words.includes(value as string),
  standard,
});

const JOBS = whole(1, null);

/** In the order of docs/stint.toml. */
export const KEYS: Readonly<Record<string, Key>> = {
  jobs: JOBS,
  'share.first_slot': oneOf(['overcommit', 'wait'], 'overcommit'),
  'share.first_slot_max': { ...whole(0, null), within: 'jobs' },
  'share.newcomer_overcommit': number('a number from 0 to 1', 1, 0.25),
  'share.client_max': whole(1, null),
  'share.build_max': whole(1, null),
  'share.user_max': whole(1, null),
  'share.class': oneOf(CLASSES, 'normal'),
  'limits.min_slots': { ...whole(1, 1), within: 'jobs' },
  'limits.max_load': number('a number from 0 (off) to 100000', 100_000, 0),
  'limits.max_cpu_pressure': percent(0),
  'limits.max_io_pressure': percent(0),
  'limits.max_memory_pressure': percent(20),
  'limits.min_memory': {
    allowed: 'bytes like "1GiB", at least "1MiB", or a part of all memory like "5%", below 100%; 0: none',
    fits: (value) => bytesOf(value) === 0 || (bytesOf(value) ?? 0) >= 2 ** 20 || percentOf(value) !== undefined,
    standard: '5%',
  },
  'limits.memory_per_job': {
    allowed: 'bytes like "256MiB", at least "1MiB"',
    fits: (value) => (bytesOf(value) ?? 0) >= 2 ** 20,
    standard: '256MiB',
  },
  'limits.memory_look_ahead': bool(true),
  'limits.cgroup': bool(true),
  'limits.ramp': {
    allowed: `slots per second, a number above 0 to ${MOST}`,
    fits: (value) => typeof value === 'number' && value > 0 && value <= MOST,
    standard: null,
  },
};

/** The keys of `[share]` or `[limits]`, as they stand in it. */
export const keysOf = (section: string): string[] =>
  Object.keys(KEYS)
    .filter((key) => key.startsWith(`${section}.`))
    .map((key) => key.slice(section.length + 1));

export const SECTIONS = ['share', 'limits'] as const;
