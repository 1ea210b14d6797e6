// What is said of `stint upgrade`.
import type { Verb } from './verb.ts';

export const UPGRADE = {
  name: 'upgrade',
  usage: ['[--user]'],
  brief: 'have the daemon go on as the program that is installed now',
  about: `Have the daemon go on as the program that is installed now, as after an upgrade of the package. Builds go on; who asks
the daemon for something meanwhile waits for a moment. It is told by SIGUSR2, so this is for root, or for the pool's own
user.`,
  options: { user: { text: 'the daemon of this user, even where the machine has one' } },
  exits: [
    [0, ''],
    [1, 'when it cannot be done: then the daemon goes on as it was'],
    [2, 'when an option is wrong'],
    [3, 'when no daemon is running'],
  ],
} satisfies Verb;
