// The offers policy in a world of pretend pipes on a virtual clock: blocked readers take what is laid before them at once,
// as the kernel has it, and the server learns of it only by counting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cap, roomUnder } from '../../src/core/caps.ts';
import { Ledger } from '../../src/core/ledger.ts';
import { type Offer, Offers } from '../../src/core/offers.ts';
import { DEFAULT_POLICY, PATIENCE, type Policy, SET_ASIDE, STRICT_POLICY } from '../../src/core/policy.ts';
import type { Build, Waiter } from '../../src/core/types.ts';

interface PretendPipe {
  readonly build: Build;
  readonly offer: Offer;
  bytes: number;
  /** Readers that wait for a byte. */
  blocked: number;
  /** Bytes in its clients' hands. */
  taken: number;
  touched: boolean;
}

class World {
  readonly ledger: Ledger;
  readonly offers: Offers;
  readonly pipes: PretendPipe[] = [];
  /** Acquires that were granted, but for those of pipes. */
  readonly started: Waiter[] = [];
  now = 0;
  /** Passes of the server, as a measure of its work. */
  passes = 0;

  constructor(capacity: number, policy: Policy = STRICT_POLICY) {
    this.ledger = new Ledger(capacity, (waiter) => this.#deliver(waiter), { audit: true, policy });
    this.offers = new Offers(this.ledger);
  }

  /** `looks`: of a client that does not wait. */
  open(looks = false, caps: readonly Cap[] = [], build = this.ledger.openBuild({ caps })): PretendPipe {
    const offer = this.offers.open(this.ledger.openClient(build, 'offers'), this.now, looks);
    const pipe: PretendPipe = { build, offer, bytes: 0, blocked: 0, taken: 0, touched: false };
    this.pipes.push(pipe);
    this.offers.ask(offer, this.now);
    this.serve();
    return pipe;
  }

  /** A build asks for its first slots. */
  begin(caps: readonly Cap[], min: number): Waiter {
    const client = this.ledger.openClient(this.ledger.openBuild({ caps }), 'implicit');
    const waiter: Waiter = { client, reserves: false, since: this.now, order: 0, min, max: min };
    this.ledger.acquire(waiter, this.now);
    this.serve();
    return waiter;
  }

  close(pipe: PretendPipe): void {
    this.pipes.splice(this.pipes.indexOf(pipe), 1);
    this.offers.close(pipe.offer);
    this.ledger.closeBuild(pipe.build);
    this.serve();
  }

  /** A client wants one slot and blocks until it has it. */
  read(pipe: PretendPipe): void {
    pipe.blocked++;
    this.#kernel(pipe);
    this.serve();
  }

  /** A client returns a slot; `faster`: the server gets at it before blocked readers do. */
  write(pipe: PretendPipe, faster: boolean): void {
    if (pipe.taken === 0) return;
    pipe.taken--;
    pipe.bytes++;
    pipe.touched = true;
    if (faster) this.#withdraw(pipe, this.offers.claim(pipe.offer, this.now), true);
    this.#kernel(pipe);
    this.serve();
  }

  /** The server looks at what was touched and does what the policy says, until nothing moves and nobody takes any more. */
  serve(): void {
    do this.#pass();
    while (this.pipes.some(({ touched }) => touched));
  }

  #pass(): void {
    this.passes++;
    this.ledger.settle(this.now);
    for (const pipe of this.pipes) {
      const { touched } = pipe;
      pipe.touched = false;
      const surplus = this.offers.counted(pipe.offer, pipe.bytes, touched, this.now);
      assert.equal(surplus, 0, 'nobody returns what was not taken here');
    }
    let rounds = 0;
    for (let moved = true; moved; ) {
      moved = false;
      assert.ok(rounds++ < 1000, 'it comes to an end');
      for (const { offer, count } of this.offers.settle(this.now)) {
        this.#lay(this.#pipeOf(offer), count);
        moved = true;
      }
      for (const { offer, count } of this.offers.recalls(this.now)) {
        if (this.#withdraw(this.#pipeOf(offer), count, false)) moved = true;
      }
    }
    for (const pipe of this.pipes) {
      assert.equal(pipe.bytes + pipe.taken, pipe.offer.client.held + pipe.offer.client.offered, 'bytes are conserved');
    }
  }

  /** Lets `ms` pass, with the server woken whenever it asked for it. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const at = Math.min(this.offers.nextLook(this.now), this.ledger.nextLook());
      if (at > end) break;
      this.now = Math.max(at, this.now + 0.01);
      this.serve();
    }
    this.now = end;
  }

  #deliver(waiter: Waiter): void {
    const pipe = this.pipes.find(({ offer }) => offer.waiter === waiter);
    if (pipe === undefined) {
      this.started.push(waiter);
      return;
    }
    this.offers.laid(pipe.offer, this.now);
    this.#lay(pipe, 1);
  }

  #withdraw(pipe: PretendPipe, count: number, claimed: boolean): boolean {
    const got = Math.min(count, pipe.bytes);
    pipe.bytes -= got;
    if (count > 0) assert.equal(this.offers.withdrew(pipe.offer, got, pipe.bytes, claimed, this.now), 0);
    return got > 0;
  }

  #lay(pipe: PretendPipe, count: number): void {
    pipe.bytes += count;
    this.#kernel(pipe);
  }

  /** What the kernel does at once: blocked readers take what lies there. */
  #kernel(pipe: PretendPipe): void {
    const taken = Math.min(pipe.bytes, pipe.blocked);
    if (taken === 0) return;
    pipe.bytes -= taken;
    pipe.blocked -= taken;
    pipe.taken += taken;
    pipe.touched = true;
  }

