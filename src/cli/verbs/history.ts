// What is said of `stint history`.
import { USER, type Verb } from './verb.ts';

export const HISTORY = {
  name: 'history',
  usage: ['[OPTION]...'],
  brief: 'show the builds of the past',
  about: `Show the builds of the past, the newest first: how long each took, how long it waited for slots, what it had of the
pool, the most memory that it was seen to have, and how it ended: by its exit code, or by a signal.`,
  options: {
    limit: { value: 'N', text: 'so many, 1 to 1000; default: 20' },
    label: { value: 'TEXT', text: 'those with TEXT in their label' },
    mine: { text: 'those of this user' },
    json: { text: 'print the JSON of docs/api.md' },
    user: USER,
  },
  exits: [
    [0, ''],
    [1, 'when the daemon cannot be asked'],
    [2, 'when an option is wrong'],
    [3, 'when no daemon is running'],
  ],
} satisfies Verb;
