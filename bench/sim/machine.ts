// One machine with one pool, and builds that run on it, in virtual time. Every process asks, runs and returns as its style says.
//
// A build asks for its first slot, and starts when it has it. That slot it keeps to its end: it carries the one job that every client of
// the protocol runs without a token, and any of the build's processes may use it. All other slots are asked for and returned one
// by one by the processes.
import { seeded } from '../../test/helpers/random.ts';
import { Clock } from './clock.ts';
import { type Figures, type Group, Meter } from './figures.ts';
import type { MakePool, Pool } from './pool.ts';
import { type BuildSpec, exponential, type Random } from './workload.ts';

/** What passes between a grant and the next request of the same process, at the most, in ms. */
const LATENCY = 0.5;
/** How long a slot is set aside for a poller that lets it pass, in ms. */
const RESERVATION = 20;

export interface Scenario {
  name: string;
  /** In words, for whoever reads the figures. */
  about: string;
  slots: number;
  builds: (random: Random) => BuildSpec[];
}

/** Runs a scenario to its end under one policy. The same seed gives the same builds for every policy. */
export function simulate({ slots, builds }: Scenario, makePool: MakePool, seed: number): Figures {
  return new Machine(slots, builds(seeded(seed)), makePool, seeded(seed + 1)).run();
}

interface Running {
  spec: BuildSpec;
  number: number;
  group: Group;
  processes: Process[];
  /** Client of its first slot. */
  root: number;
  /** Whether a job runs on its first slot. */
  rootBusy: boolean;
  /** The phase that is next. */
  phase: number;
  /** Jobs of this phase that have not ended. */
  left: number;
}

interface Process {
  build: Running;
  client: number;
  /** Lengths of the jobs that are ready. */
  ready: number[];
  /** Requests that are on their way or wait. */
  asked: number;
  /** Jobs that run on slots of its own. */
  jobs: Set<Job>;
}

interface Job {
  length: number;
  /** It runs on the build's first slot. */
  onRoot: boolean;
  /** Its process was killed. */
  lost: boolean;
}

class Machine {
  readonly #clock = new Clock();
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #meter: Meter;
  readonly #slots: number;
  readonly #builds: Running[];
  /** The mean of all. */
  readonly #jobLength: number;
  /** What is done with a slot that a client has got. */
  readonly #onGrant = new Map<number, () => void>();
  /** Granted and not told yet, for a pool is not called from within its own call. */
  #granted: number[] = [];
  #nextClient = 0;
  #unfinished: number;
  /** When the clock will call the pool's `settle`. */
  #look = Number.POSITIVE_INFINITY;

