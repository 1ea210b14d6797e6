// What is said of `stint conformance`.
import type { Verb } from './verb.ts';

export const CONFORMANCE = {
  name: 'conformance',
  usage: ['--path PATH --slots N [--quick] [--as NAME] [--json]'],
  brief: 'say what any jobserver does, and how fast',
  about: `Say what the jobserver at PATH does, and how fast: any jobserver, not only stint's. Nobody else may use it meanwhile, and all
of its slots are used. Figures that depend on the machine are told beside those of a plain FIFO, measured in turns with them.`,
  options: {
    path: {
      value: 'PATH',
      text: 'a FIFO, a device or another file, as fifo:PATH in MAKEFLAGS would name it',
      choice: 'file',
    },
    slots: { value: 'N', text: 'slots that can be taken there, 2 to 1000; of a pool of stint one less than it has' },
    quick: { text: 'a rougher look, without the clients on PATH: make, ninja, cargo' },
    as: {
      value: 'NAME',
      text: 'what the processes that try it call themselves, where the server goes by that, as stint does',
    },
    json: { text: 'print the JSON of docs/conformance.md' },
  },
  exits: [
    [0, 'when all that is required holds'],
    [1, 'when something of it does not'],
    [2, 'when the arguments are wrong'],
    [3, 'when there is no jobserver at PATH, or it has not N free slots'],
  ],
} satisfies Verb;
