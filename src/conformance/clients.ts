// The clients that are on PATH, each with a small project on the node: does it use the pool, no more than there is, and what is lost
// when it is killed? What each client is known to do stands in docs/clients.md.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { judge, type Verdict } from './judge.ts';
import type { Client, Scene } from './scene.ts';
import { environmentOn, onPath, type Style } from './told.ts';

export interface ClientReport {
  /** `GNU make 4.4.1`. */
  client: string;
  style: Style;
  /** With free slots. */
  verdict: Verdict;
  /** The most jobs that ran at once with free slots, and without one. */
  peak: number;
  peakWithout: number;
  /** Slots that it held when it was killed, and those of them that did not come back. */
  killed: { held: number; lost: number };
}

/** A client that can be run here. */
export interface Kind {
  name: string;
  style: Style;
  /** Writes its project, of JOBS jobs, each of them `job`; the command that builds it. */
  project(folder: string, job: string): string[];
  env?(job: string): Record<string, string>;
}

const JOBS = 6;
/** Slots that a client finds, or all there are. */
const FREE = 3;
/** How long a build may take, milliseconds; much, as the machine may be busy. */
const PATIENCE = 120_000;
/** How long nothing may change until a build is taken to have all that it takes, milliseconds. */
const STEADY = 2_000;
/** How long jobs run where they shall meet, where they shall not, and until they are killed; seconds. */
const TIMES = { meet: 0.6, alone: 0.15, killed: 600 };

/** Those on PATH that know any jobserver. */
export function clientsHere(): Kind[] {
  return [make(), ninja(), cargo()].filter((kind) => kind !== undefined);
}

/** Where builds are made, and what ends them. */
interface Site {
  folder: string;
  signal: AbortSignal;
}

export async function examine(kind: Kind, scene: Scene, site: Site): Promise<ClientReport> {
  const free = Math.min(FREE, scene.slots);
  const holder = await scene.client();
  await holder.take(scene.slots);
  const place = { path: scene.path, slots: scene.slots, ...site };
  const without = new Build(kind, place, TIMES.alone);
  await without.ended;
  await holder.give(free);
  const build = new Build(kind, place, TIMES.meet);
  const code = await build.ended;
  const lost = await missing(holder, free, scene);
  const { peak } = build;
  const taken = without.peak > 1 ? 0 : peak - 1; // whoever runs several jobs without a slot does not look
  const verdict = judge({ code, peak, taken, lost, slots: free });
  const killed =
    verdict === 'ok' ? await kill(new Build(kind, place, TIMES.killed), { holder, free, scene }) : { held: 0, lost: 0 };
  return { client: kind.name, style: kind.style, verdict, peak, peakWithout: without.peak, killed };
}

/** Kills a build as soon as it has as many jobs as it can have, or takes: some look for slots when a job of theirs ends. */
async function kill(
  build: Build,
  { holder, free, scene }: { holder: Client; free: number; scene: Scene },
): Promise<ClientReport['killed']> {
  const deadline = performance.now() + PATIENCE;
  for (let [last, since] = [0, 0]; build.running <= free && performance.now() < deadline; await pause(20)) {
    if (build.running !== last) [last, since] = [build.running, performance.now()];
    if (last > 1 && performance.now() - since > STEADY) break;
  }
  const held = build.running - 1;
  build.kill();
  await build.ended;
  return { held, lost: await missing(holder, free, scene) };
}

/** How many of `count` slots do not come back; then they are there again. */
async function missing(holder: Client, count: number, { reclaim }: Scene): Promise<number> {
  const lost = count - Math.max(0, await holder.take(count, reclaim));
  await holder.give(count);
  holder.held += lost;
  return lost;
}

/** One build: a client with a project in a folder of its own, and a log of its jobs. */
class Build {
  /** Its exit code. */
  readonly ended: Promise<number>;
  readonly #log: string;
  readonly #child: ChildProcess;

