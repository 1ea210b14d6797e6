// One run of the engine on a simulated machine. A list of moves says what happens and when: between two system calls of the engine,
// while it waits, or after some time. Whatever the list is, the engine's figures must be what the processes have, nobody may wait
// for ever, and at the end everything must be back: memory of what was must not stay either. The engine process may be killed between
// any two system calls, also while it takes over from another one: then the next one goes on, and all of that is still true.
import assert from 'node:assert/strict';
import type { EngineOptions, Snapshot } from '../../../src/engine/messages.ts';
import type { Client, Thread } from './client.ts';
import { Crowd } from './crowd.ts';
import { run } from './engine.ts';
import { Machine, type Open, type Others, setMachine } from './machine.ts';
import { BOUND_USER, MainThread } from './main-thread.ts';
import { type Move, Moves, needsEngine } from './moves.ts';
import { Truth } from './truth.ts';

export interface Setting {
  system: boolean;
  capacity: number;
  /** Whether anything may be given beyond the limit. */
  generous: boolean;
  /** Slots that one of the two users may have, or 0: any number. */
  most: number;
  /** Events that an inotify keeps. */
  events: number;
  /** Whether the kernel can ask again what an engine that was killed has not answered. */
  resend: boolean;
  /** What becomes of all that the first engine process that is killed has left; then the figures need not be true any more. */
  damage?: (kept: ReadonlyMap<string, Open>) => void;
  moves: readonly Move[];
}

/** How long nothing may move for somebody who waits while something is free, milliseconds; slots are set aside for minutes. */
const PATIENCE = 1_000_000;
/** After so long it is looked whether anything is free. */
const SOON = 200;
/** Times that the engine looks again by itself, in a whole run. */
const MOST_PASSES = 50_000;
/** What the kernel can do: FUSE_INIT_EXT, and beyond that FUSE_HAS_RESEND. */
const KERNEL = { major: 7, minor: 45, flags: 1 << 30, _flags2: 1 << 7 };
/** What is kept of an engine when there are no builds. */
const OWN_KEYS = /^(facts|(counters|tray):\d+)$/;

/** Plays `setting`. @throws Error when something is not as it must be */
export function simulate(setting: Setting): void {
  const { now } = performance;
  const simulation = new Simulation(setting);
  performance.now = () => simulation.machine.now;
  setMachine(simulation.machine);
  try {
    simulation.play();
  } finally {
    performance.now = now;
    setMachine(undefined);
  }
}

class Simulation implements Others {
  readonly machine: Machine;
  readonly #setting: Setting;
  readonly #main: MainThread;
  readonly #crowd: Crowd;
  readonly #moves: Moves;
  readonly #truth: Truth;
  #at = 0;
  #calls = 0;
  /** When the last move was made. */
  #last: number;
  /** Nobody else may act: somebody does already; or figures are being compared. */
  #still = true;
  #comparing = false;
  #ending: 'return' | 'kill' | 'over' = 'return';
  /** When something last moved, at the end. */
  #movedAt = Number.NEGATIVE_INFINITY;
  /** The mount answers. */
  #shown = false;
  /** Whether, for all that is known, nothing is free for those who wait. */
  #scarce = true;
  /** Nothing has been damaged yet, and something is to be. */
  #intact: boolean;
  /** How often time has passed. */
  #passes = 0;
  #failure: unknown;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.machine = new Machine(setting);
    this.machine.others = this;
    this.#last = this.machine.now;
    this.#intact = setting.damage !== undefined;
    const { system, resend, capacity, generous, most } = setting;
    const settings = { capacity, generous, most, limit: Number.POSITIVE_INFINITY, cap: Number.POSITIVE_INFINITY };
    this.#main = new MainThread(this.machine, settings);
    this.#crowd = new Crowd(this.machine, (client) => !this.#main.mayBeLeased(client));
    this.#main.crowd = this.#crowd;
    const parts = { machine: this.machine, crowd: this.#crowd, main: this.#main };
    this.#moves = new Moves(parts, system);
    this.#truth = new Truth(parts, system);
    this.machine.device.guesses = !resend;
  }

