// The ledger against its naive model, under random commands; and the rules that a reader would look up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ledger } from '../../src/core/ledger.ts';
import type { Build, Client, ClientKind, Waiter } from '../../src/core/types.ts';
import { Model } from './model.ts';

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
  readonly #numbers = new Map<Client, number>();
  readonly #granted: Client[] = [];

  constructor(capacity: number) {
    this.ledger = new Ledger(capacity, (waiter) => this.#granted.push(waiter.client), { audit: true });
  }

  open(id: number, build: number, kind: ClientKind): void {
    const record = (this.builds[build] ??= this.ledger.openBuild());
    const client = this.ledger.openClient(record, kind);
    this.clients.set(id, client);
    this.#numbers.set(client, id);
  }

  /** Who was granted since the last call, in order. */
  granted(): number[] {
    return this.#granted.splice(0).map((client) => this.#numbers.get(client) as number);
  }
}

type Command = fc.Command<Model, Real>;

let nextId = 0;

class Open implements Command {
  readonly #id = nextId++;
  readonly #build: number;
  readonly #implicit: boolean;
  constructor(build: number, implicit: boolean) {
    this.#build = build;
    this.#implicit = implicit;
  }
  check = () => true;
  run(model: Model, real: Real): void {
    model.clients.set(this.#id, { build: this.#build, implicit: this.#implicit, held: 0, waiters: [] });
    real.open(this.#id, this.#build, this.#implicit ? 'implicit' : 'exact');
  }
  toString = () => `open(${this.#id} in build ${this.#build})`;
}

/** A command on one of the clients there are. */
abstract class OnClient implements Command {
  protected readonly pick: number;
  constructor(pick: number) {
    this.pick = pick;
  }
  check = (model: Readonly<Model>) => model.clients.size > 0;
  run(model: Model, real: Real): void {
    const id = [...model.clients.keys()][this.pick % model.clients.size] as number;
    assert.deepEqual(real.granted(), []);
    const expected = this.act(model, real, id);
    assert.deepEqual(real.granted(), expected, 'granted in the order of the model');
    assert.equal(real.ledger.free, model.free());
    for (const [number, client] of real.clients) {
      assert.equal(client.held, model.clients.get(number)?.held);
      assert.equal(client.waiters.size, model.clients.get(number)?.waiters.length);
    }
  }
  abstract act(model: Model, real: Real, id: number): number[];
}

class Acquire extends OnClient {
  override act(model: Model, real: Real, id: number): number[] {
    real.ledger.acquire(waiterOf(real.clients.get(id) as Client), 0);
    return model.acquire(id);
  }
  override toString = () => `acquire(${this.pick})`;
}

class Release extends OnClient {
  readonly #count: number;
  constructor(pick: number, count: number) {
    super(pick);
    this.#count = count;
  }
  override act(model: Model, real: Real, id: number): number[] {
    const { released, granted } = model.release(id, this.#count);
    assert.equal(real.ledger.release(real.clients.get(id) as Client, this.#count), released);
    return granted;
  }
  override toString = () => `release(${this.pick}, ${this.#count})`;
}

class Cancel extends OnClient {
  override act(model: Model, real: Real, id: number): number[] {
    const [oldest] = (real.clients.get(id) as Client).waiters;
    const had = model.clients.get(id)?.waiters.shift() !== undefined;
    assert.equal(oldest === undefined ? false : real.ledger.cancel(oldest), had);
    return [];
  }
  override toString = () => `cancel(${this.pick})`;
}

class Forget extends OnClient {
  override act(model: Model, real: Real, id: number): number[] {
    real.ledger.forget(real.clients.get(id) as Client);
    real.clients.delete(id);
    return model.forget(id);
  }
  override toString = () => `forget(${this.pick})`;
}

class SetCapacity extends OnClient {
  override act(model: Model, real: Real): number[] {
    const capacity = 1 + (this.pick % 9);
    real.ledger.setCapacity(capacity);
    return model.setCapacity(capacity);
  }
  override toString = () => `setCapacity(${1 + (this.pick % 9)})`;
}

const pick = fc.nat(30);
const commands = [
  fc.tuple(fc.nat(4), fc.boolean()).map(([build, implicit]) => new Open(build, implicit)),
  pick.map((n) => new Acquire(n)),
  pick.map((n) => new Acquire(n)),
  fc.tuple(pick, fc.integer({ min: 0, max: 3 })).map(([n, count]) => new Release(n, count)),
  pick.map((n) => new Cancel(n)),
  pick.map((n) => new Forget(n)),
  pick.map((n) => new SetCapacity(n)),
];

test('the ledger grants what the naive model grants, to the same clients, in the same order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.commands(commands, { size: '+2' }), (capacity, list) => {
      fc.modelRun(() => ({ model: new Model(capacity), real: new Real(capacity) }), list);
    }),
    { numRuns: 2000 },
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

test('a client cannot return more than it took', () => {
  const { ledger } = ledgerOf(2);
  const client = ledger.openClient(ledger.openBuild(), 'exact');
  ledger.acquire(waiterOf(client), 0);
  assert.equal(ledger.release(client, 5), 1);
  assert.equal(ledger.free, 2);
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
