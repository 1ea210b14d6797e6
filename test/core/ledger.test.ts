// The ledger against its naive model, under random commands; and the rules that a reader would look up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cap } from '../../src/core/caps.ts';
import { Ledger } from '../../src/core/ledger.ts';
import type { Build, Client, ClientKind, Waiter } from '../../src/core/types.ts';
import { type Granted, Model, type ModelBuild } from './model.ts';

function ledgerOf(capacity: number): { ledger: Ledger; granted: Client[] } {
  const granted: Client[] = [];
  return { ledger: new Ledger(capacity, ({ client }) => granted.push(client), { audit: true }), granted };
}

const waiterOf = (client: Client): Waiter => ({
  client,
  reserves: client.kind === 'offers',
  since: 0,
  order: 0,
});

/** The real ledger, by the numbers that the model uses. */
class Real {
  readonly ledger: Ledger;
  readonly builds: Build[] = [];
  readonly clients = new Map<number, Client>();
  readonly caps: Cap[];
  readonly #numbers = new Map<Client, number>();
  readonly #granted: [Client, number][] = [];

  constructor(capacity: number, caps: readonly number[]) {
    this.ledger = new Ledger(capacity, (waiter, count) => this.#granted.push([waiter.client, count]), { audit: true });
    this.caps = caps.map((limit, n) => new Cap(`cap ${n}`, limit));
  }

  open(id: number, number: number, { caps, ...build }: ModelBuild, kind: ClientKind): void {
    const record = (this.builds[number] ??= this.ledger.openBuild({ ...build, caps: this.capsOf(caps) }));
    const client = this.ledger.openClient(record, kind);
    this.clients.set(id, client);
    this.#numbers.set(client, id);
  }

  capsOf(numbers: readonly number[]): Cap[] {
    return numbers.map((n) => this.caps[n] as Cap);
  }

  /** Who was granted since the last call, in order. */
  granted(): Granted[] {
    return this.#granted.splice(0).map(([client, count]) => [this.#numbers.get(client) as number, count]);
  }
}

type Command = fc.Command<Model, Real>;

let nextId = 0;

class Open implements Command {
  readonly #id = nextId++;
  readonly #number: number;
  readonly #kind: ClientKind;
  readonly #build: ModelBuild;
  constructor(number: number, kind: ClientKind, build: ModelBuild) {
    this.#number = number;
    this.#kind = kind;
    this.#build = build;
  }
  check = () => true;
  run(model: Model, real: Real): void {
    const build = model.builds.get(this.#number) ?? { ...this.#build };
    model.builds.set(this.#number, build);
    model.clients.set(this.#id, { build: this.#number, kind: this.#kind, held: 0, offered: 0, waiters: [] });
    real.open(this.#id, this.#number, build, this.#kind);
  }
  toString = () => `open(${this.#id}, ${this.#kind}, in build ${this.#number} = ${JSON.stringify(this.#build)})`;
}

/** What is done with one client; `n` says how much, or how. Returns whom it grants, or undefined when it cannot be done now. */
type Act = (on: { model: Model; real: Real; id: number; client: Client; n: number }) => Granted[] | undefined;

const WEIGHTS = [1, 1, 2, 0.5];
const CLASSES = ['normal', 'interactive', 'normal', 'background'] as const;

const acts: Record<string, Act> = {
  acquire: ({ model, real, id, client, n }) => {
    if (client.build.demands && client.build.waiters > 0) return undefined;
    const reserves = client.kind === 'offers' || (client.kind === 'exact' && n % 2 === 1);
    real.ledger.acquire({ client, reserves, since: 0, order: 0 }, 0);
    return model.acquire(id, { reserves, min: 1, max: 1 });
  },
  demand: ({ model, real, id, client, n }) => {
    if (client.build.waiters > 0 || client.kind !== 'exact') return undefined;
    const demand = { reserves: false, min: n + 1, max: 2 * n + 1 };
    real.ledger.acquire({ client, ...demand, since: 0, order: 0 }, 0);
    return model.acquire(id, demand);
  },
  cancel: ({ model, real, id, client }) => {
    const [oldest] = client.waiters;
    if (oldest === undefined) return [];
    assert.ok(real.ledger.cancel(oldest));
    assert.equal(real.ledger.cancel(oldest), false);
    return model.cancel(id);
  },
  take: ({ model, real, id, client }) => {
    assert.equal(real.ledger.take(client), model.take(id));
    return [];
  },
  charge: ({ model, real, id, client }) => {
    if (client.kind !== 'implicit') return undefined;
    real.ledger.charge(client);
    return model.charge(id);
  },
  release: ({ model, real, id, client, n }) => {
    const { released, granted } = model.release(id, n);
    assert.equal(real.ledger.release(client, n), released);
    return granted;
  },
  lend: ({ model, real, id, client }) => {
    const { lent, granted } = model.lend(id);
    assert.equal(real.ledger.lend(client), lent);
    return granted;
  },
  offer: ({ model, real, id, client, n }) => {
    if (client.kind !== 'offers' || n > model.available(id) || model.waiting() > 0) return undefined;
    real.ledger.offer(client, n);
    model.offer(id, n);
    return [];
  },
  accept: ({ model, real, id, client }) => {
    if (client.offered === 0) return undefined;
    real.ledger.count(client, client.offered - 1);
    model.count(id, client.offered);
    return [];
  },
  count: ({ model, real, id, client, n }) => {
    if (client.kind !== 'offers' || n > client.held + client.offered) return undefined;
    real.ledger.count(client, n);
    model.count(id, n);
    return [];
  },
  withdraw: ({ model, real, id, client, n }) => {
    if (n > client.offered) return undefined;
    real.ledger.withdraw(client, n);
    return model.withdraw(id, n);
  },
  forget: ({ model, real, id, client }) => {
    real.ledger.forget(client);
    real.clients.delete(id);
    return model.forget(id);
  },
  setCapacity: ({ model, real, n }) => {
    model.capacity = 1 + 2 * n;
    real.ledger.setCapacity(model.capacity);
    return model.grant();
  },
  setLimit: ({ model, real, n }) => {
    model.bearable = n === 3 ? Number.POSITIVE_INFINITY : 2 * n;
    real.ledger.setLimit(model.bearable);
    return model.grant();
  },
  setCap: ({ model, real, n }) => {
    model.caps[n % 2] = 1 + n;
    real.ledger.setCap(real.caps[n % 2] as Cap, 1 + n);
    return model.grant();
  },
  setClientMax: ({ model, real, n }) => {
    model.clientMax = n === 0 ? Number.POSITIVE_INFINITY : n;
    real.ledger.setPolicy({ ...real.ledger.policy, clientMax: model.clientMax });
    return model.grant();
  },
  setBuild: ({ model, real, client, id, n }) => {
    const build = model.builds.get(model.clients.get(id)?.build as number) as ModelBuild;
    model.freeRoom(model.clients.get(id)?.build as number);
    build.weight = WEIGHTS[n] as number;
    build.class = CLASSES[n] as ModelBuild['class'];
    build.caps = n > 1 ? [n % 2] : [];
    real.ledger.setBuild(client.build, { ...build, caps: real.capsOf(build.caps) });
    return model.grant();
  },
};

/** One of `acts` on one of the clients there are. */
class OnClient implements Command {
  readonly #act: string;
  readonly #pick: number;
  readonly #n: number;
  constructor(act: string, pick: number, n: number) {
    this.#act = act;
    this.#pick = pick;
    this.#n = n;
  }
  check = (model: Readonly<Model>) => model.clients.size > 0;
  run(model: Model, real: Real): void {
    const id = [...model.clients.keys()][this.#pick % model.clients.size] as number;
    assert.deepEqual(real.granted(), []);
    const client = real.clients.get(id) as Client;
    const expected = (acts[this.#act] as Act)({ model, real, id, client, n: this.#n });
    if (expected === undefined) return;
    assert.deepEqual(real.granted(), expected, 'granted in the order of the model');
    real.ledger.audit();
    assert.equal(real.ledger.free, model.free());
    assert.equal(real.ledger.waiting, model.waiting());
    assert.ok(real.ledger.free <= real.ledger.capacity, 'nobody makes the pool larger');
    for (const [number, { held, offered, waiters }] of real.clients) {
      const of = model.clients.get(number);
      assert.deepEqual([held, offered, waiters.size], [of?.held, of?.offered, of?.waiters.length]);
    }
  }
  toString = () => `${this.#act}(${this.#pick}, ${this.#n})`;
}

const kind = fc.constantFrom<ClientKind>('exact', 'exact', 'exact', 'implicit', 'offers');
const build = fc.record({
  user: fc.nat(1),
  weight: fc.constantFrom(...WEIGHTS),
  class: fc.constantFrom(...CLASSES),
  caps: fc.constantFrom([], [], [0], [0, 1]),
});
const opening = fc.tuple(fc.nat(4), kind, build).map(([number, of, terms]) => new Open(number, of, terms));
const acting = (act: string) =>
  fc.tuple(fc.nat(30), fc.integer({ min: 0, max: 3 })).map(([pick, n]) => new OnClient(act, pick, n));
const often = ['acquire', 'acquire', 'release', 'take'].map(acting);
const commands = [opening, opening, opening, ...often, ...Object.keys(acts).map(acting)];

test('the ledger grants what the naive model grants, to the same clients, in the same order', () => {
  const caps = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      caps,
      fc.commands(commands, { size: '+2' }),
      (capacity, limits, list) => {
        fc.modelRun(() => ({ model: new Model(capacity, [...limits]), real: new Real(capacity, limits) }), list);
      },
    ),
    { numRuns: Number(process.env.STINT_ROUNDS ?? 1000) },
  );
});

test('a build that has nothing goes before every build that has something', () => {
  const { ledger, granted } = ledgerOf(2);
  const rich = ledger.openClient(ledger.openBuild(), 'exact');
  const poor = ledger.openClient(ledger.openBuild(), 'exact');
  for (let i = 0; i < 3; i++) ledger.acquire(waiterOf(rich), i);
  ledger.acquire(waiterOf(poor), 9);
  granted.length = 0;
  ledger.release(rich, 1);
  assert.deepEqual(granted, [poor]);
});

test('what came into hands is counted, not what was only offered', () => {
  const { ledger } = ledgerOf(4);
  const build = ledger.openBuild();
  const client = ledger.openClient(build, 'offers');
  for (let i = 0; i < 9; i++) {
    ledger.offer(client, 3);
    ledger.withdraw(client, 3);
  }
  assert.equal(build.granted, 0);
  ledger.offer(client, 3);
  for (const untaken of [1, 3, 2]) ledger.count(client, untaken);
  assert.equal(build.granted, 3, 'one was put back and taken again');
  ledger.take(ledger.openClient(build, 'exact'));
  ledger.charge(ledger.openClient(build, 'implicit'));
  ledger.restore(ledger.openClient(build, 'exact'), 2, 0);
  assert.equal(build.granted, 5);
});

test('a client cannot return more than it took', () => {
  const { ledger } = ledgerOf(2);
  const client = ledger.openClient(ledger.openBuild(), 'exact');
  ledger.acquire(waiterOf(client), 0);
  assert.equal(ledger.release(client, 5), 1);
  assert.equal(ledger.free, 2);
});

test('a client lends the slot of its own job once, and takes it back with the next', () => {
  const { ledger } = ledgerOf(2);
  const build = ledger.openBuild();
  ledger.charge(ledger.openClient(build, 'implicit'));
  const client = ledger.openClient(build, 'exact');
  assert.deepEqual([ledger.lend(client), ledger.lend(client)], [true, false]);
  assert.deepEqual([client.held, ledger.free], [-1, 2]);
  assert.ok(ledger.take(client));
  assert.deepEqual([client.held, ledger.free], [0, 1]);
});

test('a build lends no more than it has: when that comes back, the loan has ended', () => {
  const { ledger } = ledgerOf(2);
  const build = ledger.openBuild();
  const [holder, lender] = [ledger.openClient(build, 'exact'), ledger.openClient(build, 'exact')];
  assert.equal(ledger.lend(lender), false);
  ledger.take(holder);
  assert.equal(ledger.lend(lender), true);
  ledger.release(holder, 1);
  assert.deepEqual([lender.held, ledger.free], [0, 2]);
});

test('a job that runs already is charged though nothing is free, and paid by the next that comes back', () => {
  const { ledger, granted } = ledgerOf(1);
  const client = ledger.openClient(ledger.openBuild(), 'exact');
  ledger.take(client);
  ledger.charge(ledger.openClient(ledger.openBuild(), 'implicit'));
  assert.equal(ledger.free, -1);
  ledger.acquire(waiterOf(client), 0);
  ledger.release(client, 1);
  assert.deepEqual([granted.length, ledger.free], [0, 0]);
});

test('what is set aside for a client is not held before the client takes it', () => {
  const { ledger } = ledgerOf(1);
  const client = ledger.openClient(ledger.openBuild(), 'exact');
  ledger.acquire({ client, reserves: true, since: 0, order: 0 }, 0);
  assert.deepEqual([client.held, client.offered, ledger.free], [0, 1, 0]);
  ledger.count(client, 0);
  assert.deepEqual([client.held, client.offered, ledger.free], [1, 0, 0]);
});

test('a smaller pool calls nothing back and grants nothing until enough has returned', () => {
  const { ledger, granted } = ledgerOf(3);
  const client = ledger.openClient(ledger.openBuild(), 'exact');
  for (let i = 0; i < 4; i++) ledger.acquire(waiterOf(client), i);
  granted.length = 0;
  ledger.setCapacity(1);
  assert.equal(ledger.free, -2);
  ledger.release(client, 2);
  assert.equal(granted.length, 0);
  ledger.release(client, 1);
  assert.equal(granted.length, 1);
});

test('a closed build returns everything and waits for nothing', () => {
  const { ledger } = ledgerOf(2);
  const build = ledger.openBuild();
  const client = ledger.openClient(build, 'exact');
  for (let i = 0; i < 5; i++) ledger.acquire(waiterOf(client), i);
  ledger.closeBuild(build);
  assert.equal(ledger.free, 2);
  assert.equal(ledger.waiting, 0);
  assert.equal(ledger.builds.size, 0);
});

for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`a pool of ${capacity} slots is refused`, () => {
    assert.throws(() => new Ledger(capacity, () => {}), RangeError);
    assert.throws(() => new Ledger(1, () => {}).setCapacity(capacity), RangeError);
  });
}