  constructor(slots: number, specs: BuildSpec[], makePool: MakePool, random: Random) {
    this.#slots = slots;
    this.#random = random;
    this.#unfinished = specs.length;
    this.#pool = makePool(slots, (client) => this.#granted.push(client));
    const groups = new Map<string, Group>();
    this.#builds = specs.map((spec, number) => {
      const { group: name, weight, rated } = spec;
      const group = groups.get(name) ?? { name, weight, rated, running: 0, ready: 0, got: 0, upTo: 0 };
      groups.set(name, group);
      return { spec, number, group, processes: [], root: -1, rootBusy: false, phase: 0, left: 0 };
    });
    this.#meter = new Meter(slots, [...groups.values()]);
    const lengths = specs.flatMap(({ phases }) => phases.flat());
    this.#jobLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  }

  run(): Figures {
    for (const build of this.#builds) this.#after(build.spec.at + this.#latency(), () => this.#arrive(build));
    while (this.#unfinished > 0) {
      if (!this.#clock.step()) throw new Error(`sim: ${this.#unfinished} builds wait for ever`);
      this.#tell();
      this.#meter.overcommit = Math.max(this.#meter.overcommit, this.#pool.out - this.#slots);
      this.#lookAgain();
    }
    if (this.#pool.out !== 0) throw new Error(`sim: ${this.#pool.out} slots are out when all builds have ended`);
    return this.#meter.figures(this.#clock.now);
  }

  #arrive(build: Running): void {
    const { spec, number } = build;
    const arrived = this.#clock.now;
    this.#meter.changed(build.group, { ready: spec.phases[0]?.length ?? 0 }, arrived);
    this.#pool.openBuild(number, spec);
    build.root = this.#openClient(build, true, () => {
      if (spec.at > 0) this.#meter.firstWaits.push((this.#clock.now - arrived) / this.#jobLength);
      this.#start(build);
    });
    this.#pool.ask(build.root, false, arrived);
  }

  #start(build: Running): void {
    for (let i = 0; i < build.spec.processes; i++) {
      const process: Process = { build, client: -1, ready: [], asked: 0, jobs: new Set() };
      process.client = this.#openClient(build, false, () => this.#gotSlot(process));
      build.processes.push(process);
      this.#mayDie(process);
    }
    this.#beginPhase(build);
  }

  #beginPhase(build: Running): void {
    const jobs = build.spec.phases[build.phase];
    if (jobs === undefined) {
      this.#end(build);
      return;
    }
    const { processes } = build;
    // The first one counts as ready since the build arrived.
    if (build.phase > 0) this.#meter.changed(build.group, { ready: jobs.length }, this.#clock.now);
    build.phase++;
    build.left = jobs.length;
    for (const [i, length] of jobs.entries()) (processes[i % processes.length] as Process).ready.push(length);
    this.#useRoot(build);
    for (const process of processes) this.#want(process);
  }

  #end(build: Running): void {
    const { now } = this.#clock;
    for (const client of [build.root, ...build.processes.map((process) => process.client)]) this.#forget(client);
    build.processes = [];
    this.#pool.closeBuild(build.number, now);
    this.#unfinished--;
  }

  /** Runs a job on the build's first slot, if there is one. */
  #useRoot(build: Running): void {
    if (build.rootBusy) return;
    const process = build.processes.find(({ ready }) => ready.length > 0);
    if (process === undefined) return;
    build.rootBusy = true;
    this.#runJob(process, true);
  }

  /** Asks for as many slots as the process can use, one request after the other. */
  #want(process: Process): void {
    const { client, build } = process;
    while (process.asked < Math.min(build.spec.asks, process.ready.length)) {
      process.asked++;
      this.#after(this.#latency(), () => {
        if (process.client !== client || !this.#onGrant.has(client)) return;
        if (process.ready.length === 0) process.asked--;
        else this.#pool.ask(client, build.spec.style === 'polls', this.#clock.now);
      });
    }
  }

  #gotSlot(process: Process): void {
    const { client, build } = process;
    const { now } = this.#clock;
    if (build.spec.style === 'polls') {
      if (this.#random(10) === 0) {
        this.#after(RESERVATION, () => {
          if (process.client !== client || !this.#onGrant.has(client)) return;
          this.#pool.pass(client, this.#clock.now);
          process.asked--;
          this.#want(process);
        });
        return;
      }
      this.#pool.take(client, now);
    }
    process.asked--;
    if (process.ready.length === 0) this.#pool.release(client, now);
    else this.#runJob(process, false);
    this.#want(process);
  }

  #runJob(process: Process, onRoot: boolean): void {
    const { group } = process.build;
    this.#meter.changed(group, { running: 1, ready: -1 }, this.#clock.now);
    const job: Job = { length: process.ready.pop() as number, onRoot, lost: false };
    if (!onRoot) process.jobs.add(job);
    this.#after(job.length, () => {
      if (job.lost) return;
      process.jobs.delete(job);
      this.#meter.changed(group, { running: -1 }, this.#clock.now);
      if (job.onRoot) this.#rootIsIdle(process);
      else if (process.build.spec.style === 'hoards' && process.ready.length > 0) this.#runJob(process, false);
      else this.#pool.release(process.client, this.#clock.now);
      if (!this.#jobEnded(process.build)) this.#want(process);
    });
  }

  /** A job has ended on the build's first slot. If none is ready, a job of the same process goes on there, and its slot comes back. */
  #rootIsIdle(process: Process): void {
    const { build, jobs, client } = process;
    build.rootBusy = false;
    this.#useRoot(build);
    const [other] = jobs;
    if (build.rootBusy || other === undefined) return;
    jobs.delete(other);
    other.onRoot = true;
    build.rootBusy = true;
    this.#pool.release(client, this.#clock.now);
  }

  /** True when it was the last one of its phase. */
  #jobEnded(build: Running): boolean {
    build.left--;
    if (build.left > 0) return false;
    this.#beginPhase(build);
    return true;
  }

  #mayDie(process: Process): void {
    const { life } = process.build.spec;
    if (life === Number.POSITIVE_INFINITY) return;
    const { client } = process;
    this.#after(exponential(life, this.#random), () => {
      if (this.#onGrant.has(client)) this.#die(process);
    });
  }

  /** The process is killed, and another one begins with what it had not finished. */
  #die(process: Process): void {
    const { build, jobs } = process;
    for (const job of jobs) {
      job.lost = true;
      process.ready.push(job.length);
    }
    this.#meter.changed(build.group, { running: -jobs.size, ready: jobs.size }, this.#clock.now);
    jobs.clear();
    this.#forget(process.client);
    process.client = this.#openClient(build, false, () => this.#gotSlot(process));
    process.asked = 0;
    this.#mayDie(process);
    this.#useRoot(build);
    this.#want(process);
  }

  #openClient(build: Running, root: boolean, onGrant: () => void): number {
    const client = this.#nextClient++;
    this.#onGrant.set(client, onGrant);
    this.#pool.openClient(client, build.number, root);
    return client;
  }

  #forget(client: number): void {
    this.#onGrant.delete(client);
    this.#pool.forget(client, this.#clock.now);
  }

  #tell(): void {
    while (this.#granted.length > 0) {
      const granted = this.#granted;
      this.#granted = [];
      // Who has died since then has nothing any more.
      for (const client of granted) this.#onGrant.get(client)?.();
    }
  }

  #lookAgain(): void {
    const look = this.#pool.nextLook();
    if (look >= this.#look) return;
    this.#look = look;
    this.#clock.at(look, () => {
      if (this.#look === look) this.#look = Number.POSITIVE_INFINITY;
      this.#pool.settle(this.#clock.now);
    });
  }

  #latency(): number {
    return (this.#random(1_000) / 1_000) * LATENCY;
  }

  #after(ms: number, run: () => void): void {
    this.#clock.at(this.#clock.now + ms, run);
  }
}
