// Who held which slot when: slots carry no number, so each is given a lane, the lowest that is free when it is taken. Pure.
import type { Entry } from './timeline.ts';

/** A slot in the hands of one process. */
export interface Span {
  /** From 0. */
  lane: number;
  pid: number;
  /** Unix time, milliseconds. */
  from: number;
  /** Undefined: it is held still. */
  to: number | undefined;
  /** Milliseconds that it was waited for before. */
  waited: number;
}

/** The spans of a build, in the order in which they begin. What a process gives back is what it has had for longest. */
export function spansOf(entries: Iterable<Entry>): Span[] {
  const spans: Span[] = [];
  const held: Span[] = [];
  const free: number[] = [];
  let lanes = 0;
  for (const { time, pid, change, waited } of entries) {
    for (let n = 0; n < change; n++) {
      const lane = free.length > 0 ? takeLowest(free) : lanes++;
      const span = { lane, pid, from: time, to: undefined, waited };
      spans.push(span);
      held.push(span);
    }
    for (let n = 0; n > change; n--) {
      const own = held.findIndex((span) => span.pid === pid);
      const [span] = held.splice(Math.max(own, 0), 1); // somebody else may return what it took
      if (span === undefined) break;
      span.to = time;
      free.push(span.lane);
    }
  }
  return spans;
}

function takeLowest(free: number[]): number {
  const at = free.indexOf(Math.min(...free));
  return free.splice(at, 1)[0] as number;
}
