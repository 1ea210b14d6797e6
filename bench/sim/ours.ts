// stint's own policy: the ledger that the daemon runs, called as the engine calls it.
import { Ledger } from '../../src/core/ledger.ts';
import type { Policy } from '../../src/core/policy.ts';
import type { Build, Client, Waiter } from '../../src/core/types.ts';
import type { MakePool, Pool, Terms } from './pool.ts';

export const ours =
  (policy: Policy): MakePool =>
  (slots, granted) =>
    new Ours(slots, granted, policy);

class Ours implements Pool {
  readonly #ledger: Ledger;
  readonly #builds = new Map<number, Build>();
  readonly #clients = new Map<number, Client>();
  readonly #numbers = new Map<Client, number>();

  constructor(slots: number, granted: (client: number) => void, policy: Policy) {
    const tell = ({ client }: Waiter) => granted(this.#numbers.get(client) as number);
    this.#ledger = new Ledger(slots, tell, { policy });
  }

  get out(): number {
    return this.#ledger.out;
  }

  openBuild(build: number, { user, weight }: Terms): void {
    this.#builds.set(build, this.#ledger.openBuild({ user, weight }));
  }

  openClient(client: number, build: number, root: boolean): void {
    const record = this.#ledger.openClient(this.#builds.get(build) as Build, root ? 'implicit' : 'exact');
    this.#clients.set(client, record);
    this.#numbers.set(record, client);
  }

  ask(client: number, reserves: boolean, now: number): void {
    const waiter: Waiter = { client: this.#client(client), reserves, since: now, order: 0 };
    this.#ledger.acquire(waiter, now);
  }

  take(client: number): void {
    const record = this.#client(client);
    this.#ledger.count(record, record.offered - 1);
  }

  pass(client: number): void {
    this.#ledger.withdraw(this.#client(client), 1);
  }

  release(client: number): void {
    this.#ledger.release(this.#client(client), 1);
  }

  forget(client: number): void {
    const record = this.#client(client);
    this.#ledger.forget(record);
    this.#clients.delete(client);
    this.#numbers.delete(record);
  }

  closeBuild(build: number): void {
    this.#ledger.closeBuild(this.#builds.get(build) as Build);
    this.#builds.delete(build);
  }

  settle(now: number): void {
    this.#ledger.settle(now);
  }

  nextLook(): number {
    return this.#ledger.nextLook();
  }

  #client(client: number): Client {
    return this.#clients.get(client) as Client;
  }
}
