// Builds by real tools whose jobs sleep for random times and are traced, and what can be read from the trace: how long it took,
// how many jobs ran at once, which build had which share of the slots. It knows nothing of who serves the tokens.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seeded } from '../../test/helpers/random.ts';
import { toolPath } from '../../test/helpers/toolchain.ts';

export type Tool = 'make' | 'ninja' | 'ctest';

export interface Build {
  readonly name: string;
  readonly folder: string;
  readonly command: readonly string[];
  /** What its jobs must find in their environment. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Work {
  readonly tools: readonly Tool[];
  /** Jobs of each build. */
  readonly jobs: number;
  readonly seed: number;
}

/** What became of builds that ran at once. */
export interface Course {
  /** From the begin of the first job to the end of the last, milliseconds. */
  readonly makespan: number;
  /** The most jobs that ran at once. */
  readonly peak: number;
  /** Jobs that ran at once on average while every build ran. */
  readonly running: number;
  /** Each build's share of these, 0 to 1, in the order of the builds. */
  readonly shares: readonly number[];
}

/** Writes the builds into `folder`; the same work for the same seed. `trace`: the tracer, see demo/trace.c. */
export function writeBuilds(folder: string, trace: string, { tools, jobs, seed }: Work): Build[] {
  const random = seeded(seed);
  return tools.map((tool, i) => {
    const own = join(folder, `${i}-${tool}`);
    mkdirSync(own, { recursive: true });
    const jobsOf = Array.from({ length: jobs }, () => `${trace} sleep 0.0${10 + random(51)}`);
    const env = { STINT_DEMO_LOG: join(folder, 'log'), STINT_DEMO_BUILD: `${i}-${tool}` };
    return { name: `${i}-${tool}`, folder: own, command: WRITE[tool](own, jobsOf), env };
  });
}

/** What the jobs of these builds have noted. @throws Error when not every job of every build has run */
export function readCourse(folder: string, builds: readonly Build[], { jobs }: Work): Course {
  const all = readJobs(readFileSync(join(folder, 'log'), 'utf8'));
  const own = builds.map(({ name }) => all.filter(({ build }) => build === name));
  for (const [i, { length }] of own.entries())
    if (length !== jobs) throw new Error(`${builds[i]?.name} ran ${length} jobs, not ${jobs}`);
  const begin = Math.max(...own.map(first));
  const end = Math.min(...own.map(last));
  const within = own.map((some) =>
    some.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0),
  );
  const busy = within.reduce((a, b) => a + b);
  return {
    makespan: last(all) - first(all),
    peak: peak(all),
    running: busy / (end - begin),
    shares: within.map((one) => one / busy),
  };
}

const WRITE: Record<Tool, (folder: string, jobs: readonly string[]) => string[]> = {
  make: (folder, jobs) => {
    const rules = jobs.map((job, i) => `j${i}:\n\t@${job}\n`);
    writeFileSync(join(folder, 'Makefile'), `all: ${jobs.map((_, i) => `j${i}`).join(' ')}\n${rules.join('')}`);
    return [toolPath('make44')];
  },
  ninja: (folder, jobs) => {
    const edges = jobs.map((job, i) => `build j${i}: job\n  job = ${job}\n`);
    writeFileSync(join(folder, 'build.ninja'), `rule job\n  command = $job\n${edges.join('')}`);
    return [toolPath('ninja'), '--quiet'];
  },
  ctest: (folder, jobs) => {
    const tests = jobs.map((job, i) => `add_test(t${i} ${job})\n`);
    writeFileSync(join(folder, 'CTestTestfile.cmake'), tests.join(''));
    return [toolPath('ctest'), '--quiet', '-j', '16', '--test-dir', folder];
  },
};

/** Milliseconds. */
interface Job {
  build: string;
  from: number;
  to: number;
}

function readJobs(log: string): Job[] {
  const running = new Map<string, number>();
  const jobs: Job[] = [];
  for (const line of log.split('\n').filter(Boolean)) {
    const [sign, at, pid, build] = line.split(' ') as [string, string, string, string];
    if (sign === '+') running.set(pid, Number(at) / 1e6);
    else jobs.push({ build, from: running.get(pid) ?? Number.NaN, to: Number(at) / 1e6 });
  }
  return jobs;
}

const first = (jobs: readonly Job[]): number => Math.min(...jobs.map(({ from }) => from));
const last = (jobs: readonly Job[]): number => Math.max(...jobs.map(({ to }) => to));

/** One that begins at the very moment at which another ends comes after it. */
function peak(jobs: readonly Job[]): number {
  const steps = jobs.flatMap(({ from, to }) => [
    { at: from, change: 1 },
    { at: to, change: -1 },
  ]);
  steps.sort((a, b) => a.at - b.at || a.change - b.change);
  let [now, most] = [0, 0];
  for (const { change } of steps) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}
