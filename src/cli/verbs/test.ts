// What is said of `stint test`.
import { type Options, USER, type Verb } from './verb.ts';

/** Which Python, and which plugins in it. */
export const TARGET: Options = {
  plugins: {
    value: 'LIST',
    many: true,
    text: "distributions whose plugins are loaded: names with blanks or commas between them; '${PN}' is the package under test. Default: none",
  },
  autoload: { text: 'load whatever is installed instead' },
  'load-via-env': { text: 'load plugins by PYTEST_PLUGINS, which subprocesses of tests see, and not by -p' },
  python: { value: 'PYTHON', text: 'the interpreter; default: $EPYTHON, or python3', choice: 'file' },
};

export const TEST = {
  name: 'test',
  usage: ['[OPTION]... [--] [PYTEST-ARGUMENT]...'],
  brief: 'run pytest in as many workers as there are slots for',
  about: `Run pytest with the plugins that are named and no others, in as many workers as there are slots for in the pool.`,
  options: {
    ...TARGET,
    xdist: { text: 'run tests in workers of pytest-xdist, one for each slot' },
    jobs: { value: 'N', text: 'workers at most; default: the processors that this process may use' },
    reruns: { value: 'N', text: 'try failed tests again, up to N times (pytest-rerunfailures)' },
    timeout: { value: 'SECONDS', text: 'for each test (pytest-timeout)' },
    'run-timeout': {
      value: 'TIME',
      text: 'for the whole run, like 90s or 2h; only the time in which it has slots counts',
    },
    deselect: { value: 'ID', many: true, text: 'leave this test out, or all whose ids begin so; may be given again' },
    ignore: {
      value: 'PATH',
      many: true,
      text: 'do not even import this file or folder; may be given again',
      choice: 'file',
    },
    junit: {
      value: 'PATH',
      text: 'where the JUnit report goes, a file or a folder; default: a new file in $T, or under /tmp',
      choice: 'file',
    },
    label: { value: 'TEXT', text: "the name that 'stint status' shows; default: 'pytest' and the directory" },
    user: USER,
    'no-pool': { text: 'take no slots: as many workers as --jobs says' },
    'allow-skipped-async': { text: 'tests that are coroutines, which no plugin ran, are no failure' },
    clean: { text: "remove .hypothesis, .pytest_cache and pytest's .pyc files afterwards; default in an ebuild" },
    annotations: {
      value: 'RUNNER',
      text: "'github': print a line for each failed test that GitHub's runners understand",
      choice: ['github'],
    },
    json: { text: "print the summary as JSON, after pytest's own output" },
    'print-argv': { text: 'print the command and do nothing; with --json as JSON' },
  },
  notes:
    'Settings come from [tool.stint.test] in pyproject.toml, then from EPYTEST_* variables, then from options: docs/test.md.',
  exits: [
    [0, ''],
    [1, 'when tests failed, or coroutines were skipped'],
    [2, 'when arguments are wrong, or pytest could not collect'],
    [125, 'when it cannot have its slots'],
    ['CMD', 'otherwise that of pytest'],
  ],
  choice: 'file',
} satisfies Verb;
