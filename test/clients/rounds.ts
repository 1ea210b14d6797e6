// One round: new projects of several kinds of real clients, built at once on one pool, and what was traced of their jobs.
// It knows nothing of the pool but how to ask it whether it is idle; how a build is started may be changed.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTrace, type Trace } from '../../demo/trace.ts';
import type { Place, Result } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { buildTracer, type Kind } from './projects.ts';

/** Milliseconds that a round may take on a machine that is busy with other things. */
export const PATIENCE = 180_000;

interface Ends {
  after(done: () => void): void;
}

export interface Workshop {
  /** Where projects are made. */
  folder: string;
  /** The tracer, see demo/trace.c. */
  trace: string;
}

export interface Round {
  kinds: readonly Kind[];
  random: (n: number) => number;
  /** Starts one build; `stint run` when absent. */
  start?: (build: Build) => Promise<Result>;
}

export interface Build {
  kind: Kind;
  args: readonly string[];
  cwd: string;
  env: Record<string, string>;
}

export function openWorkshop(t: Ends): Workshop {
  const folder = temporaryFolder(t);
  return { folder, trace: buildTracer(folder) };
}

/** Builds a new project of each of `kinds` at once, sees to it that the pool is idle afterwards, and returns what was traced. */
export async function buildAll(place: Place, workshop: Workshop, round: Round): Promise<Trace> {
  const { kinds, random, start = (build: Build) => stintRun(place, build) } = round;
  const folder = mkdtempSync(join(workshop.folder, 'round-'));
  const log = join(folder, 'log');
  const projects = kinds.map((kind, i) => {
    const name = `${i}-${kind.name}`;
    const cwd = join(folder, name);
    mkdirSync(cwd, { recursive: true });
    return { name, kind, cwd, project: kind.make({ folder: cwd, trace: workshop.trace, random }) };
  });
  const builds = projects.map(({ name, kind, cwd, project: { args, env } }) =>
    start({ kind, args, cwd, env: { ...env, STINT_DEMO_LOG: log, STINT_DEMO_BUILD: name } }),
  );
  for (const [i, { code, stdout, stderr }] of (await Promise.all(builds)).entries()) {
    assert.equal(code, 0, `${projects[i]?.name}: ${stdout}${stderr}`);
  }
  const traced = readTrace(readFileSync(log, 'utf8'));
  for (const { name, project } of projects) {
    const jobs = traced.builds.get(name)?.jobs ?? 0;
    assert.ok(jobs >= project.jobs, `${name} ran ${jobs} traced jobs, not ${project.jobs}`);
  }
  const { free, capacity } = await place.untilIdle();
  assert.equal(free, capacity);
  return traced;
}

/** The peak of each build and of all together, for messages. */
export function peaks({ all, builds }: Trace): string {
  return `${all.peak} at once; by build: ${[...builds].map(([name, { peak }]) => `${name} ${peak}`).join(', ')}`;
}

/** Builds it under `stint run`, which chooses the style where it need not be told. */
export function stintRun(
  place: Place,
  { kind, args, cwd, env }: Build,
  style: string | undefined = kind.style,
): Promise<Result> {
  const told = style === undefined ? [] : ['--style', style];
  return place.run([...told, '--', ...args], { cwd, env, deadline: PATIENCE });
}
