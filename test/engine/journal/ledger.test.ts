// A ledger that was made anew out of what another one wrote down: it counts the same, and gives the same slots to the same clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ledger, type Scribe } from '../../../src/core/ledger.ts';
import type { Build, Client, ClientKind, Waiter } from '../../../src/core/types.ts';
import { has } from '../../../src/core/types.ts';
import { Counters } from '../../../src/engine/journal/counters.ts';
import { layOut, wordsFor } from '../../../src/engine/journal/layout.ts';
import { PastCounters } from '../../../src/engine/journal/past.ts';

const BUILDS = 3;
const KINDS: readonly ClientKind[] = ['exact', 'exact', 'offers', 'implicit'];
const SIZE = wordsFor(64, 1, 1);

interface Step {
  what: 'acquire' | 'take' | 'release' | 'charge' | 'lend' | 'count' | 'forget' | 'resize';
  client: number;
  amount: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    ...(['acquire', 'acquire', 'take', 'release', 'release', 'charge', 'lend', 'count', 'forget', 'resize'] as const),
  ),
  client: fc.nat(BUILDS * KINDS.length - 1),
  amount: fc.integer({ min: 1, max: 6 }),
});
const steps = fc.array(step, { maxLength: 40 });

test('a ledger that was restored counts and gives as the one that was written down', () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const first = new World(6);
      for (const one of before) first.do(one);
      const second = first.restored();
      assert.deepEqual(second.figures(), first.figures());
      assert.deepEqual(second.granted, [], 'nobody who waits may have more');
      first.granted.length = 0;
      for (const one of after) {
        first.do(one);
        second.do(one);
        assert.deepEqual(second.granted, first.granted);
        assert.deepEqual(second.figures(), first.figures());
      }
    }),
    { numRuns: 500 },
  );
});

/** A ledger with its counters, and clients by number. */
class World {
  readonly ledger: Ledger;
  readonly words = new Int32Array(SIZE);
  readonly clients: Client[] = [];
  /** The numbers of those that were granted a slot, in their order. */
  readonly granted: number[] = [];
  readonly #counters: Counters;
  readonly #builds: Build[] = [];

  constructor(capacity: number) {
    layOut(this.words, 1, 1);
    this.#counters = new Counters(this.words);
    const granted = ({ client }: Waiter) => {
      this.granted.push(this.clients.indexOf(client));
      this.#counters.settle(client.record, amount(client)); // as the tray does, once it is put
    };
    this.ledger = new Ledger(capacity, granted, { audit: true, scribe: this.#scribe() });
    for (let i = 0; i < BUILDS; i++) this.#builds.push(this.ledger.openBuild({ user: i % 2 }));
    for (let i = 0; i < BUILDS * KINDS.length; i++) this.clients.push(this.#open(i));
  }

  do({ what, client: number, amount: count }: Step): void {
    const client = this.clients[number] as Client;
    if (what === 'resize') this.ledger.setCapacity(count);
    else if (what === 'forget') {
      this.ledger.forget(client);
      this.clients[number] = this.#open(number);
    } else if (what === 'acquire' && client.waiters.size < 2) this.ledger.acquire(waiterOf(client), 0);
    else if (what === 'take' && client.kind === 'exact') this.ledger.take(client);
    else if (what === 'release') this.ledger.release(client, count);
    else if (what === 'charge' && client.kind === 'implicit') this.ledger.charge(client);
    else if (what === 'lend') this.ledger.lend(client);
    else if (what === 'count' && client.kind === 'offers') this.ledger.count(client, Math.max(0, has(client) - count));
  }

  /** Another one, out of what was written down; who waits comes again, as the kernel or their pipes would have it. */
  restored(): World {
    const past = new PastCounters(this.words.slice());
    past.settle(() => false, 0);
    const other = new World(this.ledger.capacity);
    for (const [i, { record, offered }] of this.clients.entries()) {
      const value = past.value(this.#counters.markOf(record)) as number;
      const lying = Math.min(offered, Math.max(0, value)); // a pipe is counted
      const client = other.clients[i] as Client;
      other.ledger.restore(client, value - lying, lying);
      if (client.kind === 'offers') other.#counters.settle(client.record, value);
    }
    other.ledger.resume();
    const waiters = this.clients.flatMap((client, i) => [...client.waiters].map(({ order }) => ({ order, i })));
    waiters.sort((a, b) => a.order - b.order);
    for (const { i } of waiters) other.ledger.acquire(waiterOf(other.clients[i] as Client), 0);
    return other;
  }

  figures() {
    const { capacity, free, out, waiting } = this.ledger;
    const clients = this.clients.map(({ held, offered, waiters }) => ({ held, offered, waits: waiters.size }));
    return { capacity, free, out, waiting, clients };
  }

  #open(number: number): Client {
    const build = this.#builds[Math.floor(number / KINDS.length)] as Build;
    return this.ledger.openClient(build, KINDS[number % KINDS.length] as ClientKind);
  }

  /** As the engine's. */
  #scribe(): Scribe {
    return {
      opened: (client) => {
        client.record = this.#counters.open();
      },
      booked: (client) => {
        if (client.kind === 'offers') this.#counters.lower(client.record, has(client));
        else this.#counters.set(client.record, client.held);
      },
      forgotten: ({ record }) => this.#counters.close(record),
    };
  }
}

const amount = (client: Client): number => (client.kind === 'offers' ? has(client) : client.held);

const waiterOf = (client: Client): Waiter => ({ client, reserves: client.kind === 'offers', since: 0, order: 0 });