  #pipeOf(offer: Offer): PretendPipe {
    return this.pipes.find((pipe) => pipe.offer === offer) as PretendPipe;
  }
}

const step = fc.record({
  act: fc.constantFrom('open', 'close', 'read', 'read', 'read', 'write', 'write', 'wait', 'wait', 'capacity'),
  pick: fc.nat(20),
  ms: fc.double({ min: 0, max: 30, noNaN: true }),
});

function perform(world: World, { act, pick, ms }: { act: string; pick: number; ms: number }): void {
  const pipe = world.pipes[pick % Math.max(1, world.pipes.length)];
  if (act === 'open') world.open(pick % 3 === 0);
  else if (act === 'wait') world.pass(ms);
  else if (act === 'capacity') {
    world.ledger.setCapacity(1 + (pick % 6));
    world.serve();
  } else if (pipe !== undefined) {
    if (act === 'close') world.close(pipe);
    else if (act === 'read') world.read(pipe);
    else world.write(pipe, ms > 15);
  }
}

test('bytes are conserved, and whoever waits is served while anything lies unused', () => {
  const capacities = fc.integer({ min: 1, max: 6 });
  const policies = fc.constantFrom(STRICT_POLICY, DEFAULT_POLICY);
  fc.assert(
    fc.property(capacities, policies, fc.array(step, { maxLength: 80, size: 'max' }), (capacity, policy, steps) => {
      const world = new World(capacity, policy);
      for (const one of steps) perform(world, one);
      // After a while in which nobody takes or returns anything more than the server hands out:
      world.pass(3000);
      const unused = world.ledger.free + world.pipes.reduce((sum, { bytes }) => sum + bytes, 0);
      const blocked = world.pipes.reduce((sum, pipe) => sum + pipe.blocked, 0);
      assert.ok(unused <= 0 || blocked === 0, `${unused} slots lie unused while ${blocked} readers wait`);
    }),
    { numRuns: 3000 },
  );
});

test('whoever waits under bounds is served while what would make room for it lies unused', () => {
  const bounds = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 });
  const steps = fc.array(step, { maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), bounds, steps, fc.boolean(), (capacity, limits, all, strict) => {
      const world = new World(capacity, strict ? STRICT_POLICY : DEFAULT_POLICY);
      const caps = limits.map((limit, n) => new Cap(`bound ${n}`, limit));
      for (const one of all) {
        if (one.act === 'open' && one.pick > 15) {
          world.begin(
            caps.filter((_, n) => (one.pick >> n) % 2 === 0),
            1 + Math.floor(one.ms / 20),
          );
        } else if (one.act === 'open') {
          world.open(
            one.pick % 3 === 0,
            caps.filter((_, n) => (one.pick >> n) % 2 === 0),
          );
        } else perform(world, one);
      }
      world.pass(3000);
      const lying = (under: (pipe: PretendPipe) => boolean) =>
        world.pipes.filter(under).reduce((sum, { bytes }) => sum + bytes, 0);
      const blocked = world.pipes.filter((pipe) => pipe.blocked > 0).map(({ build }) => build);
      const begun = [...world.ledger.builds].filter(({ waiting }) => waiting.peek()?.kind === 'implicit');
      for (const build of [...blocked, ...begun.filter(({ demands }) => !demands)]) {
        const short = build.caps.filter((cap) => roomUnder(cap, build) <= 0);
        const lacks = short.find((cap) => {
          const kept = roomUnder(cap, build) < cap.limit - cap.out; // set aside for a demand of several
          return kept || lying((pipe) => pipe.build.caps.includes(cap)) <= cap.out - cap.limit;
        });
        const served = lacks === undefined && world.ledger.free + lying(() => true) > 0;
        assert.ok(!served, 'somebody waits for what lies unused');
      }
    }),
    { numRuns: 3000 },
  );
});

