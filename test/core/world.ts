// Worlds of clients that hold slots for a while and ask again at once, on the ledger alone.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Ledger } from '../../src/core/ledger.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/core/policy.ts';
import type { Build, Waiter } from '../../src/core/types.ts';

/** A step of the worlds, milliseconds. */
export const STEP = 1000;

/** Somebody who asks, holds what he gets for a number of steps, returns it, and asks again. */
export interface Worker {
  readonly waiter: Waiter;
  /** Steps that it holds its slots. */
  readonly hold: number;
  /** Since which step it waits; -1: it does not. */
  waitsSince: number;
  /** When it returns what it holds. */
  until: number;
}

export class World {
  readonly ledger: Ledger;
  readonly workers: Worker[] = [];
  readonly grants: { worker: Worker; count: number }[] = [];
  step = 0;

  constructor(capacity: number, policy?: Partial<Policy>) {
    const options = { audit: true, ...(policy && { policy: { ...DEFAULT_POLICY, ...policy } }) };
    this.ledger = new Ledger(capacity, (waiter, count) => this.#granted(waiter, count), options);
  }

  add(build: Build, hold: number, demand: { min?: number; max?: number } = {}): Worker {
    const client = this.ledger.openClient(build, 'exact');
    const worker = {
      waiter: { client, reserves: false, since: 0, order: 0, ...demand },
      hold,
      waitsSince: -1,
      until: 0,
    };
    this.workers.push(worker);
    return worker;
  }

  ask(worker: Worker): void {
    worker.waitsSince = this.step;
    this.ledger.acquire(worker.waiter, this.step * STEP);
  }

  /** One step: those whose time is over return what they hold, and ask again. */
  pass(): void {
    this.step++;
    this.ledger.settle(this.step * STEP);
    for (const worker of this.workers) {
      const { client } = worker.waiter;
      if (client.held === 0 || worker.until > this.step) continue;
      this.ledger.release(client, client.held);
      this.ask(worker);
    }
  }

  #granted(waiter: Waiter, count: number): void {
    const worker = this.workers.find((one) => one.waiter === waiter);
    if (worker === undefined) return; // of a build that is being closed
    assert.equal(waiter.client.held, count, 'whoever is granted had nothing before');
    worker.waitsSince = -1;
    worker.until = this.step + worker.hold;
    this.grants.push({ worker, count });
  }
}

/** Builds of one user or another, and for how many steps each of their clients holds its slot. */
export const builds = fc.array(
  fc.record({
    user: fc.nat(2),
    weight: fc.constantFrom(1, 1, 2, 0.5),
    class: fc.constantFrom('normal', 'normal', 'interactive' as const),
    holds: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 6 },
);
