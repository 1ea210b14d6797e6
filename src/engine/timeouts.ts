// How long builds may take: by the clock on the wall, or by the time in which they have slots. When that is over it is told;
// what is then done about it is not the engine's business.
import type { Running } from './builds.ts';
import type { Journal } from './journal/journal.ts';
import type { Past } from './journal/past.ts';
import type { TimeLimit } from './messages.ts';

interface Clock {
  readonly limit: TimeLimit;
  /** Milliseconds that have counted. */
  used: number;
  /** When it was last looked at. */
  at: number;
  /** Whether time counts since then. */
  runs: boolean;
}

/** What is written down under `clock:ID` whenever a clock starts or stops; `at` counts from the start of the machine. */
type ClockFact = Readonly<Clock>;

/** What the engine's clock has to be added to it, to count from the start of the machine. */
const OFFSET = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export class Timeouts {
  readonly #clocks = new Map<Running, Clock>();
  readonly #journal: Journal;
  readonly #over: (running: Running) => void;

  /** `over` is called once for each build whose time is over. */
  constructor(journal: Journal, over: (running: Running) => void) {
    this.#journal = journal;
    this.#over = over;
  }

  /** Builds whose time is limited. */
  get size(): number {
    return this.#clocks.size;
  }

  add(running: Running, limit: TimeLimit, now: number): void {
    this.#set(running, { limit, used: 0, at: now, runs: counts(running, limit) });
  }

  /** Goes on with the clock that another engine has started, if there is one; it has run meanwhile. */
  restore(running: Running, { facts }: Past): void {
    const fact = facts.get(`clock:${running.id}`) as ClockFact | undefined;
    if (fact !== undefined) this.#set(running, { ...fact, at: fact.at - OFFSET });
  }

  forget(running: Running): void {
    if (this.#clocks.delete(running)) this.#journal.drop(`clock:${running.id}`);
  }

  settle(now: number): void {
    for (const [running, clock] of this.#clocks) {
      if (clock.runs) clock.used += now - clock.at;
      clock.at = now;
      const { runs } = clock;
      clock.runs = counts(running, clock.limit);
      if (clock.used >= clock.limit.after) {
        this.forget(running);
        this.#over(running);
      } else if (clock.runs !== runs) this.#set(running, clock);
    }
  }

  nextLook(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { limit, used, at: seen, runs } of this.#clocks.values()) {
      if (runs) at = Math.min(at, seen + limit.after - used);
    }
    return at;
  }

  #set(running: Running, clock: Clock): void {
    this.#clocks.set(running, clock);
    const fact: ClockFact = { ...clock, at: clock.at + OFFSET };
    this.#journal.put(`clock:${running.id}`, fact);
  }
}

const counts = ({ build }: Running, { clock }: TimeLimit): boolean =>
  clock === 'wall' || build.implicit + build.held > 0;
