// What is said of `stint set`.
import { USER, type Verb } from './verb.ts';

export const SET = {
  name: 'set',
  usage: ['[--user] KEY=VALUE...', '[--user] --unset KEY...'],
  brief: 'change the pool for good',
  about: `Change the pool while it serves, for good: what is set goes before the configuration file, also when the daemon is
started again, until it is unset. Keys are those of the file with their section: jobs=8, share.first_slot=wait,
limits.min_memory=2GiB; 'stint get' lists them. All are changed, or none. On the machine's pool this is for root and the
api_group.`,
  options: {
    unset: { text: "let KEYs go: the daemon's command line, the configuration file or the default says what counts" },
    user: USER,
  },
  exits: [
    [0, ''],
    [1, 'when you may not or it cannot be kept'],
    [2, 'when a key or a value is wrong'],
    [3, 'when no daemon is running'],
  ],
  choice: 'key=value',
} satisfies Verb;
