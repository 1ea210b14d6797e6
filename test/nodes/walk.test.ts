// A crowd of processes at the file node, at random: they open, inherit, read, write, poll, are interrupted, close and die, in
// passes of one request or several; some answers find nobody, some callers are looked up late. The test knows only what the
// processes saw, and holds the accounts against that. STINT_SEED repeats a run, STINT_STEPS makes it longer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Build, Client } from '../../src/core/types.ts';
import { RESERVED_FOR } from '../../src/nodes/file.ts';
import { seeded } from '../helpers/random.ts';
import { handleOf, O_NONBLOCK, type Person, Stage } from './fuse/stage.ts';

const STEPS = Number(process.env.STINT_STEPS ?? 20_000);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);

/** A process, as it sees itself. */
interface Process {
  readonly person: Person;
  /** The job that it runs without a token, when that is charged. */
  readonly implicit: Client | undefined;
  readonly files: Set<bigint>;
  /** Tokens it took, less those that it or somebody at its files returned; -1: it returned one that it never took. */
  held: number;
  /** It has ended, and the engine has not heard of it yet. */
  ended: boolean;
}

interface Read {
  readonly process: Process;
  readonly fh: bigint;
  /** Whether it waits to be looked up. */
  parked: boolean;
}

class Crowd {
  readonly stage = new Stage(4);
  readonly #random: (n: number) => number;
  readonly #builds: Build[] = [];
  readonly #processes: Process[] = [];
  /** Reads and writes without an answer, of callers that still want one. */
  readonly #reads = new Map<bigint, Read>();
  /** Who sleeps in a poll: it was told that there is nothing, and was not rung since. */
  readonly #asleep = new Map<bigint, Set<Process>>();
  /** Who has polled an open file: it need not ask again after a vain read. */
  readonly #polled = new Map<bigint, Set<Process>>();
  /** Who has read or written at an open file, in order of the first time. */
  readonly #users = new Map<bigint, Set<Process>>();
  #rung = 0;
  /** Whether there is less to do than slots: then few wait. */
  #calm = false;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** One thing that happens. */
  act(): void {
    const what = this.#random(100);
    if (this.#random(300) === 0) this.#calm = !this.#calm;
    if (what < 4) this.#begin();
    else if (what < 6) this.stage.pass([0.5, 1, 5, 20][this.#random(4)] as number);
    else if (what < 7) this.stage.late = this.#random(3) === 0;
    else if (what < 9) this.#lookUp();
    else if (what < 10) this.#resize();
    else if (what < 12) this.#hear(this.#one(this.#processes.filter(({ ended }) => ended)));
    else this.#actAs(this.#actor(what > 70), what);
    this.#absorb();
  }

  /** Several things that come in one pass of the engine. */
  pass(): void {
    this.stage.together(() => {
      for (let count = 1 + this.#random(6); count > 0; count--) this.act();
    });
    this.#absorb();
  }

  /** What the processes saw is what the accounts say, and nobody waits for what is free. */
  check(): void {
    const { ledger, file, now } = this.stage;
    for (const { person, held } of this.#processes) assert.equal(person.client.held, held);
    const blocked = [...this.#reads.values()].filter(({ parked }) => !parked).length;
    const asleep = [...this.#asleep.values()].reduce((sum, { size }) => sum + size, 0);
    assert.ok(ledger.free <= 0 || blocked === 0, `${blocked} reads wait and ${ledger.free} slots are free`);
    assert.ok(ledger.free <= 0 || asleep === 0, `${asleep} pollers sleep and ${ledger.free} slots are free`);
    assert.ok(ledger.free <= ledger.capacity, 'the pool has not grown');
    const offered = this.#processes.some(({ person }) => person.client.offered > 0);
    assert.equal(offered, file.nextLook() <= now + RESERVED_FOR, 'what is set aside passes on');
    assert.equal(file.opens, this.#users.size);
  }

  /** Everybody ends, and everything is back. */
  end(): void {
    this.#lookUp();
    for (const process of [...this.#processes]) {
      if (!process.ended) this.#die(process);
      this.#hear(process);
    }
    const { ledger, session, file } = this.stage;
    assert.deepEqual([ledger.free, ledger.waiting, session.parked, file.opens], [ledger.capacity, 0, 0, 0]);
    assert.equal(file.nextLook(), Number.POSITIVE_INFINITY);
  }

  #actAs(process: Process | undefined, what: number): void {
    const fh = process && this.#one([...process.files]);
    if (process === undefined) return;
    if (what < 16 && process.files.size < 3) this.#open(process);
    else if (what < 17) this.#die(process);
    else if (what < 20) this.#fork(process);
    else if (what < 24) this.#interrupt(process);
    else if (fh === undefined) return;
    else if (what < 26) this.#close(process, fh);
    else if (what < 45) this.#read(process, fh, !this.#calm);
    else if (what < (this.#calm ? 45 : 60)) this.#read(process, fh, false);
    else if (what < 78) this.#poll(process, fh);
    else this.#write(process, fh);
  }

  /** Somebody who lives, and preferably has something to return. */
  #actor(holds: boolean): Process | undefined {
    const alive = this.#processes.filter(({ ended }) => !ended);
    const holders = holds && this.#random(4) > 0 ? alive.filter(({ held, files }) => held > 0 && files.size > 0) : [];
    return this.#one(holders) ?? this.#one(alive);
  }

  #begin(parent?: Process): void {
    if (this.#processes.length >= 14) return;
    const fresh = this.#builds.length < 4 ? this.stage.ledger.openBuild() : undefined;
    if (fresh !== undefined) this.#builds.push(fresh);
    const build = parent?.person.build ?? fresh ?? (this.#one(this.#builds) as Build);
    const person = this.stage.person(build, 1 + this.#random(3));
    const implicit = this.#random(10) === 0 ? this.stage.ledger.openClient(build, 'implicit') : undefined;
    if (implicit !== undefined) this.stage.ledger.charge(implicit);
    this.#processes.push({ person, implicit, files: new Set(parent?.files), held: 0, ended: false });
  }

  #fork(parent: Process): void {
    this.#begin(parent);
  }

  #open(process: Process): void {
    if (this.#random(20) === 0) this.stage.unheard.add(this.stage.next);
    const unique = this.stage.send('OPEN', this.stage.as(process.person).header, { flags: 2 });
    // Whoever is not known yet waits; that is for session.test.ts.
    if (this.stage.end(unique) === undefined && !this.stage.unheard.has(unique)) this.stage.interrupt(unique);
    if (this.stage.end(unique) !== 'ok') return;
    const fh = this.stage.body('fuse_open_out', unique).fh as bigint;
    assert.ok(!this.#users.has(fh), 'a handle has one open file');
    process.files.add(fh);
    for (const known of [this.#users, this.#asleep, this.#polled]) known.set(fh, new Set());
  }

  /** Closes one descriptor; the kernel tells when it was the last, and nothing is under way there. */
  #close(process: Process, fh: bigint): void {
    for (const read of this.#reads.values()) if (read.process === process && read.fh === fh) return;
    this.#absorb();
    process.files.delete(fh);
    this.#asleep.get(fh)?.delete(process);
    for (const other of this.#processes) if (other.files.has(fh)) return;
    for (const known of [this.#users, this.#asleep, this.#polled]) known.delete(fh);
    this.stage.release(fh);
  }

  /** The kernel ends what the process waits for, then closes its files; its pidfd is heard of later, or before. */
  #die(process: Process): void {
    for (const [unique, read] of this.#reads) if (read.process === process) this.stage.interrupt(unique);
    this.#absorb();
    process.ended = true;
    for (const sleepers of this.#asleep.values()) sleepers.delete(process);
    const late = this.#random(2) === 0;
    if (!late) this.#hear(process);
    for (const fh of [...process.files]) this.#close(process, fh);
  }

  #hear(process: Process | undefined): void {
    if (process === undefined) return;
    this.#processes.splice(this.#processes.indexOf(process), 1);
    for (const users of this.#users.values()) users.delete(process);
    this.stage.die(process.person);
    if (process.implicit !== undefined) this.stage.ledger.forget(process.implicit);
    this.stage.engine();
  }

  #lookUp(): void {
    for (const read of this.#reads.values()) {
      if (read.parked) this.#users.get(read.fh)?.add(read.process);
      read.parked = false;
    }
    this.stage.lookUp();
    this.#absorb();
  }

  #resize(): void {
    this.stage.ledger.setCapacity(1 + this.#random(8));
    this.stage.engine();
  }

  #interrupt(process: Process): void {
    const mine = [...this.#reads].filter(([, read]) => read.process === process).map(([unique]) => unique);
    const unique = this.#one(mine) ?? BigInt(2 * this.#random(1e6));
    if (this.#reads.has(unique) || this.stage.end(unique) !== undefined) this.stage.interrupt(unique);
    if (mine.includes(unique)) assert.ok(this.stage.end(unique) === 'EINTR', 'an interrupted read ends at once');
  }

  #read(process: Process, fh: bigint, blocks: boolean): void {
    const { stage } = this;
    const lost = this.#random(25) === 0;
    if (lost) stage.unheard.add(stage.next);
    const parked = stage.session.parked;
    const thread = this.#random(process.person.tids.length);
    const unique = stage.read(process.person, fh, { flags: blocks ? 2 : 2 | O_NONBLOCK, thread });
    const waits = stage.session.parked > parked;
    if (!waits) this.#users.get(fh)?.add(process);
    if (lost && waits) stage.interrupt(unique); // who gives up so early is not looked up
    if (!lost) this.#reads.set(unique, { process, fh, parked: waits });
    if (stage.end(unique) === 'EAGAIN' && this.#polled.get(fh)?.has(process)) this.#asleep.get(fh)?.add(process);
  }

  #poll(process: Process, fh: bigint): void {
    const notify = this.#random(6) > 0;
    const thread = this.#random(process.person.tids.length);
    const unique = this.stage.poll(process.person, fh, { notify, thread });
    if (this.stage.end(unique) === undefined) {
      this.stage.interrupt(unique);
      return;
    }
    if (notify) this.#polled.get(fh)?.add(process);
    const readable = this.stage.readable(unique);
    assert.equal(readable, process.person.client.offered > 0 || this.stage.ledger.free > 0);
    if (readable) {
      this.#asleep.get(fh)?.delete(process);
      if (this.#random(3) > 0) this.#read(process, fh, !this.#calm && this.#random(4) === 0);
    } else if (notify) this.#asleep.get(fh)?.add(process);
  }

  #write(process: Process, fh: bigint): void {
    const { stage } = this;
    const others = [...(this.#users.get(fh) ?? [])].filter((other) => other !== process);
    const quiet = stage.ledger.waiting === 0 && stage.file.nextLook() === Number.POSITIVE_INFINITY;
    const more = quiet && this.#random(4) === 0 ? this.#random(4) : 0;
    const count = Math.max(0, process.held === 0 ? 0 : 1 + this.#random(process.held)) + more;
    if (count === 0) return;
    const { surplus } = stage.file;
    const unique = stage.write(process.person, fh, count);
    if (stage.end(unique) === undefined) {
      stage.interrupt(unique); // nothing was returned
      return;
    }
    assert.equal(stage.body('fuse_write_out', unique).size, count);
    this.#users.get(fh)?.add(process);
    let left = count;
    for (const account of [process, ...others]) {
      const returned = Math.max(0, Math.min(left, account.held));
      account.held -= returned;
      left -= returned;
    }
    const uncounted = left - (stage.file.surplus - surplus);
    assert.ok(uncounted === 0 || (uncounted === 1 && process.held === 0), 'what nobody took is lent or surplus');
    process.held -= uncounted;
  }

  /** What the processes learn of what happened. */
  #absorb(): void {
    const lent = new Set(this.#processes.filter(({ held }) => held < 0));
    for (const [unique, read] of this.#reads) {
      const end = this.stage.end(unique);
      if (end === undefined) continue;
      this.#reads.delete(unique);
      if (end === 'ok') read.process.held++;
      else assert.ok(end === 'EINTR' || end === 'EAGAIN', end);
    }
    // A loan ends when its build has nothing else left; ledger.test.ts says when exactly.
    for (const process of lent) if (process.person.client.held === process.held + 1) process.held++;
    for (const kh of this.stage.rung.slice(this.#rung)) {
      const fh = [...this.#asleep.keys()].find((open) => handleOf(open) === kh);
      assert.ok(fh !== undefined, 'who is rung has the node open');
      this.#asleep.get(fh)?.clear();
    }
    this.#rung = this.stage.rung.length;
  }

  #one<T>(of: readonly T[]): T | undefined {
    return of[this.#random(Math.max(1, of.length))];
  }
}

test(`after ${STEPS} random steps every slot is where the processes think, seed ${SEED}`, (t) => {
  t.diagnostic(`seed ${SEED}`);
  const crowd = new Crowd(SEED);
  for (let step = 0; step < STEPS; step++) {
    try {
      if (step % 4 === 0) crowd.pass();
      else crowd.act();
      crowd.check();
    } catch (error) {
      throw new Error(`at step ${step} of seed ${SEED}`, { cause: error });
    }
  }
  crowd.end();
});
