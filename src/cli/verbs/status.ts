// What is said of `stint status`.
import { USER, type Verb } from './verb.ts';

export const STATUS = {
  name: 'status',
  usage: ['[--user] [--json]'],
  brief: 'show the pool: who holds what, and who waits',
  about: `Show the pool of this machine, or of this user where the machine has none: its slots, and every build with what it
holds.`,
  options: { user: USER, json: { text: 'print the JSON of docs/json-output.md' } },
  exits: [
    [0, ''],
    [1, 'when the daemon cannot be asked'],
    [2, 'when an option is wrong'],
    [3, 'when no daemon is running'],
  ],
} satisfies Verb;
