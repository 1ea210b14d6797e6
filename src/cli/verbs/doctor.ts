// What is said of `stint doctor`.
import type { Verb } from './verb.ts';

export const DOCTOR = {
  name: 'doctor',
  usage: ['[--json] [PID]'],
  brief: 'say what keeps builds from drawing their slots from the pool',
  about: `Look for what keeps builds from drawing their slots from the pool: settings that lead past it, clients that are too old,
a daemon or a node that cannot be reached, compilers that run outside it, what the kernel lacks. Without PID it looks at
the environment it is called in; with PID at the one that process PID was started with.`,
  options: { json: { text: 'print the JSON of docs/json-output.md' } },
  notes: 'Each finding has a name in parentheses, by which docs/troubleshooting.md explains it.',
  exits: [
    [0, 'when nothing was found'],
    [1, 'when something was'],
    [2, 'when the arguments are wrong'],
  ],
  choice: 'process',
} satisfies Verb;
