// What is measured while a simulation runs. It is told each change of what runs and what is ready, and adds up time.

export interface Figures {
  /** Virtual ms until the last job has ended. */
  makespan: number;
  /** Busy slots / all slots, while there are jobs for all. */
  utilisation: number;
  /** Jain's index between the rated groups: of slot time / weight, while every one of them has a job ready and waiting. */
  jain: number;
  /** Slots that each rated group had on average in that time. */
  shares: Map<string, number>;
  /** How long that time was, in ms. */
  contended: number;
  /** What each build that started after the first moment waited for its first slot, in job lengths. */
  firstWaits: number[];
  /** Slots out beyond the pool at the worst moment. */
  overcommit: number;
}

export interface Group {
  name: string;
  weight: number;
  rated: boolean;
  running: number;
  ready: number;
  /** Slot time in contended time, in ms. */
  got: number;
  /** Up to which moment of contended time `got` counts. */
  upTo: number;
}

export class Meter {
  readonly firstWaits: number[] = [];
  overcommit = 0;
  readonly #slots: number;
  readonly #groups: readonly Group[];
  readonly #rated: number;
  /** Rated groups that want more than they have. */
  #wanting = 0;
  #now = 0;
  #running = 0;
  #ready = 0;
  #busy = 0;
  #possible = 0;
  /** Contended time so far. */
  #contended = 0;

  constructor(slots: number, groups: readonly Group[]) {
    this.#slots = slots;
    this.#groups = groups;
    this.#rated = groups.filter(({ rated }) => rated).length;
  }

  /** Jobs of a group that run now, and jobs that could, have become more or less. */
  changed(group: Group, more: { running?: number; ready?: number }, now: number): void {
    this.#advance(now);
    group.got += group.running * (this.#contended - group.upTo);
    group.upTo = this.#contended;
    const wanted = group.ready > 0;
    group.running += more.running ?? 0;
    group.ready += more.ready ?? 0;
    this.#running += more.running ?? 0;
    this.#ready += more.ready ?? 0;
    if (group.rated) this.#wanting += Number(group.ready > 0) - Number(wanted);
  }

  figures(now: number): Figures {
    for (const group of this.#groups) this.changed(group, {}, now);
    const rated = this.#groups.filter(({ rated }) => rated);
    const got = rated.map((group) => group.got / group.weight);
    return {
      makespan: now,
      utilisation: this.#busy / this.#possible,
      jain: jain(got),
      shares: new Map(rated.map((group) => [group.name, group.got / this.#contended])),
      contended: this.#contended,
      firstWaits: this.firstWaits,
      overcommit: this.overcommit,
    };
  }

  #advance(now: number): void {
    const passed = now - this.#now;
    this.#now = now;
    if (this.#running + this.#ready >= this.#slots) {
      this.#busy += Math.min(this.#running, this.#slots) * passed;
      this.#possible += this.#slots * passed;
    }
    if (this.#rated > 0 && this.#wanting === this.#rated) this.#contended += passed;
  }
}

/** (Σx)² / (n Σx²): 1 when all are equal, 1/n when one has everything. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return (sum * sum) / (values.length * squares);
}
