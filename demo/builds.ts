// Starts every project at once, each as a build of the pool, and shows who holds what until the last one has ended.
import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type End, ended, kill, start } from './command.ts';
import type { Pool } from './pool.ts';
import type { Project } from './projects.ts';
import { monotonic, readTrace, type Trace } from './trace.ts';
import { openView, type Picture, type Row } from './view.ts';
import type { Workshop } from './workshop.ts';

/** One project being built; times are those of monotonic(). */
export interface Build {
  project: Project;
  child: ChildProcess;
  /** The file that its output goes to. */
  log: string;
  startedAt: number;
  /** When it was first seen with a slot; infinite before. */
  firstSlotAt: number;
  /** Infinite while it runs. */
  endedAt: number;
  end: End | undefined;
}

export interface Outcome {
  builds: Build[];
  trace: Trace;
}

const glanceEvery = 250;
const killAfter = 3000;

/** @throws the reason of the workshop's signal when the demo was told to stop. However it returns, no build runs on. */
export async function buildAll(projects: Project[], pool: Pool, shop: Workshop): Promise<Outcome> {
  const jobs = join(shop.root, 'log/jobs');
  await writeFile(jobs, '');
  shop.signal.throwIfAborted();
  const env = { ...pool.env, STINT_DEMO_LOG: jobs };
  const builds = projects.map((project) => startBuild(project, { ...pool, env }, shop.root));
  try {
    return { builds, trace: await watch(builds, jobs, pool, shop.signal) };
  } finally {
    await interrupt(builds);
  }
}

/** Shows the builds until the last one has ended. */
async function watch(builds: Build[], jobs: string, pool: Pool, signal: AbortSignal): Promise<Trace> {
  const view = openView(process.stdout);
  for (;;) {
    const over = builds.every(({ end }) => end);
    const trace = readTrace(await readFile(jobs, 'utf8'));
    view.show(await look(builds, trace, pool));
    if (over) return trace;
    await sleep(glanceEvery, undefined, { signal });
  }
}

function startBuild(project: Project, pool: Pool, root: string): Build {
  const { name, argv, cwd } = project;
  const log = join(root, 'log', `${name}.log`);
  const startedAt = monotonic();
  const child = start(pool.build(argv), log, { cwd, env: { ...pool.env, ...project.env, STINT_DEMO_BUILD: name } });
  const build: Build = { project, child, log, startedAt, firstSlotAt: Infinity, endedAt: Infinity, end: undefined };
  ended(child).then((end) => {
    build.endedAt = monotonic();
    build.end = end;
  });
  return build;
}

async function look(builds: Build[], trace: Trace, pool: Pool): Promise<Picture> {
  const status = await pool.status();
  const now = monotonic();
  const rows: Row[] = builds.map((build) => {
    const { name, tool } = build.project;
    // `stint run` becomes the command that it runs: the build's root is the child itself.
    const seen = status.builds.find(({ rootPid }) => rootPid === build.child.pid);
    const slots = seen ? seen.implicit + seen.held : 0;
    const jobs = trace.builds.get(name);
    build.firstSlotAt = Math.min(build.firstSlotAt, jobs?.firstAt ?? Infinity, slots > 0 ? now : Infinity);
    return { name, tool, slots, jobs: jobs?.jobs ?? 0, took: build.endedAt - build.startedAt, end: build.end };
  });
  return { at: now - Math.min(...builds.map(({ startedAt }) => startedAt)), status, rows };
}

/** Interrupts every build that still runs, as Ctrl-C would, and kills it when it has not ended a moment later. */
async function interrupt(builds: Build[]): Promise<void> {
  const killAt = monotonic() + killAfter;
  for (let signal: NodeJS.Signals | 0 = 'SIGINT'; ; signal = monotonic() > killAt ? 'SIGKILL' : 0) {
    const running = builds.filter(({ child, end }) => child.pid && !end);
    if (running.length === 0) return;
    for (const { child } of running) kill(-(child.pid ?? 0), signal);
    await sleep(50);
  }
}
