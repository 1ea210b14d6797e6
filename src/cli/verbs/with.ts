// What is said of `stint with`.
import { MAX_CAPACITY } from '../../api/schema.ts';
import { USER, type Verb } from './verb.ts';

export const WITH = {
  name: 'with',
  usage: ['[OPTION]... [--] CMD [ARG]...'],
  brief: 'run a command with other settings, which end with it',
  about: `Run CMD with other settings, which are undone when it ends or is killed. Of several at once the smaller number and the
lower class count, in whatever order they come and go.`,
  options: {
    slots: { value: 'N', text: `slots in the pool, 1 to ${MAX_CAPACITY}; for those who may change it` },
    class: {
      value: 'CLASS',
      text: "'background': only what nobody else waits for; 'normal'; 'interactive': before others of your builds",
      choice: ['background', 'normal', 'interactive'],
    },
    weight: { value: 'W', text: 'part beside others of your builds, 0.01 to 1000; 1 is the usual' },
    user: USER,
  },
  notes:
    'Class and weight are those of the build that CMD is started in; outside of any, of the builds that begin below CMD.',
  exits: [
    ['CMD', ''],
    [125, 'when stint itself fails'],
    [126, 'when CMD cannot be run'],
    [127, 'when it is not found'],
  ],
  choice: 'command',
} satisfies Verb;
