// What jobs need of memory: learned for each program and label from what their builds had at most, per slot. Pure: what
// builds have now, and the time in milliseconds, are arguments; it reads nothing and stores nothing.
import type { Forecast } from './limits.ts';

/** What was learned of one kind of build. */
export interface Learned {
  program: string;
  label: string;
  /** Memory that one slot needs, bytes. */
  bytes: number;
}

/** A build as it was found now. */
export interface BuildMemory {
  id: number;
  /** Undefined when its processes are not known. */
  program: string | undefined;
  label: string;
  /** Slots in use. */
  slots: number;
  /** Slots it waits for. */
  waiting: number;
  /** Memory of all its processes, bytes. */
  bytes: number;
  /** The same, each process at its largest. */
  peak: number;
  /** Processes that are there for a short time only. */
  young: number;
}

/** A build while it is there. */
interface Run {
  program: string | undefined;
  label: string;
  /** Most that one slot had since `since`, bytes; 0: nothing was seen yet. */
  peak: number;
  since: number;
  /** When it was seen first and last. */
  first: number;
  last: number;
  /** Slots at the last look, and how many of these it did not have at the one before. */
  slots: number;
  gained: number;
}

/** So many kinds of builds are remembered; those not seen for the longest time are forgotten. */
export const MAX_LEARNED = 1000;
/** Builds whose labels begin with so many characters that are the same are one kind: so what is remembered is bounded. */
export const MAX_NAME = 256;
/** What a build that goes on for long had at most before that does not count for what it needs now, milliseconds. */
const WINDOW = 600_000;
/** The guess counts like so many kinds of builds. */
const GUESSES = 4;
/** After so long a build of a new kind has shown what it needs, milliseconds. */
const SETTLED = 120_000;
/** What stands for the name of whoever is not known. */
const UNKNOWN = 'an unknown program';
/** How far a smaller need moves what was learned; a larger one is believed at once. */
const DOWN = 0.2;

export class Memory {
  /** What a job is expected to need of which nothing is known, bytes. */
  perJob: number;
  /** Changes that were not stored yet. */
  changed = false;
  /** Least recently learned first. */
  readonly #learned = new Map<string, Learned>();
  readonly #runs = new Map<number, Run>();

  constructor(perJob: number, learned: Iterable<Learned> = []) {
    this.perJob = perJob;
    for (const one of learned) this.#keep(one);
  }

  /** All that was learned, least recently learned first. */
  get learned(): Learned[] {
    return [...this.#learned.values()];
  }

  /** Takes in what builds have now. */
  observe(builds: readonly BuildMemory[], now: number): void {
    for (const { id, program, label, slots, peak } of builds) {
      const known = this.#runs.get(id);
      const run = known ?? {
        program,
        label: nameOf(label),
        peak: 0,
        since: now,
        first: now,
        last: now,
        slots: 0,
        gained: 0,
      };
      this.#runs.set(id, run);
      if (program !== undefined) run.program = program;
      run.last = now;
      run.gained = Math.max(0, slots - run.slots);
      run.slots = slots;
      if (now - run.since >= WINDOW) {
        this.#learn(run);
        run.peak = 0;
        run.since = now;
      }
      // At first it may not have become yet what it is to be.
      if (slots > 0 && known !== undefined) run.peak = Math.max(run.peak, peak / slots);
    }
  }

  /** A build is over: what it needed is learned. */
  ended(id: number): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    this.#runs.delete(id);
    this.#learn(run);
  }

  /**
   * No build is looked at any more. What one needed that is cut short here is learned where it says something: it needed more than
   * was known, or it was there for long.
   */
  close(): void {
    for (const run of this.#runs.values()) {
      const settled = run.last - run.first >= SETTLED;
      if (settled || run.peak > this.expected(run.label, run.program)) this.#learn(run);
    }
    this.#runs.clear();
  }

  /** What one job is expected to need, bytes. */
  expected(ofLabel: string, program?: string): number {
    const label = nameOf(ofLabel);
    const exact = program === undefined ? undefined : this.#learned.get(key(program, label));
    if (exact !== undefined) return exact.bytes;
    let byLabel = 0;
    let byProgram = 0;
    for (const one of this.#learned.values()) {
      if (one.label === label) byLabel = Math.max(byLabel, one.bytes);
      if (one.program === program) byProgram = Math.max(byProgram, one.bytes);
    }
    return byLabel || byProgram || this.unknown;
  }

  /** What a job is expected to need of which nothing is known: as much as three of four kinds of builds do. */
  get unknown(): number {
    const guesses = Array<number>(GUESSES).fill(this.perJob);
    const all = [...guesses, ...this.learned.map(({ bytes }) => bytes)].sort((a, b) => a - b);
    return all[Math.floor(0.75 * (all.length - 1))] as number;
  }

  /** What is to be reckoned with while nobody knows who comes next. */
  worst(available: number): Forecast {
    const unknown = { bytes: this.unknown, label: UNKNOWN };
    const { bytes, label } = this.learned.reduce((most, one) => (one.bytes > most.bytes ? one : most), unknown);
    return { used: 0, available, pending: 0, next: bytes, who: label };
  }

  /** What builds will do, as they were found when so many bytes were available. */
  forecast(builds: readonly BuildMemory[], available: number): Forecast {
    const waits = builds.some(({ waiting }) => waiting > 0);
    let used = 0;
    let pending = 0;
    let next = 0;
    let who = UNKNOWN;
    for (const build of builds) {
      const { slots, waiting, bytes, young, label } = build;
      const { gained } = this.#runs.get(build.id) ?? { gained: slots };
      const need = this.#need(build);
      used += slots;
      // What was given out a moment ago may have no process yet.
      const growing = Math.min(slots, young + gained);
      pending += Math.min(growing * need, Math.max(0, slots * need - bytes));
      if ((waiting > 0 || !waits) && need > next) {
        next = need;
        who = label;
      }
    }
    return { used, available, pending, next: next || this.unknown, who };
  }

  /** What one job of a build that is there is expected to need, bytes. */
  #need({ id, label, program }: BuildMemory): number {
    const run = this.#runs.get(id);
    // A kind of build that is new has shown by now what it needs.
    if (run !== undefined && run.peak > 0 && run.last - run.first >= SETTLED && !this.#knows(label)) return run.peak;
    return Math.max(this.expected(label, program), run?.peak ?? 0);
  }

  #knows(ofLabel: string): boolean {
    const label = nameOf(ofLabel);
    for (const one of this.#learned.values()) if (one.label === label) return true;
    return false;
  }

  #learn({ program = '', label, peak }: Run): void {
    if (peak === 0) return;
    const known = this.#learned.get(key(program, label))?.bytes ?? 0;
    this.#keep({ program, label, bytes: Math.round(peak >= known ? peak : known + DOWN * (peak - known)) });
    this.changed = true;
  }

  #keep(one: Learned): void {
    const name = key(one.program, one.label);
    this.#learned.delete(name);
    this.#learned.set(name, one);
    for (const oldest of this.#learned.keys()) {
      if (this.#learned.size <= MAX_LEARNED) break;
      this.#learned.delete(oldest);
    }
  }
}

const key = (program: string, label: string): string => `${program}\n${label}`;
const nameOf = (label: string): string => (label.length > MAX_NAME ? label.slice(0, MAX_NAME) : label);
