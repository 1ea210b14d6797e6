// What is said of `stint lease`.
import { type Options, pick, USER, type Verb } from './verb.ts';

const options: Options = {
  user: USER,
  label: { value: 'TEXT', text: "the name that 'stint status' shows; default: 'lease'" },
  json: { text: 'print the JSON of docs/api.md' },
  lease: { value: 'LEASE', text: 'the number of the lease', choice: 'lease' },
};

export const LEASE = {
  name: 'lease',
  usage: [
    'hold [--user] [--label TEXT] MIN..MAX',
    'show [--user] [--json] [LEASE]',
    'resize [--user] [--lease LEASE] N',
  ],
  brief: 'take several slots in one step, for scripts',
  about: `Take several job slots in one step, and give back or take more of them while the work goes on.

hold takes MIN to MAX slots, or N, and holds them until its standard input ends or it is ended itself. It writes lines:
  slots N   it has N slots now; the first such line comes when it has what it asked for
  shrink N  others wait: it should have N, which are fewer
  grow N    slots are free: it may have N, which are more
  keep N    neither is true any more
and reads lines, each a number of slots that it is to have: it is answered by a line 'slots'.

show prints leases, or one; resize changes the number of slots of one as far as that can be done at once, and prints the
number that it then has. Inside 'stint run --slots' both mean its lease, unless they name another.`,
  options,
  exits: [
    [0, ''],
    [1, 'when it cannot be done: more than the pool has, no such lease, the daemon has left'],
    [2, 'when the arguments are wrong'],
    [3, 'when no daemon is running (show, resize)'],
  ],
  words: {
    hold: { options: pick(options, 'user', 'label') },
    show: { options: pick(options, 'user', 'json'), choice: 'lease' },
    resize: { options: pick(options, 'user', 'lease') },
  },
} satisfies Verb;
