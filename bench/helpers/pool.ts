// A daemon for a benchmark, builds in it without a first slot, the load of client.c, and a plain FIFO as the reference.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { BuildOpened } from '../../src/api/schema.ts';
import { Place } from '../../test/helpers/pool.ts';
import { until } from '../../test/helpers/until.ts';

const cache = join(import.meta.dirname, '../../.cache/bench');

/** Runs `work` as a test would: what it has to clean up after itself is cleaned up. */
export async function withEnds<T>(work: (t: Test) => Promise<T>): Promise<T> {
  const ends: (() => Promise<void>)[] = [];
  try {
    return await work({ after: (end) => ends.push(end), diagnostic: () => {} });
  } finally {
    for (const end of ends) await end();
  }
}

interface Test {
  after(done: () => Promise<void>): void;
  diagnostic(message: string): void;
}

export const withPlace = <T>(work: (place: Place) => Promise<T>): Promise<T> => withEnds((t) => work(new Place(t)));

/** A daemon with `slots` slots. */
export async function serve(place: Place, slots: number): Promise<number> {
  const { output, pid } = place.start(['serve', '--user', '--jobs', String(slots)], { deadline: 3_600_000 });
  await until('the daemon serves', () => output.stdout !== '');
  return pid;
}

/** A build of this process that has no job of its own; returns its FIFO. */
export function openBuild(place: Place): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: place.socket, path: '/builds', method: 'POST', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve((JSON.parse(text) as BuildOpened).fifo));
    });
    call.on('error', reject);
    call.end(JSON.stringify({ label: 'bench', cwd: '/', implicit: 0 }));
  });
}

/** A plain FIFO with `slots` tokens that nobody watches. */
export function plainFifo(slots: number): { path: string; close(): void } {
  const path = join(cache, `fifo-${process.pid}`);
  mkdirSync(cache, { recursive: true });
  rmSync(path, { force: true });
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR);
  writeSync(fd, '+'.repeat(slots));
  return {
    path,
    close: () => {
      closeSync(fd);
      rmSync(path);
    },
  };
}

export interface Load {
  jobs: number;
  /** Milliseconds for which tokens were held. */
  busy: number;
}

/** Compiles client.c, once. */
export function loadProgram(): string {
  const program = join(cache, 'client');
  mkdirSync(cache, { recursive: true });
  execFileSync('cc', ['-O2', '-o', program, join(import.meta.dirname, '../client.c')]);
  return program;
}

/** One process of client.c. */
export function load(mode: string, fifo: string, ms: number, ...more: number[]): Promise<Load> {
  return new Promise((resolve, reject) => {
    const args = [mode, fifo, String(ms), ...more.map(String)];
    const child = spawn(join(cache, 'client'), args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', () => {
      const [jobs, busy] = text.split(' ').map(Number) as [number, number];
      resolve({ jobs, busy: busy / 1e6 });
    });
  });
}

export function sum(loads: readonly Load[]): Load {
  return loads.reduce((all, one) => ({ jobs: all.jobs + one.jobs, busy: all.busy + one.busy }), { jobs: 0, busy: 0 });
}

/** Processor time that the process `pid` has used, milliseconds. */
export function cpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // utime and stime, in ticks of 10 ms
}
