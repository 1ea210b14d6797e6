// What is said of `stint explain`.
import { USER, type Verb } from './verb.ts';

export const EXPLAIN = {
  name: 'explain',
  usage: ['[--user] [--json] PID'],
  brief: 'tell why a process waits, or why it draws nothing from the pool',
  about: `Tell where the process PID stands in the pool: the build that it is in, whether it waits, for what, and about how much
longer, by what came back in the last minute; and of one that is in no build, what would put it into one.`,
  options: { json: { text: 'print the JSON of docs/json-output.md' }, user: USER },
  exits: [
    [0, ''],
    [1, 'when there is no such process, or not yours'],
    [2, 'when PID is no number'],
    [3, 'when no daemon is running'],
  ],
  choice: 'process',
} satisfies Verb;
