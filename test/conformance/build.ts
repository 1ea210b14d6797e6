// One build of one client on a node: its project, its jobs as long as a check wants them, and what was traced of them.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentOn, onPath, type Style } from '../../src/conformance/told.ts';
import type { Place, Started } from '../helpers/pool.ts';
import { killMarked } from '../helpers/processes.ts';
import { until } from '../helpers/until.ts';
import type { Client } from './client.ts';
import type { Node } from './server.ts';

/** Where builds are made. */
export interface Site {
  place: Place;
  /** demo/trace.c, compiled. */
  tracer: string;
}

export interface Order {
  client: Client;
  style: Style;
  node: Node;
  /** For -jN. */
  slots: number;
  /** How long each job sleeps. */
  seconds: number;
  /** Milliseconds until it is killed. */
  patience: number;
}

/** Jobs that run after a step of the trace, and when it happened, in milliseconds of the monotonic clock. */
interface Step {
  at: number;
  running: number;
}

/** Everything that belongs to a build has this in its environment. */
const MARK = 'CONFORMANCE_BUILD';
let builds = 0;

/** A build that runs. */
export class Build {
  readonly started: Started;
  readonly #log: string;
  readonly #mark: string;

  constructor({ place, tracer }: Site, { client, style, node, slots, seconds, patience }: Order) {
    const folder = join(place.folder, `${client.name}-${builds++}`);
    mkdirSync(folder);
    this.#log = join(folder, 'jobs.log');
    this.#mark = `${MARK}=${folder}`;
    const trace = join(folder, 'job');
    writeFileSync(trace, jobScript({ tracer, log: this.#log, seconds }));
    chmodSync(trace, 0o755);
    const random = (n: number) => Math.min(n - 1, client.more);
    const { args, env } = client.make({ folder, trace, random });
    const [file = '', ...rest] = node.start?.(style, args) ?? onPath(style, node.path, args);
    this.started = place.spawn(file, rest, {
      cwd: folder,
      env: { ...env, ...(node.start === undefined ? environmentOn(style, node.path, slots) : {}), [MARK]: folder },
      deadline: patience,
    });
  }

  /** What was traced so far. */
  steps(): Step[] {
    let running = 0;
    return readLog(this.#log)
      .sort((a, b) => a.at - b.at || a.change - b.change)
      .map(({ at, change }) => ({ at, running: (running += change) }));
  }

  get running(): number {
    return this.steps().at(-1)?.running ?? 0;
  }

  get peak(): number {
    return Math.max(0, ...this.steps().map(({ running }) => running));
  }

  /** Ends whatever is left of it. */
  async clear(): Promise<void> {
    await until('the build is gone', () => !killMarked(this.#mark));
  }
}

/** The job of every project: it sleeps so long instead, is traced, and then does what it is there for. */
function jobScript({ tracer, log, seconds }: { tracer: string; log: string; seconds: number }): string {
  return `#!/bin/sh
export STINT_DEMO_LOG='${log}' STINT_DEMO_BUILD=build
case "$*" in
  sleep\\ *) exec '${tracer}' sleep ${seconds} ;;
  *\\ -vV* | *' --crate-name ___ '*) exec "$@" ;; # cargo asks rustc what it is
  *' --crate-name c0 '* | *\\ @/*) exec '${tracer}' "$@" ;; # what all other jobs wait for
  *) exec '${tracer}' sh -c 'sleep ${seconds} && exec "$@"' job "$@" ;;
esac
`;
}

function readLog(path: string): { at: number; change: number }[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return []; // no job began yet
  }
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ at: Number(line.split(' ')[1]) / 1e6, change: line.startsWith('+') ? 1 : -1 }));
}
