// The loop that keeps the pool within what the machine can bear: looks at it, has `core/limits` judge, and tells the engine. It
// runs while there are builds; without any it has neither a timer nor a trigger.
import { type GroupLimit, type Limit, Limiter, type LimitsConfig, pressureMax, type Verdict } from '../core/limits.ts';
import { Memory } from '../core/memory.ts';
import type { Snapshot } from '../engine/messages.ts';
import { Triggers } from '../kernel/pressure.ts';
import { type BoundsEngine, Groups, type Room } from './groups.ts';
import type { LearnedFile } from './learned.ts';
import { Sampler } from './sampler.ts';

/** Between two looks, milliseconds. */
const PERIOD = 1000;
/** The same while no build uses a slot or waits for one. */
const IDLE_PERIOD = 5000;
/** A trigger has us look no sooner than this after the last look. */
const AGAIN = 200;
/** What was learned is written no more often, as long as builds are there. */
const WRITE = 60_000;

/** What it needs of the engine. */
interface Engine extends BoundsEngine {
  snapshot(): Promise<Snapshot>;
  setLimit(limit: number): void;
}

export interface WatchOptions {
  engine: Engine;
  /** Slots in the pool. */
  capacity: number;
  limits: LimitsConfig;
  /** What earlier daemons learned; undefined: it is not kept. */
  learned: LearnedFile | undefined;
  /** Whether builds can appear that nobody announces. */
  system: boolean;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #memory: Memory;
  readonly #groups: Groups;
  readonly #sampler: Sampler;
  readonly #limiter: Limiter;
  readonly #builds = new Set<number>();
  #capacity: number;
  #verdict: Verdict;
  /** What the engine was told last. */
  #told = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #triggers: Triggers | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #writtenAt = 0;
  /** Whether a look waits for the engine's figures, and whether another is wanted after it. */
  #looking = false;
  #again = false;
  #stopped = false;

  constructor(options: WatchOptions) {
    const { capacity, limits, learned } = options;
    this.#options = options;
    this.#capacity = capacity;
    this.#verdict = { limit: capacity, limits: [] };
    this.#limiter = new Limiter(limits);
    this.#memory = new Memory(limits.memoryPerJob, learned?.read());
    this.#groups = new Groups(options.engine, this.#memory);
    this.#sampler = new Sampler(this.#memory, this.#groups);
    this.#rest();
  }

  /** What allows fewer slots than the pool has, smallest first; then what does so for the builds of a control group. */
  get limits(): (Limit | GroupLimit)[] {
    return [...this.#verdict.limits, ...this.#groups.limits];
  }

  /** The most memory that a build was seen to have, bytes; undefined: nothing was seen yet. */
  peakOf(id: number): number | undefined {
    return this.#sampler.peakOf(id);
  }

  /** A build is about to ask for its first slot, with `pid` for its root: what it may have where it runs. */
  came(id: number, label: string, pid: number): Room {
    const first = this.#add(id, label, pid);
    if (first) this.#lookAfter(PERIOD);
    return this.#sampler.room(id, { config: this.#limiter.config, now: performance.now() });
  }

  /** A build that nobody has announced is there, and has slots already. */
  appeared(id: number, label: string): void {
    this.#add(id, label);
    if (!this.#stopped) void this.#look();
  }

  /** A build that was announced has its first slot; its command is not running yet. */
  started(): void {
    if (!this.#stopped) void this.#look();
  }

  ended(id: number): void {
    if (!this.#builds.delete(id)) return;
    this.#sampler.ended(id);
    if (this.#builds.size > 0 || this.#stopped) return;
    this.#rest();
  }

  setCapacity(capacity: number): void {
    this.#capacity = capacity;
    this.#judge(undefined);
  }

  setLimits(limits: LimitsConfig): void {
    this.#limiter.config = limits;
    this.#memory.perJob = limits.memoryPerJob;
    if (this.#builds.size > 0) this.#arm();
    this.#judge(undefined);
  }

  stop(): void {
    this.#stopped = true;
    this.#sleep();
    this.#memory.close();
    this.#write();
  }

  /** Whether it is the first one. */
  #add(id: number, label: string, pid?: number): boolean {
    if (this.#stopped) return false;
    const first = this.#builds.size === 0;
    this.#builds.add(id);
    this.#sampler.came(id, label, pid);
    if (first) this.#arm();
    this.#judge(undefined);
    return first;
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    this.#sampler.count(this.#limiter.config);
    const snapshot = await this.#options.engine.snapshot();
    this.#looking = false;
    if (this.#stopped || this.#builds.size === 0) return;
    this.#judge(snapshot);
    const busy = snapshot.builds.some(({ implicit, held, waiting }) => implicit + held > 0 || waiting > 0);
    this.#lookAfter(this.#again ? 0 : busy ? PERIOD : IDLE_PERIOD);
    this.#again = false;
    if (performance.now() - this.#writtenAt > WRITE) this.#write();
  }

  #lookAfter(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), pause);
  }

  #judge(snapshot: Snapshot | undefined): void {
    const now = performance.now();
    if (snapshot !== undefined) this.#lookedAt = now;
    if (this.#builds.size === 0) this.#rest();
    else {
      const readings = this.#sampler.look(this.#capacity, snapshot, { config: this.#limiter.config, now });
      this.#tell(this.#limiter.judge(readings, now));
    }
  }

  /** Nobody is there. */
  #rest(): void {
    this.#sleep();
    this.#write();
    this.#groups.limits = [];
    // What appears by itself has slots before it can be looked at.
    const { system } = this.#options;
    const { config } = this.#limiter;
    const unlimited = { limit: this.#capacity, limits: [] };
    this.#tell(system ? new Limiter(config).judge(this.#sampler.idle(this.#capacity), 0) : unlimited);
  }

  #tell(verdict: Verdict): void {
    this.#verdict = verdict;
    const limit = verdict.limit < this.#capacity ? verdict.limit : Number.POSITIVE_INFINITY;
    if (limit === this.#told) return;
    this.#told = limit;
    this.#options.engine.setLimit(limit);
  }

  /** Has the kernel wake us when something is over its threshold. */
  #arm(): void {
    this.#triggers?.close();
    const most = Object.entries(pressureMax(this.#limiter.config));
    const set = Object.fromEntries(most.filter(([, percent]) => percent > 0));
    this.#triggers = openTriggers(set, () => {
      const pause = this.#lookedAt + AGAIN - performance.now();
      if (!this.#stopped && this.#builds.size > 0) this.#lookAfter(Math.max(0, pause));
    });
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#triggers?.close();
    this.#triggers = undefined;
  }

  #write(): void {
    if (!this.#memory.changed) return;
    this.#memory.changed = false;
    this.#writtenAt = performance.now();
    this.#options.learned?.write(this.#memory.learned);
  }
}

/** Undefined: there are no descriptors left for them, and no build has to wait for that: what they tell is seen a moment later without them. */
function openTriggers(most: Readonly<Record<string, number>>, pulled: () => void): Triggers | undefined {
  try {
    return new Triggers(most, pulled);
  } catch {
    return undefined;
  }
}
