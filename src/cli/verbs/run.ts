// What is said of `stint run`.
import { MAX_CAPACITY } from '../../api/schema.ts';
import { USER, type Verb } from './verb.ts';

export const RUN = {
  name: 'run',
  usage: ['[OPTION]... [--] CMD [ARG]...'],
  brief: 'run a command as a build that draws its job slots from the pool',
  about: `Run CMD as a build that draws its job slots from the pool of this machine, or of this user where the machine has none.
The first slot is taken before CMD starts. Inside another 'stint run', CMD joins the outer build.`,
  options: {
    user: USER,
    jobs: {
      value: 'N',
      text: `slots of the user's pool, 1 to ${MAX_CAPACITY}, if this command has to start its daemon; default: the processors this process may use`,
    },
    style: {
      value: 'STYLE',
      text: `how CMD finds its slots: 'fifo' (a path; GNU make >= 4.4, ninja >= 1.13, cargo), 'fds' (inherited descriptors; also GNU make < 4.4), or 'auto' (default): what CMD and the make on PATH can use`,
      choice: ['auto', 'fifo', 'fds'],
    },
    label: { value: 'TEXT', text: "the name that 'stint status' shows; default: the command and its directory" },
    slots: {
      value: 'MIN..MAX',
      text: `take MIN slots or more in one step, up to MAX as far as that is fair; '{slots}' in CMD's arguments becomes the number, and variables tell it to tools: docs/leases.md`,
    },
    'resize-signal': {
      value: 'SIG',
      text: 'send CMD this signal when it should have fewer slots, or may have more: see stint lease --help',
      choice: ['USR1', 'USR2', 'HUP', 'WINCH'],
    },
    timeout: {
      value: 'TIME',
      text: 'end CMD and what descends from it after 90s, 15m, 2h, 1d: SIGTERM, and SIGKILL 10 s later',
    },
    'timeout-clock': {
      value: 'CLOCK',
      text: "'wall' (default): count from now on; 'held': only the time in which CMD has slots",
      choice: ['wall', 'held'],
    },
  },
  exits: [
    ['CMD', ''],
    [124, 'when the time was over before CMD had its slots'],
    [125, 'when stint itself fails'],
    [126, 'when CMD cannot be run'],
    [127, 'when it is not found. A CMD that --timeout ends has the status of the signal: 143, or 137'],
  ],
  choice: 'command',
} satisfies Verb;
