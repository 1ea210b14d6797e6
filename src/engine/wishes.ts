// How many slots each lease should have, given what others wait for: less, down to its share, once others have waited for a
// while; more, while slots are free and nobody has waited for a while. Wishes are told, and nothing is done to make them true.
import type { Ledger } from '../core/ledger.ts';
import type { Leased } from './leases.ts';

/** How long somebody must have waited before leases are asked for slots, and how often one lease is told at most; milliseconds. */
const STEADY = 500;
/** How long nobody must have waited before leases are offered more. Waits that are closer together are taken for one. */
const CALM = 1_000;

export class Wishes {
  readonly #ledger: Ledger;
  readonly #tell: (running: Leased, slots: number) => void;
  /** Since when somebody has waited, with pauses no longer than CALM, and when somebody was last seen waiting. */
  #busySince = Number.NEGATIVE_INFINITY;
  #busyAt = Number.NEGATIVE_INFINITY;
  /** When to look again though nothing happens. */
  #lookAt = Number.POSITIVE_INFINITY;

  constructor(ledger: Ledger, tell: (running: Leased, slots: number) => void) {
    this.#ledger = ledger;
    this.#tell = tell;
  }

  settle(leased: ReadonlySet<Leased>, now: number): void {
    if (this.#othersWait(leased)) {
      if (now - this.#busyAt > CALM) this.#busySince = now;
      this.#busyAt = now;
    }
    const calm = now - this.#busyAt > CALM;
    const steady = now - this.#busySince >= STEADY;
    this.#lookAt = calm
      ? Number.POSITIVE_INFINITY
      : Math.min(this.#busyAt + CALM + 1, steady ? Infinity : this.#busySince + STEADY);
    if (!calm && !steady) return;
    const unused = calm ? this.#unused() : 0;
    for (const running of leased) this.#look(running, { calm, unused, now });
  }

  nextLook(): number {
    return this.#lookAt;
  }

  #look(running: Leased, { calm, unused, now }: { calm: boolean; unused: number; now: number }): void {
    const { lease, root, build } = running;
    if (running.rootFd === -1 || lease.growth !== undefined) return;
    const fair = Math.max(lease.min, Math.floor(this.#ledger.share(build)));
    const wish = calm ? Math.min(lease.max, root.held + Math.max(0, unused)) : Math.min(root.held, fair);
    if (wish === lease.told) return;
    if (now - lease.toldAt < STEADY) {
      this.#lookAt = Math.min(this.#lookAt, lease.toldAt + STEADY);
      return;
    }
    lease.told = wish;
    lease.toldAt = now;
    this.#tell(running, wish);
  }

  /** Whether anybody waits who is not a lease that wants more. */
  #othersWait(leased: ReadonlySet<Leased>): boolean {
    let own = 0;
    for (const { build } of leased) own += build.waiters;
    return this.#ledger.waiting > own;
  }

  /** Slots that nobody uses, those included that lie in pipes. */
  #unused(): number {
    let used = 0;
    for (const { implicit, held } of this.#ledger.builds) used += implicit + held;
    return this.#ledger.limit - used;
  }
}
