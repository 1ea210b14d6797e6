// What is said of `stint config`.
import type { Verb } from './verb.ts';

export const CONFIG = {
  name: 'config',
  usage: ['check [FILE]'],
  brief: "say what is wrong with a configuration of the machine's pool",
  about: `Read a configuration of the machine's daemon as 'stint serve --config FILE' and SIGHUP would, and say everything that is
wrong with it. Default: /etc/stint/stint.toml`,
  options: {},
  exits: [
    [0, 'when it is in order'],
    [1, 'when it is not, or cannot be read'],
    [2, 'when the arguments are wrong'],
  ],
  words: { check: { options: {}, choice: 'file' } },
} satisfies Verb;
