// What is said of `stint deselect`.
import { TARGET } from './test.ts';
import type { Verb } from './verb.ts';

export const DESELECT = {
  name: 'deselect',
  usage: ['[OPTION]... REPORT... [-- PYTEST-ARGUMENT...]'],
  brief: 'list the tests that failed, so that pytest leaves them out',
  about: `Print a list of the tests that failed, by JUnit reports, as few entries as there can be: a file, a class or all parameters of a function stand for their tests where every one of them failed. pytest is asked which tests there are, and the list is tried.`,
  options: {
    format: {
      value: 'FORMAT',
      text: "'bash' (default): arrays as an ebuild has them; 'toml', 'json', 'plain'",
      choice: ['bash', 'toml', 'json', 'plain'],
    },
    merge: {
      value: 'FILE',
      text: 'begin with the list in FILE, bash arrays or plain lines: order and comments are kept, and what matches no test any more is told',
      choice: 'file',
    },
    prune: { text: 'leave out what matches no test any more' },
    write: { text: 'write the result into the file of --merge' },
    'no-files': { text: 'do not let one entry stand for a file' },
    'no-classes': { text: 'do not let one entry stand for a class' },
    'no-parameters': { text: 'do not let one entry stand for all parameters of a function' },
    flaky: { text: 'also those that failed in some runs and passed in others of the same interpreter' },
    'no-rerun': {
      text: 'do not try tests alone that were running when a worker crashed; they are not listed then',
    },
    'no-collect': { text: 'do not ask pytest: one entry for each test, by what the reports say' },
    force: { text: 'print a list even where all tests failed, or none could run' },
    ...TARGET,
  },
  notes: `The arguments after -- are those of the run. Ids are those of pytest, relative to its rootdir. Reports of several interpreters count for each by itself, as the names that 'stint test' gives them tell.`,
  exits: [
    [0, 'with a list, empty where nothing failed'],
    [1, 'when there can be none, or it is not exact'],
    [2, 'when arguments are wrong'],
  ],
  choice: 'file',
} satisfies Verb;
