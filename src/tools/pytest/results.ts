// Pure: the events of a run → what a person, or a program, wants to know of it.
import type { Event, Step } from './events.ts';

export type Outcome = 'passed' | 'failed' | 'error' | 'skipped' | 'flaky';

export interface TestResult {
  id: string;
  outcome: Outcome;
  /** Of its last attempt, and all before it. */
  seconds: number;
  /** Attempts before the last one. */
  reruns: number;
  worker: string | null;
  location: readonly [string, number | null];
  reason: string | null;
}

export interface Results {
  counts: Record<Outcome, number>;
  /** Of pytest; undefined when it told none. */
  status: number | undefined;
  tests: readonly TestResult[];
  /** Files and modules that could not be collected, and why. */
  broken: readonly { id: string; text: string }[];
  /** Coroutines that nothing ran. */
  unawaited: readonly string[];
  /** Fixtures that nobody provides. */
  missing: readonly string[];
  /** Seconds until there were slots, and those after. */
  waited: number;
  seconds: number;
  /** Slots that were held, times the seconds. */
  slotSeconds: number;
  /** How many slots were held from when on, seconds since there were any. */
  slots: readonly { at: number; count: number }[];
}

/** Collects events in the order in which they happened. */
export class Fold {
  readonly #began: number;
  readonly #steps = new Map<string, Step[]>();
  readonly #broken: { id: string; text: string }[] = [];
  readonly #slots: { at: number; count: number }[] = [];
  #status: number | undefined;

  /** @param began seconds since 1970 */
  constructor(began: number) {
    this.#began = began;
  }

  add(event: Event): void {
    switch (event.what) {
      case 'begun':
        this.held(event.at, event.slots);
        break;
      case 'test': {
        const steps = this.#steps.get(event.id);
        if (steps === undefined) this.#steps.set(event.id, [event]);
        else steps.push(event);
        break;
      }
      case 'broken':
        this.#broken.push({ id: event.id, text: event.text });
        break;
      case 'finished':
        this.#status = event.status;
    }
  }

  /** From now on so many slots are held. */
  held(at: number, count: number): void {
    this.#slots.push({ at, count });
  }

  /** @param ended seconds since 1970 */
  results(ended: number): Results {
    const tests = [...this.#steps].map(([id, steps]) => resultOf(id, steps));
    const counts = { passed: 0, failed: 0, error: 0, skipped: 0, flaky: 0 };
    for (const { outcome } of tests) counts[outcome]++;
    const all = [...this.#steps.values()].flat();
    const first = this.#slots[0]?.at ?? ended;
    return {
      counts,
      status: this.#status,
      tests,
      broken: this.#broken,
      unawaited: all.filter(({ unawaited }) => unawaited).map(({ id }) => id),
      missing: [...new Set(all.flatMap(({ missing }) => missing ?? []))].sort(),
      waited: first - this.#began,
      seconds: ended - first,
      slotSeconds: this.#slots.reduce(
        (sum, { at, count }, i) => sum + count * ((this.#slots[i + 1]?.at ?? ended) - at),
        0,
      ),
      slots: this.#slots.map(({ at, count }) => ({ at: at - first, count })),
    };
  }
}

function resultOf(id: string, steps: readonly Step[]): TestResult {
  const reruns = steps.filter(({ outcome }) => outcome === 'rerun').length;
  const last = steps.filter(({ outcome }) => outcome !== 'rerun');
  const bad = last.find(({ outcome }) => outcome === 'failed');
  const shown = bad ?? last.at(-1) ?? (steps.at(-1) as Step);
  return {
    id,
    outcome: outcomeOf(bad, shown, reruns),
    seconds: steps.reduce((sum, { seconds }) => sum + seconds, 0),
    reruns,
    worker: shown.worker,
    location: shown.location,
    reason: shown.reason,
  };
}

function outcomeOf(bad: Step | undefined, last: Step, reruns: number): Outcome {
  if (bad !== undefined) return bad.when === 'call' ? 'failed' : 'error';
  if (last.outcome === 'skipped') return 'skipped';
  return reruns > 0 ? 'flaky' : 'passed';
}
