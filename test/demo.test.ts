// The demo's own sums: the jobs that ran at once, and how they are shown. Its builds are not run here (make demo).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withOwnNpm } from '../demo/sources.ts';
import { seconds, table } from '../demo/table.ts';
import { readTrace } from '../demo/trace.ts';
import { drawing, logLine, type Picture } from '../demo/view.ts';

/** A log of jobtrace from "+ms build" and "-ms build". */
function log(...steps: string[]): string {
  return steps.map((step) => step.replace(/^(.)(\d+) (.*)/, '$1 $2000000 77 $3\n')).join('');
}

describe('the trace of a demo', () => {
  it('has a peak per build and one of all builds', () => {
    const trace = readTrace(log('+1 a', '+2 a', '-3 a', '+4 b', '-5 b', '-6 a'));
    assert.deepEqual(trace.builds.get('a'), { jobs: 2, peak: 2, busy: 6, firstAt: 1 });
    assert.deepEqual(trace.builds.get('b'), { jobs: 1, peak: 1, busy: 1, firstAt: 4 });
    assert.deepEqual(trace.all, { jobs: 3, peak: 2, busy: 7, firstAt: 1 });
  });

  it('counts a job that follows another at once as one after the other', () => {
    assert.equal(readTrace(log('+1 a', '+2 b', '-2 a', '-3 b')).all.peak, 1);
  });

  it('does not depend on the order of the lines', () => {
    assert.equal(readTrace(log('-3 b', '-9 a', '+1 a', '+2 b')).all.peak, 2);
  });

  it('takes a job without an end as one that still runs', () => {
    assert.deepEqual(readTrace(log('+1 a', '+4 a', '-5 a')).all, { jobs: 2, peak: 2, busy: 5, firstAt: 1 });
  });

  it('is empty for an empty log, and refuses a line that jobtrace did not write', () => {
    assert.deepEqual(readTrace('').all, { jobs: 0, peak: 0, busy: 0, firstAt: Infinity });
    assert.throws(() => readTrace('hello\n'), /not a line of jobtrace: hello/);
  });
});

describe('the picture of a demo', () => {
  const picture: Picture = {
    at: 12_340,
    status: { capacity: 2, free: 1 },
    rows: [
      { name: 'libsass', tool: 'make', slots: 1, jobs: 17, end: undefined, took: Infinity },
      { name: 'ripgrep', tool: 'cargo', slots: 0, jobs: 0, end: undefined, took: Infinity },
      { name: 'x', tool: 'ninja', slots: 0, jobs: 3, end: { ok: false, how: 'exit 1' }, took: 900 },
    ],
  };

  it('has one line for the pool and one per build', () => {
    assert.deepEqual(drawing(picture), [
      'pool of 2, 1 free, 12.3 s',
      '  libsass  make   #.   17 jobs  holds 1',
      '  ripgrep  cargo  ..    0 jobs  waits',
      '  x        ninja  ..    3 jobs  failed: exit 1',
    ]);
  });

  it('is one line in a log', () => {
    assert.equal(logLine(picture), 'libsass holds 1, ripgrep waits, x failed: exit 1, free 1');
  });
});

describe('the table of a demo', () => {
  it('aligns names to the left and figures to the right', () => {
    const rows = [
      ['build', 'tool', 'jobs'],
      ['a', 'make', '7'],
      ['all', '', '1234'],
    ];
    assert.equal(table(rows), 'build  tool  jobs\na      make     7\nall          1234');
  });

  it('gives times in seconds', () => {
    assert.equal(seconds(61_249), '61.2 s');
  });
});

it('asks the npm of the machine, not that of the project, for sources', () => {
  const of = { HOME: '/h', npm_config_globalconfig: '/p/node/etc/npmrc', npm_config_registry: 'http://mirror' };
  assert.deepEqual(withOwnNpm({ ...of, PATH: '/p/node_modules/.bin:/usr/bin:/bin' }), {
    HOME: '/h',
    npm_config_registry: 'http://mirror',
    PATH: '/usr/bin:/bin',
  });
});
