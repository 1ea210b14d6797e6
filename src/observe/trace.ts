// A build as a trace in Chrome's format, which Perfetto and chrome://tracing show: a lane for each slot, what held it, and for
// whoever had to wait how long, with an arrow to the slot that it got. Pure.
import { type Span, spansOf } from './lanes.ts';
import type { Timeline } from './timeline.ts';

/** An event of the format; times in microseconds. */
interface TraceEvent {
  ph: 'X' | 'M' | 's' | 'f' | 'i';
  name: string;
  cat?: string;
  pid: number;
  tid: number;
  ts?: number;
  dur?: number;
  id?: number;
  bp?: 'e';
  s?: 'p';
  args?: Record<string, unknown>;
}

export interface Trace {
  traceEvents: TraceEvent[];
  displayTimeUnit: 'ms';
  otherData: Record<string, unknown>;
}

/** What the trace says of its build. */
export interface TraceHead {
  build: number;
  label: string;
  cwd: string;
  user: string;
  uid: number;
  /** How it ended, as in the history. */
  exit?: number | string;
}

/** The two groups of lanes. */
const SLOTS = 1;
const WAITS = 2;
/** A shorter wait is not shown, milliseconds. */
const SHORTEST = 0.1;

/** @param until what is held still is shown until then, Unix time in milliseconds */
export function traceOf(head: TraceHead, timeline: Timeline, until: number): Trace {
  const spans = spansOf(timeline.entries());
  const origin = Math.min(timeline.began, ...spans.slice(0, 1).map(({ from, waited }) => from - waited));
  const micros = (time: number) => Math.max(0, Math.round((time - origin) * 1000));
  const slots = spans.map((span) => slotEvent(span, micros, until));
  const waits = spans.filter(({ waited }) => waited >= SHORTEST);
  const rows = new Rows();
  const waiting = waits.flatMap((span, n) => waitEvents(span, { n, row: rows.next(span), micros }));
  return {
    traceEvents: [
      named('process_name', SLOTS, 0, `${head.label}: slots`),
      named('process_name', WAITS, 0, `${head.label}: waiting`),
      ...Array.from({ length: spans.reduce((most, { lane }) => Math.max(most, lane + 1), 0) }, (_, lane) =>
        named('thread_name', SLOTS, lane, `slot ${lane + 1}`),
      ),
      ...slots,
      ...waiting,
    ],
    displayTimeUnit: 'ms',
    otherData: { ...head, origin: new Date(origin).toISOString(), missed: timeline.missed },
  };
}

type Micros = (time: number) => number;

const named = (name: string, pid: number, tid: number, value: string): TraceEvent => ({
  ph: 'M',
  name,
  pid,
  tid,
  args: { name: value },
});

const nameOf = ({ pid }: Span): string => (pid === 0 ? 'a job' : `process ${pid}`);

function slotEvent(span: Span, micros: Micros, until: number): TraceEvent {
  const { lane, from, to = until, pid, waited } = span;
  const ts = micros(from);
  const args = { pid, waitedMs: waited, ...(span.to === undefined && { open: true }) };
  return { ph: 'X', name: nameOf(span), cat: 'slot', pid: SLOTS, tid: lane, ts, dur: micros(to) - ts, args };
}

function waitEvents(span: Span, { n, row, micros }: { n: number; row: number; micros: Micros }): TraceEvent[] {
  const { lane, from, waited } = span;
  const ts = micros(from - waited);
  const end = micros(from);
  return [
    { ph: 'X', name: nameOf(span), cat: 'wait', pid: WAITS, tid: row, ts, dur: end - ts, args: { pid: span.pid } },
    { ph: 's', name: 'granted', cat: 'grant', id: n, pid: WAITS, tid: row, ts },
    { ph: 'f', name: 'granted', cat: 'grant', id: n, pid: SLOTS, tid: lane, ts: end, bp: 'e' },
  ];
}

/** Rows for waits that overlap. They come by when they end, so each row knows when its last one did. */
class Rows {
  readonly #ends: number[] = [];

  next({ from, waited }: Span): number {
    const begins = from - waited;
    const found = this.#ends.findIndex((end) => end <= begins);
    const row = found === -1 ? this.#ends.length : found;
    this.#ends[row] = from;
    return row;
  }
}
