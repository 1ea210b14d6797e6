// How many slots have to come back before somebody who waits has what he needs: what is said of it is what then happens.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cap } from '../../src/core/caps.ts';
import { Ledger } from '../../src/core/ledger.ts';
import { STRICT_POLICY } from '../../src/core/policy.ts';
import { turnOf } from '../../src/core/turn.ts';
import type { Build, Client, Waiter } from '../../src/core/types.ts';

class World {
  readonly ledger: Ledger;
  /** Grants so far, of waiters that wait no more. */
  readonly granted = new Set<Waiter>();

  constructor(capacity: number, policy = {}) {
    const granted = (waiter: Waiter) => this.granted.add(waiter);
    this.ledger = new Ledger(capacity, granted, { audit: true, policy: { ...STRICT_POLICY, ...policy } });
  }

  client(build: Build = this.ledger.openBuild({ user: 1 })): Client {
    return this.ledger.openClient(build, 'exact');
  }

  ask(client: Client, min?: number): Waiter {
    const waiter = { client, reserves: false, since: 0, order: 0, ...(min !== undefined && { min, max: min }) };
    this.ledger.acquire(waiter, 0);
    return waiter;
  }

  /** `count` slots for a client that are free. */
  give(client: Client, count: number): void {
    for (let n = 0; n < count; n++) assert.ok(this.granted.has(this.ask(client)));
  }

  /** So many returns of `holder` until `waiter` has its slots, while each other one asks again as soon as it has one. */
  returnsUntil(waiter: Waiter, holder: Client, others: Waiter[]): number {
    for (let returns = 0; ; returns++) {
      for (const other of others.filter((one) => this.granted.has(one))) {
        others.splice(others.indexOf(other), 1, this.ask(other.client));
      }
      if (this.granted.has(waiter)) return returns;
      assert.ok(holder.held > 0, 'it never has its turn');
      this.ledger.release(holder, 1);
    }
  }
}

/** What a build has before it waits, and how many of its clients wait. */
const rival = fc.record({ has: fc.nat(6), waiting: fc.integer({ min: 1, max: 3 }) });

test('as many slots as are said come back until it has one, while all others go on asking', () => {
  fc.assert(
    fc.property(fc.array(rival, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(2), (rivals, which, place) => {
      const world = new World(300);
      const holder = world.client();
      const builds = rivals.map(({ has, waiting }) => {
        const build = world.ledger.openBuild({ user: 1 });
        const clients = Array.from({ length: waiting }, () => world.client(build));
        for (let n = 0; n < has; n++) world.give(clients[n % clients.length] as Client, 1);
        return clients;
      });
      world.give(holder, 300 - rivals.reduce((sum, { has }) => sum + has, 0));
      const waiters = builds.flatMap((clients) => clients.map((client) => world.ask(client)));
      const own = builds[which % builds.length] as Client[];
      const waiter = waiters.find(({ client }) => client === own[place % own.length]) as Waiter;
      const turn = turnOf(world.ledger, waiter);
      const others = waiters.filter((one) => one !== waiter);
      assert.deepEqual(turn, { returns: world.returnsUntil(waiter, holder, others) });
    }),
    { numRuns: 300 },
  );
});

test('of a build of another user its whole user counts', () => {
  const world = new World(10);
  const [first, second, mine] = [2, 2, 1].map((user) => world.client(world.ledger.openBuild({ user })));
  const holder = world.client(world.ledger.openBuild({ user: 3 }));
  world.give(mine as Client, 3);
  world.give(first as Client, 1);
  world.give(holder, 6);
  const waiter = world.ask(mine as Client);
  const others = [world.ask(first as Client), world.ask(second as Client)];
  assert.deepEqual(turnOf(world.ledger, waiter), { returns: 3 });
  assert.equal(world.returnsUntil(waiter, holder, others), 3);
});

test('what is out beyond the limit has to come back before', () => {
  const world = new World(10);
  const holder = world.client();
  world.give(holder, 10);
  world.ledger.setLimit(6);
  const waiter = world.ask(world.client());
  assert.deepEqual(turnOf(world.ledger, waiter), { returns: 5 });
  assert.equal(world.returnsUntil(waiter, holder, []), 5);
});

test('who needs several at once needs as many to come back as are not free', () => {
  const world = new World(10);
  const holder = world.client();
  world.give(holder, 8);
  const waiter = world.ask(world.client(), 4);
  assert.deepEqual(turnOf(world.ledger, waiter), { returns: 2 });
  assert.equal(world.returnsUntil(waiter, holder, []), 2);
});

test('under a bound only what its own builds return counts', () => {
  const world = new World(10);
  const cap = new Cap('some', 2);
  const [inside, outside] = [world.ledger.openBuild({ user: 1, tag: 7 }), world.ledger.openBuild({ user: 1, tag: 8 })];
  const other = world.ledger.openBuild({ user: 1, tag: 9 });
  world.ledger.setBuild(inside, { caps: [cap] });
  world.ledger.setBuild(other, { caps: [cap] });
  const holder = world.client(inside);
  world.give(holder, 2);
  world.give(world.client(outside), 3);
  const waiter = world.ask(world.client(other));
  assert.deepEqual(turnOf(world.ledger, waiter), { returns: 1, of: [7, 9] });
  assert.equal(world.returnsUntil(waiter, holder, []), 1);
});

test('in the background, and for a client that has all it may have, there is no telling', () => {
  const world = new World(2, { clientMax: 1 });
  const holder = world.client();
  world.give(holder, 1);
  assert.deepEqual(turnOf(world.ledger, world.ask(holder)), { why: 'itself' });
  world.give(world.client(), 1);
  world.ask(world.client());
  const background = world.ask(world.client(world.ledger.openBuild({ user: 1, class: 'background' })));
  assert.deepEqual(turnOf(world.ledger, background), { why: 'others' });
});