  play(): void {
    const { system } = this.#setting;
    if (system) this.machine.device.ask('INIT', { header: {}, body: KERNEL, answered: () => this.#shows() });
    this.#still = false;
    while (this.#serve()) this.#restart();
    if (this.#failure !== undefined) throw this.#failure;
    assert.equal(this.#ending, 'over', 'the engine ran to the end');
    assert.equal(this.machine.descriptors, system ? 2 : 1, 'every descriptor is closed');
    for (const key of this.machine.kept.keys()) assert.match(key, OWN_KEYS, 'nothing is kept for nobody');
  }

  /** Runs an engine; true when another one is to go on. */
  #serve(): boolean {
    try {
      return run(this.#options(), this.#main, this.machine);
    } catch (error) {
      if (!this.machine.dead) throw error;
      return this.#failure === undefined;
    }
  }

  #options(): EngineOptions {
    const { system, resend } = this.#setting;
    const clients = [{ program: 'splitter', node: 'split' as const }];
    const device = system ? this.machine.open({ kind: 'device', waits: false }) : -1;
    const mount = { device, mount: '/mount', mode: 0o666, gid: 0, clients, descriptors: 1000, resend };
    const { policy, rules, settings } = this.#main;
    const { capacity } = settings;
    return { capacity, fifoPrefix: 'fifo-', audit: true, policy, rules, ...(system && { system: mount }) };
  }

  #shows(): void {
    this.machine.moved();
    this.#shown = true;
    this.#main.tell({ type: 'show' });
  }

  #damage(): void {
    this.#intact = false;
    this.#setting.damage?.(this.machine.kept);
    this.#moves.rude = true;
    this.#main.trusts = false;
    this.#crowd.trusts = false;
    this.machine.device.guesses = true;
  }

  /** What clients do until the next engine begins. */
  #restart(): void {
    this.#main.die();
    this.machine.end();
    if (this.#intact && this.machine.kept.has('facts')) this.#damage();
    for (;;) {
      const move = this.#setting.moves[this.#at];
      if (move === undefined || move.after > 0 || move.gap > 0 || needsEngine(move)) break;
      this.#perform(move);
    }
    this.#calls = 0;
    this.#main.restart();
  }

  act(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#still || this.#comparing) return;
    const move = this.#setting.moves[this.#at];
    if (move === undefined || move.after > 0 || ++this.#calls <= move.gap) return;
    this.#perform(move);
  }

  idle(until: number): void {
    this.#guarded(() => this.#idle(until));
  }

  #idle(until: number): void {
    const { machine } = this;
    const due = Math.min(until, this.#main.settle());
    if (this.#comparing || !machine.device.empty) return;
    const move = this.#setting.moves[this.#at];
    if (move?.early && move.after === 0) {
      this.#perform(move);
      return;
    }
    if (this.#crowd.run(move?.n ?? 0)) return;
    if (this.#main.busy) {
      this.#main.run(move?.n ?? 0);
      return;
    }
    if (this.#moves.checks) {
      this.#moves.checks = false;
      this.#compare(() => {});
    } else if (move === undefined) this.#finish(due);
    else if (this.#last + move.after > machine.now) this.#pass(Math.min(due, this.#last + move.after));
    else this.#perform(move);
  }

  #pass(to: number): void {
    if (to <= this.machine.now) return;
    assert.ok(
      ++this.#passes < MOST_PASSES,
      `the engine looks again and again: now for the next ${to - this.machine.now} ms`,
    );
    this.machine.now = to;
    this.machine.moved();
  }

  #perform(move: Move): void {
    this.#guarded(() => {
      this.#at++;
      this.#calls = 0;
      this.#last = this.machine.now;
      this.machine.moved();
      // Where the kernel asks nothing again, a mount whose first request was read and not answered is lost.
      const lost = move.act === 'crash' && !this.#shown && !this.#setting.resend;
      if (!lost) this.#moves.make(move);
    });
  }

  /** Nobody else acts meanwhile; and what fails here is not lost where the engine expects errors. */
  #guarded(what: () => void): void {
    const still = this.#still;
    this.#still = true;
    try {
      what();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    } finally {
      this.#still = still;
    }
  }

  /** Asks the engine for its figures; until they are there nobody else acts. */
  #compare(then: (snapshot: Snapshot) => void): void {
    this.#comparing = true;
    this.#main.snapshot((snapshot) => {
      this.#comparing = false;
      this.#guarded(() => {
        if (!this.#moves.rude && !this.#main.unsure) this.#truth.check(snapshot);
        then(snapshot);
      });
    });
  }

  // The end: what can be returned is, whoever waits gets something; then all are killed, and nothing is left.

  #finish(due: number): void {
    if (this.#movedAt === Number.NEGATIVE_INFINITY) this.#movedAt = this.machine.now;
    if (this.#ending === 'return') this.#giveAllBack(due);
    else if (this.#ending === 'kill') this.#leaveNothing(due);
    else assert.fail('the engine does not stop');
  }

  #giveAllBack(due: number): void {
    let moved = false;
    for (const client of this.#crowd.living)
      if (this.#moves.giveBack(client, client.threads.at(-1) as Thread, 100)) moved = true;
    if (moved) {
      this.#movedAt = this.machine.now;
      this.machine.moved();
      return;
    }
    const waiting = this.#crowd.living.filter(({ threads }) => threads.some(({ wait }) => wait !== undefined));
    if (waiting.length === 0 || !this.#main.trusts) this.#killAll();
    else if (due < this.#movedAt + (this.#scarce ? SOON : PATIENCE)) this.#pass(due);
    else this.#compare((snapshot) => this.#breakUp(waiting, snapshot));
  }

  /** Jobs that need no token may use all that there is; then one of them has to end. Nobody else may wait for ever. */
  #breakUp(waiting: readonly Client[], { limit, builds }: Snapshot): void {
    const { settings, bound } = this.#main;
    const jobs = jobsOf(builds);
    const ofUser = jobsOf(builds.filter(({ facts }) => facts.uid === BOUND_USER));
    const full = settings.most > 0 && ofUser >= settings.most;
    const under = builds.filter(({ id }) => bound.has(id));
    const capped = jobsOf(under) >= settings.cap;
    const entitled = waiting.filter(
      (client) =>
        client.threads.some((thread) => this.#truth.isPoolsOwn(thread)) &&
        !(full && client.uid === BOUND_USER) &&
        !(capped && this.#truth.mayBeIn(client, under)),
    );
    if (this.#scarce && jobs < limit && entitled.length > 0) {
      this.#scarce = false;
      return;
    }
    const who = entitled.map(({ pid, program }) => `${program} ${pid}`).join(', ');
    assert.ok(
      who === '' || jobs >= limit,
      `${who} waits for ever, and ${limit - jobs} of ${limit} slots are used by nobody`,
    );
    this.#crowd.kill(this.#crowd.living.find((client) => !waiting.includes(client)) ?? (waiting[0] as Client));
    this.#scarce = true;
    this.#movedAt = this.machine.now;
  }

  #killAll(): void {
    this.#ending = 'kill';
    this.#movedAt = this.machine.now;
    for (const client of this.#crowd.living) this.#crowd.kill(client);
    this.machine.moved();
  }

  #leaveNothing(due: number): void {
    this.#compare(({ builds }) => {
      if (builds.length > 0 && due < this.#movedAt + PATIENCE) {
        this.#pass(due);
        return;
      }
      assert.deepEqual(builds, [], 'no build is left');
      assert.equal(this.machine.device.unanswered, 0, 'every request is answered');
      assert.equal(this.machine.descriptors, this.#setting.system ? 8 : 6, 'what clients needed is closed');
      this.#ending = 'over';
      this.#main.tell({ type: 'stop' });
    });
  }
}

const jobsOf = (builds: Snapshot['builds']): number =>
  builds.reduce((sum, { implicit, held }) => sum + implicit + held, 0);
