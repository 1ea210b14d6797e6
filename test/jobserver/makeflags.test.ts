// MAKEFLAGS in every style: tables of what real clients write, properties of arbitrary values, and the word of a real make.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import {
  type Auth,
  findAuth,
  findJobs,
  findJobserver,
  formatAuth,
  parseAuth,
  withJobserver,
} from '../../src/jobserver/makeflags.ts';
import { makeFifo } from '../../src/kernel/fifo.ts';
import { rounds } from '../helpers/rounds.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';

const FIFO: Auth = { style: 'fifo', path: '/run/x/fifo-1' };
const FDS: Auth = { style: 'fds', read: 10, write: 11 };

const anyAuth: fc.Arbitrary<Auth> = fc.oneof(
  fc.stringMatching(/^\/[!-#%-[\]-~]{1,30}$/).map((path) => ({ style: 'fifo' as const, path })),
  fc.tuple(fc.nat(99_999), fc.nat(99_999)).map(([read, write]) => ({ style: 'fds' as const, read, write })),
);
const anyJobs = fc.integer({ min: 1, max: 4096 });
/** Mostly made of what the parser looks at. */
const garbage = fc.oneof(
  fc.string({ unit: fc.constantFrom('j', '-', ' ', '\\', '=', '4', 'k', 'I', '\t', '\n'), maxLength: 24 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        '-j',
        '--jobs',
        '--',
        '--jobserver-auth=',
        '--jobserver-fds=3,4',
        'fifo:',
        ' ',
        '\\',
        'A=',
        '-2,-2',
      ),
    )
    .map((parts) => parts.join('')),
);

describe('finding the jobserver in MAKEFLAGS', () => {
  const found: [makeflags: string, auth: Auth, jobs: number | undefined][] = [
    [' -j4 --jobserver-auth=fifo:/tmp/GMfifo123', { style: 'fifo', path: '/tmp/GMfifo123' }, 4],
    ['ks -j3 --jobserver-auth=3,4 -- FOO=a\\ b', { style: 'fds', read: 3, write: 4 }, 3],
    [' --jobserver-fds=3,4 -j', { style: 'fds', read: 3, write: 4 }, undefined],
    [' -j --jobserver-fds=fifo:/x --jobserver-auth=fifo:/x', { style: 'fifo', path: '/x' }, undefined],
    [' --jobserver-auth=3,4 --jobserver-auth=fifo:/late', { style: 'fifo', path: '/late' }, undefined],
    [' --jobserver-auth=fifo:/early --jobserver-fds=5,6', { style: 'fds', read: 5, write: 6 }, undefined],
    [' -j2 --jobs=8 --jobserver-auth=fifo:/x', { style: 'fifo', path: '/x' }, 8],
  ];
  for (const [makeflags, auth, jobs] of found) {
    it(`reads '${makeflags}'`, () => assert.deepEqual(findJobserver(makeflags), { auth, jobs }));
  }

  const none: [makeflags: string, why: string][] = [
    ['', 'there is nothing'],
    ['k', 'there are only letters'],
    [' -j4', '-j alone names no jobserver'],
    [' -j4 --jobserver-auth=3,4 --jobserver-auth=-2,-2', 'make has taken it back'],
    [' --jobserver-auth=fifo:', 'the path is empty'],
    [' --jobserver-auth=3', 'there is one descriptor only'],
    [' --jobserver-auth=gmake_semaphore_1', 'it is a semaphore of Windows'],
    [' -- X=1 --jobserver-auth=3,4', 'it is a variable from -- on'],
    ['X=a\\ --jobserver-auth=3,4', 'the blank before it is part of a word'],
  ];
  for (const [makeflags, why] of none) {
    it(`finds none in '${makeflags}': ${why}`, () => assert.equal(findJobserver(makeflags), undefined));
  }

  it('reads every value of --jobserver-auth that it writes', () => {
    fc.assert(fc.property(anyAuth, (auth) => assert.deepEqual(parseAuth(formatAuth(auth)), auth)));
  });

  it('takes any garbage', () => {
    fc.assert(
      fc.property(garbage, (makeflags) => void findJobserver(makeflags)),
      { numRuns: 1000 },
    );
  });
});

describe('finding -j', () => {
  const cases: [options: string, jobs: number | undefined][] = [
    ['', undefined],
    ['k', undefined],
    ['-j8', 8],
    ['-j 8 -k', 8],
    ['-kj8', 8],
    ['kj', Number.POSITIVE_INFINITY],
    ['-j -k', Number.POSITIVE_INFINITY],
    ['--jobs=3 -j4', 4],
    ['--jobs 5', 5],
    ['--jobs', Number.POSITIVE_INFINITY],
    [' -j1 --jobserver-auth=3,4', 1],
    ['-Otarget -l8 -Cj9', undefined],
    ['A=-j8 -- B=-j9', undefined],
    ['--just-print', undefined],
  ];
  for (const [options, jobs] of cases) it(`'${options}' asks for ${jobs}`, () => assert.equal(findJobs(options), jobs));

  it('takes a first word without a dash for letters in MAKEFLAGS alone', () => {
    assert.deepEqual([findJobs('rj4'), findJobs('rj4', { letters: false })], [4, undefined]);
  });

  it('finds nothing after a jobserver was written, but the number that was written', () => {
    fc.assert(
      fc.property(garbage, anyAuth, anyJobs, (before, auth, jobs) => {
        const written = withJobserver(before, auth, jobs);
        assert.equal(findJobs(written), Math.max(2, jobs));
        assert.equal(findAuth(written), formatAuth(auth));
      }),
    );
  });
});

describe('writing a jobserver into MAKEFLAGS', () => {
  const own = '--jobserver-auth=fifo:/run/x/fifo-1';
  const written: [before: string, after: string][] = [
    ['', ` -j4 ${own}`],
    ['   ', ` -j4 ${own}`],
    ['k', `k -j4 ${own}`],
    ['ks', `ks -j4 ${own}`],
    ['kj8', `k -j4 ${own}`],
    ['j', ` -j4 ${own}`],
    ['j8', ` -j4 ${own}`],
    ['-j8', ` -j4 ${own}`],
    ['-j 8 -k', ` -k -j4 ${own}`],
    ['-kj8', ` -k -j4 ${own}`],
    ['--jobs', ` -j4 ${own}`],
    ['--jobs 8 -k', ` -k -j4 ${own}`],
    ['--jobs=8', ` -j4 ${own}`],
    [' -j8 --jobserver-auth=3,4', ` -j4 ${own}`],
    [' -j8 --jobserver-fds=3,4', ` -j4 ${own}`],
    ['k -j8 --jobserver-style=pipe -l2.5', `k -l2.5 -j4 ${own}`],
    ['w -Ijoin -Oline --no-print-directory', `w -Ijoin -Oline --no-print-directory -j4 ${own}`],
    ['k -- FOO=a\\ b', `k -j4 ${own} -- FOO=a\\ b`],
    [' -- FOO=-j8', ` -j4 ${own} -- FOO=-j8`],
    ['FOO=1 -k', ` FOO=1 -k -j4 ${own}`],
    ['FOO=a\\', ` FOO=a\\\\ -j4 ${own}`],
  ];
  for (const [before, after] of written) {
    it(`makes '${before}' into '${after}'`, () => assert.equal(withJobserver(before, FIFO, 4), after));
  }

  it('names inherited descriptors', () => {
    assert.equal(withJobserver('k', FDS, 4), 'k -j4 --jobserver-auth=10,11');
  });

  it('never says -j1, which clients read as: no jobserver', () => {
    assert.equal(findJobserver(withJobserver('', FIFO, 1))?.jobs, 2);
  });

  it('refuses a path that no MAKEFLAGS can carry', () => {
    for (const path of ['/a b', '/a\tb', '/a\nb', '/a\\b', '/a$b']) {
      assert.throws(() => withJobserver('', { style: 'fifo', path }, 4), RangeError);
    }
  });

  it('is found again, whatever stood there before', () => {
    const property = fc.property(garbage, anyAuth, anyJobs, (before, auth, jobs) => {
      const after = withJobserver(before, auth, jobs);
      assert.deepEqual(findJobserver(after), { auth, jobs: Math.max(2, jobs) }, after);
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('changes nothing when it is written twice', () => {
    const property = fc.property(garbage, anyAuth, anyJobs, (before, auth, jobs) => {
      const once = withJobserver(before, auth, jobs);
      assert.equal(withJobserver(once, auth, jobs), once);
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('has the last word: what was written first leaves no trace', () => {
    const property = fc.property(garbage, anyAuth, anyAuth, anyJobs, (before, first, last, jobs) => {
      assert.equal(withJobserver(withJobserver(before, first, 7), last, jobs), withJobserver(before, last, jobs));
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('keeps every word that is not about jobs, in its order', () => {
    /** Words, and what is left of them. */
    const units: [words: string, left: string][] = [
      ['-k', '-k'],
      ['-skj7', '-sk'],
      ['-Ijam', '-Ijam'],
      ['-l2.5', '-l2.5'],
      ['--debug=j', '--debug=j'],
      ['--jobless', '--jobless'],
      ['-Wj4', '-Wj4'],
      ['A=-j4', 'A=-j4'],
      ['B=x\\ -j4', 'B=x\\ -j4'],
      ['-j4', ''],
      ['-j 4', ''],
      ['--jobs 4', ''],
      ['--jobs=4', ''],
      ['--jobserver-auth=3,4', ''],
      ['--jobserver-fds=3,4', ''],
    ];
    const property = fc.property(fc.array(fc.constantFrom(...units)), anyAuth, (words, auth) => {
      const left = words.map((unit) => unit[1]).filter((word) => word !== '');
      const after = withJobserver(` ${words.map((unit) => unit[0]).join(' ')}`, auth, 4);
      assert.equal(after, ['', ...left, '-j4', `--jobserver-auth=${formatAuth(auth)}`].join(' '));
    });
    fc.assert(property, { numRuns: 1000 });
  });
});

describe('a real make', () => {
  /** Runs make with a pipe of two tokens as descriptors 3 and 4. */
  function makeIn(t: TestContext) {
    const folder = temporaryFolder(t);
    const makefile = join(folder, 'Makefile');
    // What the recipe sees is what make has made of its MAKEFLAGS; with `+` it has the jobserver in it.
    writeFileSync(makefile, '$(info FOO is [$(value FOO)])\nall:\n\t+@printf "It has [%s]\\n" "$$MAKEFLAGS"\n');
    const fifo = join(folder, 'fifo');
    makeFifo(fifo, 0o600);
    const fd = openSync(fifo, constants.O_RDWR);
    t.after(() => closeSync(fd));
    return (args: readonly string[], given?: string) => {
      const { MAKEFLAGS: _, MAKELEVEL: __, ...env } = process.env;
      const result = spawnSync('make', ['-f', makefile, ...args], {
        encoding: 'utf8',
        timeout: 20_000,
        env: given === undefined ? env : { ...env, MAKEFLAGS: given },
        stdio: ['ignore', 'pipe', 'pipe', fd, fd],
      });
      assert.equal(result.stderr, '', `MAKEFLAGS=${given}`);
      assert.equal(result.status, 0);
      const [, foo = 'nothing', makeflags = 'nothing'] =
        /FOO is \[(.*)\]\n(?:.*\n)*?It has \[(.*)\]\n/.exec(result.stdout) ?? [];
      return { foo, makeflags };
    };
  }

  /** What is in a MAKEFLAGS beside jobs. */
  const rest = (makeflags: string) => makeflags.replace(/ ?-j\d*| --jobserver-\w+=\S+/g, '').trim();

  it('reads our value, and finds its flags and variables as they were', (t) => {
    const make = makeIn(t);
    const flags = fc.subarray(['-k', '-s', '-i', '-w', '-B', '-r', '--no-print-directory', '-I.', '-l9', '-Oline']);
    const value = fc.string({ unit: fc.constantFrom(...`ab"'\\ -j4=#$\``, '--', ' -j8 '), maxLength: 8 });
    const property = fc.property(flags, value, fc.boolean(), (some, foo, parallel) => {
      const words = [...some, ...(parallel ? ['-j3'] : []), `FOO=${foo}`];
      const before = make(words);
      const after = make([], withJobserver(before.makeflags, { style: 'fds', read: 3, write: 4 }, 5));
      assert.equal(after.foo, before.foo);
      assert.equal(rest(after.makeflags), rest(before.makeflags));
      assert.deepEqual(findJobserver(after.makeflags)?.auth, { style: 'fds', read: 3, write: 4 });
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('reads what a user sets, which make itself would write in another form', (t) => {
    const make = makeIn(t);
    const given: [makeflags: string, foo: string, flags: RegExp][] = [
      ['k', '', /^k/],
      ['-k -s', '', /^(?:ks|sk)/],
      ['-j8 -k', '', /^k/],
      ['ksj8 FOO=1', '1', /^(?:ks|sk)/],
      ["-k FOO='a\\ b'", "'a b'", /^k/],
      ['-k FOO=a\\', 'a\\', /^k/],
      ['--jobs 3 --keep-going FOO=a\\ -j9', 'a -j9', /^k/],
    ];
    for (const [makeflags, foo, flags] of given) {
      const after = make([], withJobserver(makeflags, { style: 'fds', read: 3, write: 4 }, 5));
      assert.equal(after.foo, foo, makeflags);
      assert.match(after.makeflags, flags);
      assert.deepEqual(findJobserver(after.makeflags)?.auth, { style: 'fds', read: 3, write: 4 });
    }
  });

  /** What make 4.4 tells its jobs, given `makeflags`; undefined when it does not take them, or is told to do something else. */
  function told(makeflags: string, folder: string): string | undefined {
    const env = { PATH: process.env.PATH, MAKEFLAGS: makeflags };
    const { stdout } = spawnSync(toolPath('make44'), ['-f', 'fuzz.mk'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 20_000,
      env,
    });
    return /^It has \[(.*)\]$/m.exec(stdout)?.[1];
  }

  const skip = missing('make44');

  it('reads the jobserver that we read, and the one that we wrote, in anything that it takes', { skip }, (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'fuzz.mk'), 'all:\n\t+@printf "It has [%s]\\n" "$$MAKEFLAGS"\n');
    const [first, second, own] = ['a', 'b', 'own'].map((name) => join(folder, name)) as [string, string, string];
    for (const path of [first, second, own]) {
      makeFifo(path, 0o600);
      const fd = openSync(path, constants.O_RDWR);
      t.after(() => closeSync(fd));
    }
    const word = fc.constantFrom(
      ...[
        '-j',
        '-j4',
        '-j 2',
        '--jobs',
        '--jobs=3',
        '-k',
        'k',
        '-kj2',
        '-ks',
        '--keep-going',
        '-l9',
        '--',
        'A=1',
        'B=-j4',
      ],
      ...[`--jobserver-auth=fifo:${first}`, `--jobserver-auth=fifo:${second}`, `--jobserver-auth=fifo:${first}`],
      ...['--jobserver-style=fifo', '--no-print-directory', '-Oline', '\\', 'C=a\\ -j9', '=', '-', '', '\t', '-w', '4'],
    );
    const any = fc.oneof(
      { weight: 4, arbitrary: fc.array(word, { maxLength: 6 }).map((words) => ` ${words.join(' ')}`) },
      { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'jkswB -=4\\A'), maxLength: 10 }) },
    );
    const property = fc.property(any, (makeflags) => {
      const plain = told(makeflags, folder);
      if (plain === undefined) return;
      // With -j alone make has a jobserver of its own.
      const path = (auth: Auth | undefined) =>
        auth?.style === 'fifo' && dirname(auth.path) === folder ? auth.path : undefined;
      assert.equal(path(findJobserver(plain)?.auth), path(findJobserver(makeflags)?.auth), `reading '${makeflags}'`);
      const ours = told(withJobserver(makeflags, { style: 'fifo', path: own }, 5), folder);
      assert.equal(path(findJobserver(ours ?? '')?.auth), own, `writing into '${makeflags}': ${ours}`);
    });
    fc.assert(property, rounds(t, 60));
  });
});
