// The log of jobtrace (trace.c): what really ran, and how much of it at once.

/** The jobs of one build, or of all builds together. */
export interface Count {
  /** Processes traced: compilers, linkers, archivers. */
  jobs: number;
  /** The most of them that ran at the same time. */
  peak: number;
  /** Milliseconds that they ran, summed over all of them. */
  busy: number;
  /** When the first of them began, in milliseconds of the monotonic clock; infinite when there was none. */
  firstAt: number;
}

export interface Trace {
  all: Count;
  builds: Map<string, Count>;
}

/** What a build without a job has. */
export const none: Count = { jobs: 0, peak: 0, busy: 0, firstAt: Infinity };

interface Step {
  at: number;
  change: 1 | -1;
  build: string;
}

/**
 * Counts the jobs in a log. A job that begins at the very moment at which another ends comes after it; one without an
 * end (it was killed, or still runs) runs to the end of the log.
 *
 * @throws Error when a line is not one of jobtrace's
 */
export function readTrace(log: string): Trace {
  const steps = log.split('\n').filter(Boolean).map(readStep);
  steps.sort((a, b) => a.at - b.at || a.change - b.change);
  const names = new Set(steps.map((step) => step.build));
  const builds = new Map([...names].map((name) => [name, count(steps.filter((step) => step.build === name))]));
  return { all: count(steps), builds };
}

/** Milliseconds of the clock that jobtrace writes (CLOCK_MONOTONIC). */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function count(steps: Step[]): Count {
  const result = { ...none };
  let running = 0;
  let last = 0;
  for (const { at, change } of steps) {
    result.busy += running * (at - last);
    last = at;
    running += change;
    if (change === 1) result.jobs += 1;
    result.peak = Math.max(result.peak, running);
    result.firstAt = Math.min(result.firstAt, at);
  }
  return result;
}

function readStep(line: string): Step {
  const [sign, at, , build] = line.split(' ');
  if ((sign !== '+' && sign !== '-') || !build) throw new Error(`not a line of jobtrace: ${line}`);
  return { at: Number(at) / 1e6, change: sign === '+' ? 1 : -1, build };
}
