// What is said of `stint top`.
import { USER, type Verb } from './verb.ts';

export const TOP = {
  name: 'top',
  usage: ['[--user] [--interval SECONDS]'],
  brief: 'show the pool on a full screen, as it changes',
  about: `Show the pool on a full screen, as it changes: what became of each slot, why no more are given, and the builds. Keys
sort and filter them, show their processes, and change a build; '?' tells which. Without a daemon it waits for one.`,
  options: { interval: { value: 'SECONDS', text: 'look so often, 0.1 to 60; default: 1' }, user: USER },
  exits: [
    [0, ''],
    [1, 'when this is no terminal'],
    [2, 'when an option is wrong'],
  ],
} satisfies Verb;
