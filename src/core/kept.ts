// Who is kept out of the queue by a bound that is used up (`Cap`), and which slots would make room. Slots that lie untaken in
// pipes count under a bound as well, so those of one build can keep another away that would use them. Pure.
import { type Cap, roomOf } from './caps.ts';
import { compareBuilds } from './fairness.ts';
import { type Build, oldest, type Waiter } from './types.ts';

/** Whether a waiter is out of the queue for another reason than a bound. */
type Away = (waiter: Waiter) => boolean;

/** Those that wait under a bound of `build` and are kept out of the queue by bounds alone; those of the build itself, too. */
export function* keptBeside(build: Build, away: Away): Generator<Waiter> {
  for (const { limit, waiting } of build.caps) {
    if (limit === Number.POSITIVE_INFINITY) continue;
    for (const other of waiting) {
      const client = other.at === -1 ? other.waiting.peek() : undefined;
      const waiter = client && oldest(client);
      if (waiter !== undefined && roomOf(other) < needOf(waiter) && !away(waiter)) yield waiter;
    }
  }
}

/** Of those the one with the best right to a slot that `build` gives up and that would let it in; not of the build itself. */
export function rival(build: Build, away: Away): Waiter | undefined {
  let best: Waiter | undefined;
  for (const waiter of keptBeside(build, away)) {
    const other = waiter.client.build;
    if (other === build || !lets(build, waiter)) continue;
    if (best === undefined || compareBuilds(other, best.client.build) < 0) best = waiter;
  }
  return best;
}

/** The bounds that leave too little room for a waiter, and how many slots each lacks. */
export function lackingFor(waiter: Waiter): Map<Cap, number> {
  const lacking = new Map<Cap, number>();
  for (const cap of waiter.client.build.caps) {
    const lacks = needOf(waiter) - (cap.limit - cap.out);
    if (lacks > 0) lacking.set(cap, lacks);
  }
  return lacking;
}

/** Whether one slot less of `build` would be enough. */
function lets(build: Build, waiter: Waiter): boolean {
  for (const [cap, lacks] of lackingFor(waiter)) if (lacks > 1 || !build.caps.includes(cap)) return false;
  return true;
}

const needOf = ({ min = 1 }: Waiter): number => min;