test('under a bound, too, who holds everything hands over what comes back', () => {
  const world = new World(8);
  const cap = new Cap('some', 4);
  const first = world.open(false, [cap]);
  for (let i = 0; i < 4; i++) world.read(first);
  const second = world.open(false, [cap]);
  for (let i = 0; i < 4; i++) world.read(second);
  for (let i = 0; i < 4; i++) world.read(first);
  assert.deepEqual([first.taken, second.taken], [4, 0]);
  world.write(first, true);
  assert.deepEqual([first.taken, second.taken], [3, 1], 'its own readers are not faster');
});

test('what lies unused under a bound gives way to a first slot, and to several at once as soon as there are enough', () => {
  for (const [min, taken] of [
    [1, 2],
    [3, 1],
  ] as const) {
    const world = new World(8);
    const cap = new Cap('some', 4);
    const alone = world.open(false, [cap]);
    for (let i = 0; i < taken + 1; i++) world.read(alone);
    assert.deepEqual([alone.taken, alone.bytes], [taken + 1, 3 - taken]);
    const waiter = world.begin([cap], min);
    world.pass(2);
    assert.deepEqual(world.started, min === 1 ? [waiter] : []);
    world.write(alone, true);
    world.pass(2);
    assert.deepEqual([world.started, alone.taken], [[waiter], taken]);
  }
});

test('what lies in a pipe stays there when somebody under the same bound wants more than may be out', () => {
  const world = new World(1);
  const cap = new Cap('some', 2);
  const idle = world.open(false, [cap]);
  assert.equal(idle.bytes, 1);
  world.begin([cap], 2);
  world.now += 10;
  assert.deepEqual(world.offers.recalls(world.now), []);
  assert.equal(world.offers.contended, false);
});

test('a build that is alone has every slot laid out', () => {
  const world = new World(8);
  assert.equal(world.open().bytes, 8);
  assert.equal(world.offers.contended, false);
});

test('a newcomer that wants slots gets half of them from one that does not', () => {
  const world = new World(8);
  const idle = world.open();
  const busy = world.open();
  for (let i = 0; i < 4; i++) world.read(busy);
  assert.equal(busy.taken, 4);
  assert.ok(idle.bytes >= 1);
});

test('a build that holds everything hands over, slot by slot, what comes back', () => {
  const world = new World(4);
  const first = world.open();
  for (let i = 0; i < 4; i++) world.read(first);
  const second = world.open();
  for (let i = 0; i < 4; i++) world.read(second);
  assert.equal(second.taken, 0);
  world.write(first, true);
  assert.equal(second.taken, 1, 'a slot that comes back moves to who has less');
  world.write(first, false);
  world.pass(2);
  assert.equal(second.taken, 2, 'a slot that lies there for a moment moves');
});

test('what lies in a pipe beyond a lowered limit or cap is taken out, and what comes back beyond it does not lie there again', () => {
  for (const bound of ['limit', 'cap'] as const) {
    const world = new World(8);
    const alone = world.open();
    for (let i = 0; i < 4; i++) world.read(alone);
    assert.deepEqual([alone.taken, alone.bytes], [4, 4]);
    if (bound === 'limit') world.ledger.setLimit(2);
    else {
      const cap = new Cap('some', 2);
      world.ledger.setBuild(alone.build, { caps: [cap] });
    }
    world.serve(); // as the engine does after each message
    world.pass(2);
    assert.deepEqual([alone.taken, alone.bytes], [4, 0], bound);
    for (let i = 0; i < 2; i++) world.write(alone, true);
    assert.deepEqual([alone.taken, alone.bytes], [2, 0]);
    assert.equal(world.offers.contended, false, 'it need not be watched any more');
    world.write(alone, true);
    assert.deepEqual([alone.taken, alone.bytes], [1, 1]);
  }
});

test('a slot lies longer for a client that only looks now and then, as long as its build has no more than who waits', () => {
  for (const looks of [true, false]) {
    const world = new World(2);
    const busy = world.open();
    for (let i = 0; i < 2; i++) world.read(busy);
    const seldom = world.open(looks);
    world.write(busy, true);
    assert.equal(seldom.bytes, 1);
    world.read(busy);
    world.pass(20);
    assert.deepEqual([seldom.bytes, busy.taken], looks ? [1, 1] : [0, 2]);
    world.pass(20);
    assert.deepEqual([seldom.bytes, busy.taken], [0, 2], 'not for ever');
  }
});

test('what a newcomer is given beyond the limit is not taken out again at once for somebody who would not get it', () => {
  const world = new World(8, DEFAULT_POLICY);
  const hoarder = world.ledger.openClient(world.ledger.openBuild(), 'exact');
  while (world.ledger.take(hoarder));
  world.ledger.acquire({ client: hoarder, reserves: false, since: 0, order: 0 }, 0);
  const newcomer = world.open();
  assert.deepEqual([newcomer.bytes, world.ledger.free], [1, -1]);
  world.pass(2000);
  assert.ok(world.passes < 1000, `${world.passes} passes in 2 s`);
  world.read(newcomer);
  world.pass(200);
  assert.equal(newcomer.taken, 1);
});

