// The verbs as completions need them: one entry for each verb, or verb of a verb, with its options and what its arguments may be.
import { TREE } from '../../../src/cli/verbs/tree.ts';
import type { Choice, Option, Options } from '../../../src/cli/verbs/verb.ts';
import { KEYS } from '../../../src/process/config/keys.ts';

export interface Path {
  /** `run`, `lease hold`. */
  words: string;
  options: Options;
  choice: Choice | undefined;
}

const HELP: Option = { text: 'tell of it' };

export const PATHS: readonly Path[] = TREE.flatMap(({ name, options, choice, words }) => {
  if (words === undefined) return [{ words: name, options: { ...options, help: HELP }, choice }];
  return Object.entries(words).map(([word, own]) => ({
    words: `${name} ${word}`,
    options: { ...own.options, help: HELP },
    choice: own.choice,
  }));
});

/** Verbs that have verbs, and those. */
export const NESTED: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  TREE.flatMap(({ name, words }) => (words === undefined ? [] : [[name, Object.keys(words)]])),
);

export const KEY_NAMES: readonly string[] = Object.keys(KEYS);

/** `KEY=VALUE` for keys with few values, `KEY=` for others. */
export const KEY_VALUES: readonly string[] = Object.entries(KEYS).flatMap(([key, { allowed }]) => {
  const words =
    allowed === 'true or false'
      ? ['true', 'false']
      : allowed.match(/^"\w+"(?:(?:, | or )"\w+")+$/)
        ? [...allowed.matchAll(/\w+(?=")/g)].map(String)
        : [];
  return words.length > 0 ? words.map((word) => `${key}=${word}`) : [`${key}=`];
});

/** The first words of a text, for a menu. */
export const briefly = (text: string): string => text.split(/[:;(\n]|\. /)[0]?.trim() as string;

/** Commands of sh that print the numbers of builds and of leases; `$stint` is the program, `$pool` is `--user` or nothing. */
export const BUILDS = `{ "$stint" status $pool --json; "$stint" history $pool --limit 50 --json; } 2>/dev/null | sed -n 's/^      "id": \\([0-9]*\\),*$/\\1/p' | sort -un`;
export const LEASES = `"$stint" lease show $pool 2>/dev/null | sed -n 's/^lease \\([0-9]*\\):.*/\\1/p'`;
