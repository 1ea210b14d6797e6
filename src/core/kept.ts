// Who is kept out of the queue by a bound that is used up (`Cap`), and which slots would make room. Slots that lie untaken in
// pipes count under a bound as well, so those of one build can keep another away that would use them. Pure.
import { type Cap, needOf, roomOf, roomUnder } from './caps.ts';
import { compareBuilds } from './fairness.ts';
import { type Build, oldest, type Waiter } from './types.ts';

/** Whether a waiter is out of the queue for another reason than a bound. */
type Away = (waiter: Waiter) => boolean;

/** Those that wait under a bound of `build` and are kept out of the queue by bounds alone; those of the build itself, too. */
export function* keptBeside(build: Build, away: Away): Generator<Waiter> {
  for (const cap of build.caps) yield* keptUnder(cap, away);
}

/** The same for one bound. */
export function* keptUnder({ limit, waiting }: Cap, away: Away): Generator<Waiter> {
  if (limit === Number.POSITIVE_INFINITY) return;
  for (const build of waiting) {
    const client = build.at === -1 ? build.waiting.peek() : undefined;
    const waiter = client && oldest(client);
    if (waiter !== undefined && roomOf(build) < needOf(waiter) && !away(waiter)) yield waiter;
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
    const lacks = needOf(waiter) - roomUnder(cap, waiter.client.build);
    if (lacks > 0) lacking.set(cap, lacks);
  }
  return lacking;
}

/** Whether one slot less of `build` would be enough. */
function lets({ caps }: Build, waiter: Waiter): boolean {
  const need = needOf(waiter);
  return waiter.client.build.caps.every((cap) => {
    const lacks = need - (cap.limit - cap.out);
    return lacks <= 0 || (lacks === 1 && caps.includes(cap));
  });
}