  constructor(kind: Kind, { path, slots, folder, signal }: Site & { path: string; slots: number }, seconds: number) {
    const cwd = mkdtempSync(join(folder, 'build-'));
    this.#log = join(cwd, 'log');
    const job = join(cwd, 'job');
    // What is appended at once stands in the log in the order in which it happened.
    const text = `#!/bin/sh\ncase "$*" in *-vV* | *'--crate-name ___'*) exec "$@" ;; esac
echo + >>'${this.#log}'\nsleep ${seconds}\n[ $# = 0 ] || "$@" || exit 1\necho - >>'${this.#log}'\n`;
    writeFileSync(job, text, { mode: 0o755 });
    const [file = '', ...args] = onPath(kind.style, path, kind.project(cwd, job));
    const env = {
      ...process.env,
      CARGO_MAKEFLAGS: undefined,
      ...environmentOn(kind.style, path, slots),
      ...kind.env?.(job),
    };
    this.#child = spawn(file, args, { cwd, env, stdio: 'ignore', detached: true });
    signal.addEventListener('abort', () => this.kill());
    const timer = setTimeout(() => this.kill(), PATIENCE);
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code) => {
        clearTimeout(timer);
        resolve(code ?? -1);
      });
      this.#child.once('error', () => resolve(-1));
    });
  }

  /** Jobs that run. */
  get running(): number {
    return this.#changes().reduce((all, one) => all + one, 0);
  }

  /** The most jobs that ran at once. */
  get peak(): number {
    let [running, peak] = [0, 0];
    for (const change of this.#changes()) peak = Math.max(peak, (running += change));
    return peak;
  }

  /** Kills it with all its jobs. */
  kill(): void {
    if (this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null)
      process.kill(-this.#child.pid, 'SIGKILL');
  }

  #changes(): number[] {
    try {
      const lines = readFileSync(this.#log, 'utf8').split('\n').filter(Boolean);
      return lines.map((line) => (line === '+' ? 1 : -1));
    } catch {
      return []; // no job began yet
    }
  }
}

function make(): Kind | undefined {
  const version = versionOf('make', /^GNU Make (\d+)\.(\d+)\S*/);
  if (version === undefined || version.major < 4) return undefined;
  const style = version.major > 4 || version.minor >= 4 ? 'fifo' : 'fds';
  return {
    name: version.text.replace('Make', 'make'),
    style,
    project(folder, job) {
      const rules = numbers.map((n) => `j${n}:\n\t@${job}\n`).join('');
      writeFileSync(join(folder, 'Makefile'), `all: ${numbers.map((n) => `j${n}`).join(' ')}\n${rules}`);
      return ['make'];
    },
  };
}

function ninja(): Kind | undefined {
  const version = versionOf('ninja', /^(\d+)\.(\d+)\S*/);
  const kitware = version?.text.includes('kitware') ?? false;
  if (version === undefined || !(kitware || version.major > 1 || version.minor >= 13)) return undefined;
  return {
    name: `ninja ${version.text}`,
    style: kitware ? 'fds' : 'fifo',
    project(folder, job) {
      const edges = numbers.map((n) => `build j${n}: job\n`).join('');
      writeFileSync(join(folder, 'build.ninja'), `rule job\n  command = ${job}\n${edges}`);
      return ['ninja'];
    },
  };
}

/** Crates that do not depend on each other; cargo calls the job with the compiler. */
function cargo(): Kind | undefined {
  const version = versionOf('cargo', /^cargo (\d+)\.(\d+)\S*/);
  if (version === undefined) return undefined;
  return {
    name: version.text,
    style: 'fifo',
    project(folder) {
      for (const n of numbers) {
        mkdirSync(join(folder, `c${n}/src`), { recursive: true });
        const head = `[package]\nname = "c${n}"\nversion = "0.1.0"\nedition = "2021"\n`;
        writeFileSync(join(folder, `c${n}/Cargo.toml`), head);
        writeFileSync(join(folder, `c${n}/src/lib.rs`), '');
      }
      writeFileSync(join(folder, 'Cargo.toml'), '[workspace]\nresolver = "2"\nmembers = ["c*"]\n');
      return ['cargo', 'build', '--offline', '--quiet'];
    },
    env: (job) => ({ RUSTC_WRAPPER: job, CARGO_INCREMENTAL: '0' }),
  };
}

const numbers = Array.from({ length: JOBS }, (_, n) => n);

function versionOf(program: string, pattern: RegExp): { text: string; major: number; minor: number } | undefined {
  let said = '';
  try {
    said = execFileSync(program, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 30_000,
    });
  } catch {
    return undefined; // not here, or it does not run
  }
  const [text, major, minor] = pattern.exec(said) ?? [];
  return text === undefined ? undefined : { text, major: Number(major), minor: Number(minor) };
}
