// A bound on what some builds may have together: those of one user, of a group, with a label, in a control group. A build
// that stands at one of its caps does not wait for its turn: it is out of the queue until there is room again. Of that room some can
// be set aside for a demand of several slots; core/demands.ts says when.
import { type Build, isBackground, outstanding, type Waiter } from './types.ts';

export class Cap {
  /** What it is called in reasons. */
  readonly name: string;
  /** Slots that its builds may have together; Infinity: any number. Changed by Ledger.setCap. */
  limit: number;
  /** Slots that they have. */
  out = 0;
  /** Those of its builds that wait. */
  readonly waiting = new Set<Build>();
  /** The demand for which room is set aside here: as many slots as it needs at least. */
  aside: Waiter | undefined;
  /** Until when none is set aside, after that was in vain. */
  pausedUntil = 0;
  /** The last grant here was that of a demand for which room was set aside: before the next one whoever has the turn gets room. */
  owes = false;

  constructor(name: string, limit: number) {
    this.name = name;
    this.limit = limit;
  }
}

/** How many more slots the caps of a build let it have; below 0 after a cap was lowered, or when others have what is set aside. */
export function roomOf(build: Build): number {
  let room = Number.POSITIVE_INFINITY;
  for (const cap of build.caps) {
    const under = cap.aside === undefined ? cap.limit - cap.out : roomUnder(cap, build);
    if (under < room) room = under;
  }
  return room;
}

/** The same for one of them. What is set aside there for a demand in the background is so for others in the background only. */
export function roomUnder({ limit, out, aside }: Cap, build: Build): number {
  const room = limit - out;
  if (aside === undefined || aside.client.build === build) return room;
  return isBackground(aside.client.build) && !isBackground(build) ? room : room - needOf(aside);
}

/** Whether its bounds leave room for what a waiter needs once others have returned all that they have. */
export function mayFit(waiter: Waiter): boolean {
  const { build } = waiter.client;
  const most = outstanding(build) + needOf(waiter);
  return build.caps.every(({ limit }) => most <= limit);
}

/** Slots that a waiter needs in one step. */
export const needOf = ({ min = 1 }: Waiter): number => min;

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
