// What the ledger says that each build has had of the pool, against sums that are made step by step from what it has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ledger } from '../../src/core/ledger.ts';
import { DEFAULT_POLICY } from '../../src/core/policy.ts';
import type { Client, ClientKind, Waiter } from '../../src/core/types.ts';

const KINDS: readonly ClientKind[] = ['exact', 'offers', 'implicit'];
const BUILDS = 4;

const step = fc.record({
  /** Milliseconds that pass before it. */
  pause: fc.integer({ min: 0, max: 50 }),
  what: fc.constantFrom('acquire', 'release', 'charge', 'count', 'withdraw', 'offer', 'cancel', 'forget', 'limit'),
  who: fc.nat(11),
  count: fc.integer({ min: 0, max: 6 }),
});

test('accounts are what was had, summed over time; changes that are told add up to what is had', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let now = 0;
      const told = new Map<Client, { held: number; offered: number }>();
      const options = {
        audit: true,
        policy: DEFAULT_POLICY,
        clock: () => now,
        booked: (client: Client, held: number, offered: number) => {
          const sums = told.get(client) ?? { held: 0, offered: 0 };
          told.set(client, { held: sums.held + held, offered: sums.offered + offered });
        },
      };
      const ledger = new Ledger(5, () => {}, options);
      const builds = Array.from({ length: BUILDS }, (_, user) => ledger.openBuild({ user: user >> 1 }));
      const clients = Array.from({ length: 12 }, (_, n) =>
        ledger.openClient(builds[n % BUILDS] as (typeof builds)[0], KINDS[n % KINDS.length] as ClientKind),
      );
      const waiters = clients.map((client): Waiter => {
        return { client, reserves: client.kind === 'offers', since: 0, order: 0 };
      });
      const naive = builds.map(() => ({ used: 0, idle: 0, waited: 0, peak: 0 }));
      for (const { pause, what, who, count } of steps) {
        for (const [n, { implicit, held, offered, waiters }] of builds.entries()) {
          const sums = naive[n] as (typeof naive)[0];
          sums.used += (implicit + held) * pause;
          sums.idle += offered * pause;
          if (waiters > 0) sums.waited += pause;
        }
        now += pause;
        const client = clients[who] as Client;
        const waiter = waiters[who] as Waiter;
        if (!client.alive) continue;
        if (what === 'acquire' && !client.waiters.has(waiter)) ledger.acquire(waiter, now);
        else if (what === 'release' && client.held > 0) ledger.release(client, count);
        else if (what === 'charge' && client.kind === 'implicit') ledger.charge(client);
        else if (what === 'count') ledger.count(client, Math.min(count, client.offered));
        else if (what === 'withdraw') ledger.withdraw(client, Math.min(count, client.offered));
        else if (
          what === 'offer' &&
          client.kind === 'offers' &&
          ledger.waiting === 0 &&
          ledger.available(client) >= count
        )
          ledger.offer(client, count);
        else if (what === 'cancel') ledger.cancel(waiter);
        else if (what === 'forget' && who > 8) ledger.forget(client);
        else if (what === 'limit') ledger.setLimit(count);
        for (const [n, { implicit, held }] of builds.entries()) {
          const sums = naive[n] as (typeof naive)[0];
          sums.peak = Math.max(sums.peak, implicit + held);
        }
      }
      for (const [n, build] of builds.entries()) {
        const { used, idle, waited, peak } = ledger.account(build);
        const expected = naive[n] as (typeof naive)[0];
        assert.deepEqual({ used, idle, waited }, { used: expected.used, idle: expected.idle, waited: expected.waited });
        assert.ok(peak >= expected.peak);
      }
      for (const [client, sums] of told) assert.deepEqual(sums, { held: client.held, offered: client.offered });
    }),
    { numRuns: 500 },
  );
});
