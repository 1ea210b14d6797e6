// What is said of `stint trace`.
import { USER, type Verb } from './verb.ts';

export const TRACE = {
  name: 'trace',
  usage: ['--build ID [--user] >FILE'],
  brief: 'write what a build did with its slots, for a viewer of traces',
  about: `Write what a build did with its slots, as a trace in Chrome's format: open FILE at https://ui.perfetto.dev or in
chrome://tracing. There is a lane for each slot, and an arrow from each wait to the slot that it got. The build may be
running still, or else the newest with this number that 'stint history' lists; timelines are kept of the newest 500.`,
  options: {
    build: { value: 'ID', text: "its number, as 'stint status' and 'stint history' show it", choice: 'build' },
    user: USER,
  },
  exits: [
    [0, ''],
    [1, 'when there is no such build, or nothing is known of it any more'],
    [2, 'for bad usage'],
    [3, 'when no daemon is running'],
  ],
} satisfies Verb;
