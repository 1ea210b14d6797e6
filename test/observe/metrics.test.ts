// The text for Prometheus: well formed, with series that do not depend on what builds are called.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MetricsSource, metricsOf } from '../../src/observe/metrics.ts';
import { WAIT_BOUNDS } from '../../src/observe/recorder.ts';

const build = { state: 'running', class: 'normal', held: 2, implicit: 1, offered: 1, waiting: 3, stranded: 0 };
const past = { slotSeconds: 7.5, waitedSeconds: 1 };
const POOL: MetricsSource = {
  version: '1"2\\3\n4',
  since: 1_795_478_602_988,
  capacity: 8,
  limit: 6,
  limits: [{ name: 'memory', slots: 6 }],
  surplus: 1,
  overcommit: 0,
  builds: [
    { ...build, ...past },
    { ...build, ...past, state: 'starting', class: 'background' },
  ],
};
const TOTALS = {
  buildsCame: 9,
  buildsEnded: 7,
  granted: 100,
  slotSeconds: 50,
  waitedSeconds: 5,
  waits: [90, 5, 0, 2, 0, 0, 1, 0, 0, 2],
  waitSum: 700.5,
  missed: 0,
};

test('every line is a comment or a sample, and every sample has its HELP and TYPE before it', () => {
  const text = metricsOf(POOL, TOTALS, 1e8);
  assert.ok(text.endsWith('\n'));
  const known = new Map<string, string>();
  for (const line of text.trimEnd().split('\n')) {
    const comment = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line);
    if (comment !== null) {
      known.set(`${comment[1]} ${comment[2]}`, comment[3] as string);
      continue;
    }
    const sample = /^([a-z_]+)(\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (-?[\d.e+]+|\+Inf)$/.exec(line);
    assert.ok(sample, line);
    const name = (sample[1] as string).replace(/_(?:bucket|sum|count)$/, (end) =>
      known.has(`TYPE ${sample[1]}`) ? end : '',
    );
    assert.ok(known.has(`HELP ${name}`) && known.has(`TYPE ${name}`), name);
    assert.equal(known.get(`TYPE ${name}`) === 'counter', name.endsWith('_total'), name);
  }
});

test('sums join builds that are there with those that are over', () => {
  const text = metricsOf(POOL, TOTALS, 1e8);
  for (const line of [
    'stint_slot_seconds_total 65',
    'stint_waited_seconds_total 7',
    'stint_slots{state="held"} 4',
    'stint_slots{state="free"} 0',
    'stint_limiter_slots{limiter="memory"} 6',
    'stint_builds{state="starting",class="background"} 1',
    'stint_slot_wait_seconds_bucket{le="0.001"} 90',
    'stint_slot_wait_seconds_bucket{le="300"} 98',
    'stint_slot_wait_seconds_bucket{le="+Inf"} 100',
    'stint_slot_wait_seconds_count 100',
    'stint_build_info{version="1\\"2\\\\3\\n4"} 1',
  ])
    assert.ok(text.includes(`${line}\n`), line);
  assert.equal(TOTALS.waits.length, WAIT_BOUNDS.length + 1);
});

test('a series is there once, however many control groups have a limit', () => {
  const limits = [{ name: 'memory', slots: 6 }, ...[4, 2, 3].map((slots) => ({ name: 'cgroup', slots }))];
  const text = metricsOf({ ...POOL, limits }, TOTALS, 1e8);
  const series = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \S+$/, ''));
  assert.equal(new Set(series).size, series.length);
  assert.ok(text.includes('\nstint_limiter_slots{limiter="cgroup"} 2\n'));
});

test('there are as many series with a thousand builds as with two', () => {
  const many = { ...POOL, builds: Array.from({ length: 1000 }, () => POOL.builds[0] as (typeof POOL.builds)[0]) };
  const series = (pool: MetricsSource) => metricsOf(pool, TOTALS, 1e8).split('\n').length;
  assert.equal(series(many), series(POOL));
});
