// Jobs that a test holds up and lets go: each waits for a gate, a file, and is traced, so that a test sees what runs now.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTrace, type Trace } from '../../demo/trace.ts';
import { openWorkshop } from '../clients/rounds.ts';
import type { Result, SpawnOptions } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

interface Ends {
  after(done: () => void): void;
}

export class Site {
  readonly folder: string;
  readonly trace: string;
  readonly #log: string;
  readonly #job: string;

  constructor(t: Ends) {
    const { folder, trace } = openWorkshop(t);
    this.folder = folder;
    this.trace = trace;
    this.#log = join(folder, 'log');
    this.#job = join(folder, 'job');
    writeFileSync(this.#job, '#!/bin/sh\nuntil [ -e "$1" ]; do sleep 0.02; done\n');
    chmodSync(this.#job, 0o755);
  }

  /** The command of a job that waits until `open(gate)`. */
  job(gate: string): string {
    return `${this.trace} ${this.#job} ${join(this.folder, gate)}`;
  }

  /** Lets the jobs at these gates go. */
  open(...gates: string[]): void {
    for (const gate of gates) writeFileSync(join(this.folder, gate), '');
  }

  /** A folder with a Makefile; `rules` are made out of what may stand in it, tabs and all. */
  makefile(name: string, rules: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'Makefile'), rules);
    return folder;
  }

  /** How to start the build `name`, in its folder if it has one. */
  options(name: string, env: Record<string, string> = {}): SpawnOptions {
    const folder = join(this.folder, name);
    const cwd = existsSync(folder) ? folder : this.folder;
    return { cwd, env: { ...env, STINT_DEMO_LOG: this.#log, STINT_DEMO_BUILD: name }, deadline: 120_000 };
  }

  /** What was traced so far. */
  traced(): Trace {
    return readTrace(this.#lines().join('\n'));
  }

  /** Jobs that run now, of one build or of all. */
  running(build?: string): number {
    const own = this.#lines().filter((line) => build === undefined || line.endsWith(` ${build}`));
    return own.reduce((sum, line) => sum + (line.startsWith('+') ? 1 : -1), 0);
  }

  /** Jobs that have begun. */
  begun(build: string): number {
    return this.#lines().filter((line) => line.startsWith('+') && line.endsWith(` ${build}`)).length;
  }

  async untilRunning(count: number, build?: string): Promise<void> {
    await until(`${count} jobs of ${build ?? 'all'} run`, () => this.running(build) === count);
  }

  assertPeak(most: number): void {
    const { all } = this.traced();
    assert.ok(all.peak <= most, `${all.peak} jobs at once, not ${most} at most`);
  }

  #lines(): string[] {
    if (!existsSync(this.#log)) return [];
    return readFileSync(this.#log, 'utf8').split('\n').filter(Boolean);
  }
}

/** Rules for GNU make: `jobs` is a command for each target. */
export function rules(jobs: Record<string, string>, after: string = ''): string {
  return Object.entries(jobs)
    .map(([target, job]) => `${target}: ${after}\n\t@${job}\n`)
    .join('');
}

/** That a command ends with 0. */
export async function well({ ended }: { ended: Promise<Result> }): Promise<void> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, stdout + stderr);
}
