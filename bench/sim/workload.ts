// What is built: how long the jobs of a compiler, a linker, a test or a configure script take, and what a build is made of.

/** Whole numbers from 0 to below n, as `seeded` gives. */
export type Random = (n: number) => number;

export interface BuildSpec {
  /** Its name in the figures; builds of one name are counted as one. */
  group: string;
  user: string;
  weight: number;
  /** When it starts, in ms. */
  at: number;
  /** Whether the fairness index compares it. */
  rated: boolean;
  style: Style;
  /** Processes among which its jobs are dealt. */
  processes: number;
  /** Requests that one process has waiting at once, at the most. */
  asks: number;
  /** Job lengths in ms; a phase begins when every job of the one before has ended. */
  phases: number[][];
  /** A process of it is killed after so many ms in the mean; it is started anew and does what it had not finished. */
  life: number;
}

/**
 * What a process does with a slot when a job ends.
 * `returns`: gives it back and asks anew (make). `hoards`: runs its next job on it, and gives it back when there is none (cargo).
 * `polls`: like returns, but waits by poll(2): what is set aside for it, it lets pass one time in ten.
 */
export type Style = 'returns' | 'hoards' | 'polls';

export function build(spec: Partial<BuildSpec> & Pick<BuildSpec, 'group' | 'phases'>): BuildSpec {
  return {
    user: 'one',
    weight: 1,
    at: 0,
    rated: true,
    style: 'returns',
    processes: 1,
    asks: 1,
    life: Number.POSITIVE_INFINITY,
    ...spec,
  };
}

/** Many jobs of 0.1 to 10 s, most of them below a second. */
export const compile = (count: number, random: Random): number[] =>
  jobs(count, () => Math.min(10_000, Math.max(100, 700 * Math.exp(0.8 * normal(random)))));

/** Few jobs of 4 to 20 s. */
export const link = (count: number, random: Random): number[] => jobs(count, () => 4_000 + random(16_000));

/** Short jobs, a few of them long. */
export const tests = (count: number, random: Random): number[] =>
  jobs(count, () => Math.min(15_000, 20 + exponential(400, random)));

/** One job alone for 2 to 6 s: the build wants no more meanwhile. */
export const configure = (random: Random): number[] => [2_000 + random(4_000)];

/** `count` phases of compile jobs, from `least` to `most` in each: the queue runs empty at the end of each. */
export const waves = (count: number, [least, most]: [number, number], random: Random): number[][] =>
  Array.from({ length: count }, () => compile(least + random(most - least + 1), random));

export function exponential(mean: number, random: Random): number {
  return -mean * Math.log((1 + random(2 ** 30)) / 2 ** 30);
}

function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log((1 + random(2 ** 30)) / 2 ** 30));
  return radius * Math.cos((2 * Math.PI * random(2 ** 30)) / 2 ** 30);
}

const jobs = (count: number, length: () => number): number[] =>
  Array.from({ length: count }, () => Math.round(length()));
