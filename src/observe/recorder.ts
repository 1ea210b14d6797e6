// What has happened in the pool since the daemon started: a timeline of each build that is there, sums for the metrics, and the
// history of those that are over. It is told what the engine books and what builds come and go; it only listens.
import type { History, PastBuild, PastQuery } from './history.ts';
import { Returns } from './returns.ts';
import { type Booking, type TapeMemory, TapeReader } from './tape.ts';
import { Timeline } from './timeline.ts';

/** What is on the tape is read so often at most, milliseconds. */
const PERIOD = 100;
/** Entries of all timelines together: 16 MB. */
const MAX_ENTRIES = 1_000_000;
/** Upper bounds of the histogram of waits, seconds. */
export const WAIT_BOUNDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300] as const;

/** Sums since the daemon started. */
export interface Totals {
  buildsCame: number;
  buildsEnded: number;
  /** Slots that came into the hands of clients. */
  granted: number;
  /** Of builds that are over: slots × seconds, and seconds in which they waited. */
  slotSeconds: number;
  waitedSeconds: number;
  /** Grants by how long they were waited for: up to each bound, and beyond the last. */
  waits: number[];
  /** Seconds that all grants were waited for. */
  waitSum: number;
  /** Bookings that timelines lack: overwritten on the tape before they were read, or more than there is room for. */
  missed: number;
}

export class Recorder {
  readonly totals: Totals = {
    buildsCame: 0,
    buildsEnded: 0,
    granted: 0,
    slotSeconds: 0,
    waitedSeconds: 0,
    waits: Array<number>(WAIT_BOUNDS.length + 1).fill(0),
    waitSum: 0,
    missed: 0,
  };
  /** What came back lately. */
  readonly returns = new Returns();
  readonly #tape: TapeReader;
  readonly #history: History | undefined;
  readonly #timelines = new Map<number, Timeline>();
  #entries = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(tape: TapeMemory, history: History | undefined) {
    this.#tape = new TapeReader(tape);
    this.#history = history;
  }

  /** There is something on the tape. */
  taped(): void {
    this.#timer ??= setTimeout(() => this.read(), PERIOD).unref();
  }

  came(id: number, since: number): void {
    this.totals.buildsCame++;
    if (!this.#timelines.has(id)) this.#timelines.set(id, new Timeline(since));
  }

  /** A build is over; undefined: it was never there. */
  ended(id: number, build: PastBuild | undefined): void {
    this.read();
    const timeline = this.#timelines.get(id);
    this.#timelines.delete(id);
    this.#entries -= timeline?.length ?? 0;
    if (timeline !== undefined) this.totals.buildsEnded++;
    if (build === undefined) return;
    this.totals.slotSeconds += build.slotSeconds;
    this.totals.waitedSeconds += build.waitedSeconds;
    this.#history?.add(build, timeline);
  }

  /** The timeline of a build that is there, up to now. */
  timeline(id: number): Timeline | undefined {
    this.read();
    return this.#timelines.get(id);
  }

  list(query: PastQuery): PastBuild[] {
    return this.#history?.list(query) ?? [];
  }

  find(id: number, ended?: number): ReturnType<History['find']> {
    return this.#history?.find(id, ended);
  }

  /** Reads what is on the tape. */
  read(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const missed = this.#tape.read((booking) => {
      if (booking.held > 0) this.#count(booking);
      else if (booking.held < 0) this.returns.add(booking.time, booking.build, -booking.held);
      this.#note(booking);
    });
    if (missed === 0) return;
    this.totals.missed += missed;
    for (const timeline of this.#timelines.values()) timeline.missed += missed; // nobody knows whose they were
  }

  #count({ held, waited }: Booking): void {
    const { totals } = this;
    totals.granted += held;
    totals.waitSum += waited / 1000;
    const bound = WAIT_BOUNDS.findIndex((seconds) => waited <= seconds * 1000);
    const bucket = bound === -1 ? WAIT_BOUNDS.length : bound;
    totals.waits[bucket] = (totals.waits[bucket] as number) + held;
  }

  #note(booking: Booking): void {
    // The engine books a slot for a build that appears before it tells of it.
    const timeline = this.#timelines.get(booking.build) ?? new Timeline(booking.time);
    this.#timelines.set(booking.build, timeline);
    const before = timeline.length;
    const full = booking.held !== 0 && this.#entries >= MAX_ENTRIES;
    if (full) timeline.missed++;
    if (full || !timeline.add(booking)) this.totals.missed++;
    this.#entries += timeline.length - before;
  }

  close(): void {
    this.read();
    this.#history?.close();
  }
}
