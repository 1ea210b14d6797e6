// A bound on what some builds may have together: those of one user, of a group, with a label, in a control group. A build
// that stands at one of its caps does not wait for its turn: it is out of the queue until there is room again.
import { type Build, outstanding } from './types.ts';

export class Cap {
  /** What it is called in reasons. */
  readonly name: string;
  /** Slots that its builds may have together; Infinity: any number. Changed by Ledger.setCap. */
  limit: number;
  /** Slots that they have. */
  out = 0;
  /** Those of its builds that wait. */
  readonly waiting = new Set<Build>();

  constructor(name: string, limit: number) {
    this.name = name;
    this.limit = limit;
  }
}

/** How many more slots the caps of a build let it have; below 0 after a cap was lowered. */
export function roomOf(build: Build): number {
  let room = Number.POSITIVE_INFINITY;
  for (const { limit, out } of build.caps) if (limit - out < room) room = limit - out;
  return room;
}

/** A build is under these caps from now on, and no others. */
export function putUnder(build: Build, caps: readonly Cap[]): void {
  for (const cap of build.caps) {
    cap.out -= outstanding(build);
    cap.waiting.delete(build);
  }
  build.caps = caps;
  for (const cap of caps) {
    cap.out += outstanding(build);
    if (build.waiters > 0) cap.waiting.add(build);
  }
}