for (const looks of [true, false]) {
  test(`what a newcomer is given beyond the limit lies there until it looks, whatever others want who have more; looks: ${looks}`, () => {
    const world = new World(8, { ...DEFAULT_POLICY, newcomerOvercommit: 0.125 });
    const hoarder = world.ledger.openClient(world.ledger.openBuild(), 'exact');
    while (world.ledger.take(hoarder));
    world.ledger.acquire({ client: hoarder, reserves: false, since: 0, order: 0 }, 0);
    const newcomer = world.open(looks);
    world.read(newcomer);
    world.pass(PATIENCE);
    assert.deepEqual([newcomer.taken, newcomer.bytes], [1, 1]);
    world.passes = 0;
    world.pass(10_000);
    assert.equal(newcomer.bytes, 1);
    assert.ok(world.passes < 100, `${world.passes} passes in 10 s`);
    // It returns one and looks, as ninja does when a job ends.
    world.write(newcomer, true);
    assert.deepEqual([newcomer.taken, newcomer.bytes], [0, 2]);
    for (let i = 0; i < 2; i++) world.read(newcomer);
    assert.deepEqual([newcomer.taken, world.ledger.free], [2, -2]);
    // Who has nothing has a better right.
    world.write(newcomer, false);
    assert.equal(newcomer.bytes, 1);
    const later = world.open();
    world.read(later);
    world.pass(2 * PATIENCE);
    assert.deepEqual([newcomer.taken, newcomer.bytes, later.taken], [1, 0, 1]);
    // The machine can bear less: what is not used comes back.
    world.write(newcomer, false);
    world.pass(1000);
    assert.equal(newcomer.bytes, 1);
    world.ledger.setLimit(7);
    world.pass(10);
    assert.equal(newcomer.bytes, 0);
  });
}
test('a slot is not taken out at once for somebody who would not get it because it comes back to the same build', () => {
  const world = new World(2);
  const { ledger } = world;
  const [first, second] = [ledger.openBuild(), ledger.openBuild()];
  const [own, other] = [ledger.openClient(first, 'implicit'), ledger.openClient(second, 'implicit')];
  ledger.charge(own);
  ledger.charge(other);
  ledger.acquire({ client: ledger.openClient(second, 'exact'), reserves: false, since: 0, order: 0 }, 0);
  const pipes = [world.open(false, [], first), world.open(false, [], first)];
  ledger.release(own, 1);
  world.serve();
  world.pass(0.2);
  assert.equal(pipes.filter(({ bytes }) => bytes === 1).length, 1);
});

test('nor for somebody whom a bound keeps out of the queue', () => {
  const world = new World(4);
  const { ledger } = world;
  const cap = new Cap('both', 2);
  const kept = ledger.openBuild({ caps: [cap] });
  ledger.charge(ledger.openClient(kept, 'implicit'));
  const pipe = world.open(false, [cap]);
  ledger.acquire({ client: ledger.openClient(kept, 'exact'), reserves: false, since: 0, order: 0 }, 0);
  world.serve();
  world.pass(0.2);
  assert.equal(pipe.bytes, 1);
});

test('nor for a demand that gives way, which leaves the slot to others', () => {
  const world = new World(2);
  const { ledger } = world;
  const cap = new Cap('both', 2);
  const holder = ledger.openClient(ledger.openBuild(), 'exact');
  ledger.take(holder);
  const client = ledger.openClient(ledger.openBuild({ caps: [cap] }), 'implicit');
  ledger.acquire({ client, reserves: false, since: 0, order: 0, min: 2, max: 2 }, 0);
  const pipe = world.open(false, [cap]);
  world.pass(SET_ASIDE + 1);
  assert.equal(pipe.bytes, 1);
});

test('idle builds cost ever less: fewer than 60 passes a second with 64 of them', () => {
  const world = new World(4);
  for (let i = 0; i < 64; i++) world.open();
  world.pass(2000);
  world.passes = 0;
  world.pass(5000);
  assert.ok(world.passes < 300, `${world.passes} passes in 5 s`);
});

test('one that wakes among idle ones is found within the time of one round', () => {
  const world = new World(2);
  const pipes = Array.from({ length: 8 }, () => world.open());
  world.pass(500);
  const hungry = pipes.find(({ bytes }) => bytes === 0) as PretendPipe;
  const from = world.now;
  world.read(hungry);
  while (hungry.taken === 0) world.pass(1);
  assert.ok(world.now - from <= 8 * 20, `${world.now - from} ms`);
});
