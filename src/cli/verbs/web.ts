// What is said of `stint web`.
import { USER, type Verb } from './verb.ts';

export const WEB = {
  name: 'web',
  usage: ['[OPTION]...'],
  brief: 'show the pool as a page for the browser',
  about: `Show the pool as a page for the browser: who holds what, who waits and why, slots over time, builds of the past. Prints
the address of the page, with a secret in it, and serves it in the foreground until it is interrupted. It only reads, as
you may; it goes on when the daemon is restarted.`,
  options: {
    port: { value: 'N', text: 'the port; default: one that is free' },
    listen: { value: 'ADDRESS', text: 'an address of this machine; default: 127.0.0.1' },
    'allow-remote': {
      text: 'let ADDRESS be one that other machines reach. Whoever has the secret sees the pool then, and whoever can listen on the network learns the secret: nothing is encrypted',
    },
    'metrics-only': { text: 'serve nothing but /metrics, for Prometheus, without a secret' },
    user: USER,
  },
  exits: [
    [0, 'after SIGINT or SIGTERM'],
    [1, 'when it cannot listen, or was not built'],
    [2, 'for bad usage'],
  ],
} satisfies Verb;
