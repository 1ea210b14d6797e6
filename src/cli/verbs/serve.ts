// What is said of `stint serve`.
import { MAX_CAPACITY } from '../../api/schema.ts';
import type { Verb } from './verb.ts';

export const SERVE = {
  name: 'serve',
  usage: [
    '[--config FILE] [--mount DIR] [--device NAME] [--compat-path PATH] [--jobs N] [--strict]',
    '--user [--jobs N] [--strict] [--idle-exit SECONDS]',
  ],
  brief: "serve a pool in the foreground ('run' starts one of the user by itself)",
  about: 'Serve a pool of job slots, in the foreground: to the whole machine (as root), or to the builds of this user.',
  options: {
    mount: {
      value: 'DIR',
      text: 'where the node of the machine is: DIR/jobserver; default: $STINT_MOUNT, else /run/stint',
      choice: 'folder',
    },
    device: { value: 'NAME', text: 'make the character device /dev/NAME as well, the same node by another door' },
    config: {
      value: 'FILE',
      text: "settings of the machine's pool (TOML); options given here go before it",
      choice: 'file',
    },
    'compat-path': {
      value: 'PATH',
      text: 'make PATH a symbolic link to the node as long as the daemon serves, for settings that name another jobserver: /dev/steve; where something else stands, the daemon does not start',
      choice: 'file',
    },
    jobs: { value: 'N', text: `slots in the pool, 1 to ${MAX_CAPACITY}; default: the processors this process may use` },
    strict: {
      text: 'never give more slots than the pool has: a new build waits for its first; default: a few at a time begin at once, beyond the pool, and the next slots that come back pay for them',
    },
    user: { text: 'the pool of one user, without root' },
    'idle-exit': { value: 'SECONDS', text: 'with --user: leave after so long without a build; default: never' },
  },
  notes: `SIGHUP: read the configuration again. SIGUSR2: go on as the program that is installed now: see stint upgrade --help.
SIGTERM, SIGINT: with --user leave at once; otherwise take no new builds, but what runs inside of those that run, and wait for these, as
on_term and stop_timeout in the configuration say; a second one: leave at once. Builds that run then go on with the slots that lie in their pipes; clients of the
file node get an error.`,
  exits: [
    [0, 'after a signal or idleness'],
    [1, 'when it cannot serve'],
    [2, 'for bad usage'],
    [4, 'when another daemon serves this machine, or this user, already'],
  ],
} satisfies Verb;
