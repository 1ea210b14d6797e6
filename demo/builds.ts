// Starts every project at once, each as a build of the pool, and shows who holds what until the last one has ended.
import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type End, ended, start } from './command.ts';
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

/** @throws the reason of the workshop's signal when the demo was told to stop; all builds have ended by then */
export async function buildAll(projects: Project[], pool: Pool, shop: Workshop): Promise<Outcome> {
  const jobs = join(shop.root, 'log/jobs');
  await writeFile(jobs, '');
  const env = { ...pool.env, STINT_DEMO_LOG: jobs };
  const builds = projects.map((project) => startBuild(project, { ...pool, env }, shop.root));
  const onStop = () => interrupt(builds);
  shop.signal.addEventListener('abort', onStop);
  const view = openView(process.stdout);
  for (;;) {
    const left = builds.filter(({ end }) => end === undefined);
    const trace = readTrace(await readFile(jobs, 'utf8'));
    view.show(await look(builds, trace, pool));
    if (left.length === 0) {
      shop.signal.throwIfAborted();
      return { builds, trace };
    }
    await sleep(glanceEvery);
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

/** Interrupts every build as Ctrl-C would, and kills what has not ended a moment later. */
function interrupt(builds: Build[]): void {
  const send = (signal: NodeJS.Signals) => {
    for (const { child, end } of builds) if (child.pid && !end) process.kill(-child.pid, signal);
  };
  send('SIGINT');
  setTimeout(send, killAfter, 'SIGKILL').unref();
}
