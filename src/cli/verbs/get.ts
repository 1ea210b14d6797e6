// What is said of `stint get`.
import { USER, type Verb } from './verb.ts';

export const GET = {
  name: 'get',
  usage: ['[--user] [--json] [KEY]'],
  brief: 'show what counts in the pool, and who said so',
  about: `Show what counts in the pool now, and who said so: default, file (the configuration), option (the daemon's command
line), set ('stint set') or with (a 'stint with' that runs). With KEY show its value alone; '-' stands for no bound.`,
  options: { json: { text: 'print the JSON of docs/api.md' }, user: USER },
  exits: [
    [0, ''],
    [1, 'when the daemon cannot be asked'],
    [2, 'when there is no such key'],
    [3, 'when no daemon is running'],
  ],
  choice: 'key',
} satisfies Verb;
