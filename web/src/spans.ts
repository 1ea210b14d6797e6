// The lanes of a build, out of the trace that the daemon tells: who held which slot when.

/** The part of Chrome's format that is looked at; times in microseconds. */
export interface Trace {
  traceEvents: {
    ph: string;
    cat?: string;
    tid: number;
    ts?: number;
    dur?: number;
    args?: { pid?: number; waitedMs?: number; open?: boolean };
  }[];
  otherData: { build: number; label: string; cwd: string; user: string; origin: string; missed: number };
}

/** A slot in the hands of one process; milliseconds since the trace begins. */
export interface Span {
  lane: number;
  pid: number;
  from: number;
  to: number;
  waited: number;
  /** It is held still. */
  open: boolean;
}

export interface Lanes {
  spans: readonly Span[];
  lanes: number;
  /** How long it goes, milliseconds. */
  length: number;
  /** When it begins, Unix time in milliseconds. */
  origin: number;
}

/** A process of the build, with all that it held; milliseconds. */
export interface Holder {
  pid: number;
  times: number;
  held: number;
  longestWait: number;
}

export function lanesOf({ traceEvents, otherData }: Trace): Lanes {
  const spans = traceEvents
    .filter(({ ph, cat }) => ph === 'X' && cat === 'slot')
    .map(({ tid, ts = 0, dur = 0, args: { pid = 0, waitedMs = 0, open = false } = {} }): Span => {
      const from = ts / 1000;
      return { lane: tid, pid, from, to: from + dur / 1000, waited: waitedMs, open };
    });
  const most = (of: (span: Span) => number) => spans.reduce((found, span) => Math.max(found, of(span)), 0);
  return {
    spans,
    lanes: spans.length === 0 ? 0 : most(({ lane }) => lane) + 1,
    length: most(({ to }) => to),
    origin: Date.parse(otherData.origin),
  };
}

/** Who held slots, the longest first. */
export function holdersOf(spans: readonly Span[]): Holder[] {
  const holders = new Map<number, Holder>();
  for (const { pid, from, to, waited } of spans) {
    const holder = holders.get(pid) ?? { pid, times: 0, held: 0, longestWait: 0 };
    holder.times++;
    holder.held += to - from;
    holder.longestWait = Math.max(holder.longestWait, waited);
    holders.set(pid, holder);
  }
  return [...holders.values()].sort((one, other) => other.held - one.held);
}
