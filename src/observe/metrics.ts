// The pool in the text format of Prometheus. Labels have few values, whatever builds come: none has a build's name or number. Pure.
import { type Totals, WAIT_BOUNDS } from './recorder.ts';

/** What the figures are made of. */
export interface MetricsSource {
  version: string;
  /** When the daemon started, Unix time in milliseconds. */
  since: number;
  capacity: number;
  limit: number;
  /** What allows fewer slots, by name. */
  limits: readonly { name: string; slots: number }[];
  surplus: number;
  overcommit: number;
  builds: readonly MetricsBuild[];
}

interface MetricsBuild {
  state: string;
  class: string;
  held: number;
  implicit: number;
  offered: number;
  waiting: number;
  stranded: number;
  slotSeconds: number;
  waitedSeconds: number;
}

type Labels = Readonly<Record<string, string>>;
type Sample = [labels: Labels, value: number];

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const STATES = ['starting', 'running', 'left'];
const CLASSES = ['interactive', 'normal', 'background'];

export function metricsOf(pool: MetricsSource, totals: Totals, memory: number): string {
  const { builds } = pool;
  const sum = (of: (build: MetricsBuild) => number) => builds.reduce((total, build) => total + of(build), 0);
  const count = (state: string, className: string) =>
    builds.filter((build) => build.state === state && build.class === className).length;
  const used = sum(({ held, implicit }) => held + implicit);
  return [
    metric('stint_build_info', 'gauge', 'The running version.', [[{ version: pool.version }, 1]]),
    metric('stint_start_time_seconds', 'gauge', 'When the daemon started, Unix time.', [[{}, pool.since / 1000]]),
    metric('stint_capacity_slots', 'gauge', 'Slots in the pool.', [[{}, pool.capacity]]),
    metric('stint_limit_slots', 'gauge', 'Slots that may be out now.', [[{}, pool.limit]]),
    metric(
      'stint_limiter_slots',
      'gauge',
      'Slots that each limiter allows, while it allows fewer than the pool has.',
      leastByName(pool.limits).map(([name, slots]) => [{ limiter: name }, slots]),
    ),
    metric('stint_slots', 'gauge', 'Slots by what became of them; held and implicit are in use.', [
      [{ state: 'held' }, sum(({ held }) => held)],
      [{ state: 'implicit' }, sum(({ implicit }) => implicit)],
      [{ state: 'offered' }, sum(({ offered }) => offered)],
      [{ state: 'free' }, Math.max(0, pool.capacity - used - sum(({ offered }) => offered))],
    ]),
    metric('stint_overcommit_slots', 'gauge', 'Slots in use beyond the pool.', [[{}, pool.overcommit]]),
    metric('stint_waiting_slots', 'gauge', 'Slots that builds wait for.', [[{}, sum(({ waiting }) => waiting)]]),
    metric('stint_stranded_slots', 'gauge', 'Slots that nobody can return before their build ends.', [
      [{}, sum(({ stranded }) => stranded)],
    ]),
    metric(
      'stint_builds',
      'gauge',
      'Builds that are there.',
      STATES.flatMap((state) => CLASSES.map((of): Sample => [{ state, class: of }, count(state, of)])),
    ),
    metric('stint_builds_opened_total', 'counter', 'Builds that came.', [[{}, totals.buildsCame]]),
    metric('stint_builds_ended_total', 'counter', 'Builds that are over.', [[{}, totals.buildsEnded]]),
    metric('stint_slots_granted_total', 'counter', 'Slots that came into the hands of clients.', [
      [{}, totals.granted],
    ]),
    metric('stint_slot_seconds_total', 'counter', 'Slots × seconds that were in use.', [
      [{}, totals.slotSeconds + sum(({ slotSeconds }) => slotSeconds)],
    ]),
    metric('stint_waited_seconds_total', 'counter', 'Seconds in which builds waited for a slot.', [
      [{}, totals.waitedSeconds + sum(({ waitedSeconds }) => waitedSeconds)],
    ]),
    histogram('stint_slot_wait_seconds', 'How long granted slots were waited for.', totals),
    metric(
      'stint_surplus_tokens',
      'gauge',
      'Tokens returned by clients of the builds that are there, which had not taken them.',
      [[{}, pool.surplus]],
    ),
    metric('stint_bookings_missed_total', 'counter', 'Bookings that timelines lack.', [[{}, totals.missed]]),
    metric('process_resident_memory_bytes', 'gauge', 'Memory of the daemon.', [[{}, memory]]),
  ].join('');
}

/** Several control groups may have a limit each, by the same name. */
function leastByName(limits: MetricsSource['limits']): [name: string, slots: number][] {
  const least = new Map<string, number>();
  for (const { name, slots } of limits) least.set(name, Math.min(slots, least.get(name) ?? slots));
  return [...least];
}

function metric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelsOf(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function histogram(name: string, help: string, { waits, waitSum }: Totals): string {
  let below = 0;
  const buckets = [...WAIT_BOUNDS, '+Inf'].map((bound, n) => {
    below += waits[n] as number;
    return `${name}_bucket{le="${bound}"} ${below}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${buckets.join('')}${name}_sum ${waitSum}\n${name}_count ${below}\n`;
}

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/["\\\n]/g, escaped)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (char: string): string => (char === '\n' ? '\\n' : `\\${char}`);
