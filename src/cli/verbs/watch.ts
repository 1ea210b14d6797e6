// What is said of `stint watch`.
import { USER, type Verb } from './verb.ts';

export const WATCH = {
  name: 'watch',
  usage: ['[--user] [--json]'],
  brief: 'tell what happens in the pool, as it happens',
  about: `Tell what happens in the pool, as it happens, until Ctrl-C: builds that come, start and end, leases that change, and the
size of the pool. It waits for a daemon where there is none, also when one ends while it watches.`,
  options: { json: { text: 'a line of JSON for each event, as docs/json-output.md explains' }, user: USER },
  exits: [
    [0, 'when nobody reads what it tells'],
    [1, 'when the daemon cannot be asked'],
    [2, 'when an option is wrong'],
  ],
} satisfies Verb;
