// What holds in a ledger at all times, counted anew over all builds and clients: dear, and for tests. The head of ledger.ts has it in words.
import { type Cap, mayFit } from './caps.ts';
import { type Build, type Client, outstanding } from './types.ts';
import type { Waiters } from './waiters.ts';

interface Accounts {
  builds: Iterable<Build>;
  /** Slots that nobody has, and of those the ones that whoever comes may have. */
  unowned: number;
  free: number;
  /** Slots that are offered, in all. */
  untaken: number;
  limit: number;
  waiters: Waiters;
}

/** @throws Error naming the invariant that does not hold */
export function audit({ builds, unowned, free, untaken, limit, waiters }: Accounts): void {
  let out = 0;
  let offered = 0;
  let admitted = 0;
  const caps = new Map<Cap, number>();
  for (const build of builds) {
    auditBuild(build, waiters);
    out += outstanding(build);
    offered += build.offered;
    if (build.at !== -1) admitted += build.admitted;
    for (const cap of build.caps) caps.set(cap, (caps.get(cap) ?? 0) + outstanding(build));
  }
  for (const [cap, sum] of caps) auditCap(cap, sum);
  assert(unowned + out === limit, 'what nobody has + out = limit');
  assert(offered === untaken, 'what lies untaken is the sum of what builds are offered');
  assert(admitted === waiters.size, 'the queue knows its size');
  assert(free <= 0 || waiters.size === 0, 'nobody waits while a slot is free');
}

function auditCap({ out, aside, waiting }: Cap, sum: number): void {
  assert(out === sum, "a cap's figure is the sum of its builds'");
  if (aside === undefined) return;
  const waits = aside.client.waiters.has(aside) && waiting.has(aside.client.build);
  assert(waits && mayFit(aside), 'room is set aside for one that waits under the cap, and only if it can be enough');
}

function auditBuild(build: Build, waiters: Waiters): void {
  const sums = { implicit: 0, held: 0, offered: 0 };
  let waiting = 0;
  for (const client of build.clients) {
    auditClient(client, waiters);
    sums[client.kind === 'implicit' ? 'implicit' : 'held'] += client.held;
    sums.offered += client.offered;
    waiting += client.waiters.size;
  }
  assert(
    sums.implicit === build.implicit && sums.held === build.held && sums.offered === build.offered,
    "a build's figures are the sums of its clients'",
  );
  assert(waiting === build.waiters, "a build's waiters are those of its clients");
  assert(outstanding(build) >= 0, 'no build lends more than it has');
  assert(build.active === (waiting > 0 || outstanding(build) > 0), 'who has or wants something is active');
  assert((build.at !== -1) === waiters.fits(build), 'a build that waits and may have more is in the queue');
}

function auditClient(client: Client, waiters: Waiters): void {
  const least = client.kind === 'exact' ? -1 : 0;
  assert(client.held >= least && client.offered >= 0, 'no figure is below 0');
  assert(client.kind !== 'implicit' || client.offered === 0, 'what runs already is not offered anything');
  const counts = client.waiters.size > 0 && waiters.mayHave(client);
  assert(counts === (client.at !== -1), 'a client that waits and may have more is in its build');
}

export function assert(holds: boolean, invariant: string): asserts holds {
  if (!holds) throw new Error(`ledger: ${invariant}`);
}
