// Servers of a file node, each with a mount of its own, and the load of round-trips.c. Servers and clients run on one
// processor, this process keeps to the others. Whatever happens, no server and no mount is left: one that does not leave
// when told is cut off from the kernel first and killed then, for a client that waits for it cannot be killed.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Place, Started } from '../../test/helpers/pool.ts';
import { until } from '../../test/helpers/until.ts';

const cache = join(import.meta.dirname, '../../.cache/bench');

/** How long a server may take to leave when told, milliseconds. */
const PATIENCE = 5000;

/** After how long the clients are given up, milliseconds; a little later than they give up themselves. */
const HANGS = 20_000;

/** The processor that servers and clients share: the last one that may be used. */
const CPU: string = execFileSync('sh', ['-c', 'grep Cpus_allowed_list /proc/self/status'], { encoding: 'utf8' })
  .trim()
  .replace(/.*[\s,-]/, '');

/** How to serve the file `jobserver` in the folder `dir`. It says a line on standard output when it can be used. */
export type Server = (dir: string, slots: number) => readonly string[];

export interface Node {
  /** What clients must find there. */
  readonly kind: 'file' | 'fifo';
  /** The file that clients open. */
  readonly path: string;
  /** Ends the server and its mount. */
  close(): Promise<void>;
}

export interface Load {
  mode: 'block' | 'poll';
  clients: number;
  slots: number;
  /** Milliseconds. */
  length: number;
}

/** What round-trips.c prints; microseconds. */
export interface Trips {
  perSecond: number;
  p50: number;
  p99: number;
  longest: number;
  /** What the client that got least got, as a share of what the one got that got most. */
  share: number;
}

interface Open {
  readonly dir: string;
  readonly place: Place;
  readonly server: Started;
}

const open = new Set<Open>();
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.once(signal, () => {
    for (const node of open) {
      cutOff(node.dir);
      node.server.killAll('SIGKILL');
      remove(node);
      rmSync(node.place.folder, { recursive: true, force: true });
    }
    process.exit(code);
  });
}

/** Starts a server in a folder of its own. */
export async function openNode(place: Place, server: Server, slots: number): Promise<Node> {
  const dir = mkdtempSync(join(tmpdir(), `stint-bench-${process.pid}-`));
  const started = place.spawn('setpriv', bound('TERM', server(dir, slots)), { deadline: 3_600_000 });
  const node = { dir, place, server: started };
  open.add(node);
  const close = () => closeNode(node);
  try {
    await until('the server serves', () => started.output.stdout.includes('\n') || started.child.exitCode !== null);
    if (started.child.exitCode !== null) throw new Error(`the server did not start: ${started.output.stderr.trim()}`);
  } catch (error) {
    await close();
    throw error;
  }
  return { kind: 'file', path: join(dir, 'jobserver'), close };
}

/** Closes every one of them, also when one cannot be closed. @throws what the first of those says */
export async function closeAll(nodes: readonly Node[]): Promise<void> {
  const results = await Promise.allSettled(nodes.map((node) => node.close()));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Runs the load at `node` to its end. @throws Error when a client hangs or a slot is missing at the end */
export async function roundTrips(place: Place, node: Node, { mode, clients, slots, length }: Load): Promise<Trips> {
  const args = [mode, node.kind, node.path, clients, slots, length, CPU].map(String);
  const load = place.spawn('setpriv', bound('KILL', [join(cache, 'round-trips'), ...args]), {
    deadline: length + HANGS,
  });
  const { code, stdout, stderr } = await load.ended;
  if (code !== 0) throw new Error(`round-trips ${args.join(' ')} ended with ${code}: ${stderr.trim()}`);
  return JSON.parse(stdout) as Trips;
}

/** Compiles a program of this folder, once. */
export function compile(source: string, ...flags: string[]): string {
  const program = join(cache, source.replace(/.*\/|\.c$/g, ''));
  mkdirSync(cache, { recursive: true });
  execFileSync('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, '..', source), ...flags]);
  return program;
}

/** What the compiler is told of libfuse 3; empty where there is none. */
export const fuseFlags = (): string =>
  spawnSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).stdout?.trim() ?? '';

/** A command on CPU that does not outlive this process. */
function bound(signal: string, command: readonly string[]): string[] {
  return ['--pdeathsig', signal, 'taskset', '-c', CPU, ...command];
}

async function closeNode(node: Open): Promise<void> {
  const { dir, server } = node;
  const left = () => server.child.exitCode !== null || server.child.signalCode !== null;
  for (let tries = 0; tries < 2 && !left(); tries++) {
    server.kill('SIGTERM');
    await Promise.race([server.ended.catch(() => {}), pause(PATIENCE, undefined, { ref: false })]);
  }
  cutOff(dir);
  server.killAll('SIGKILL');
  await until('the server is gone', left);
  remove(node);
  open.delete(node);
}

/** The folder, which is empty now, and the lock beside it that stint leaves. */
function remove({ dir }: Open): void {
  rmSync(`${dir}.lock`, { force: true });
  rmdirSync(dir);
}

/** Ends whatever is mounted at `dir`, and every request that waits there. It never looks at the mount itself: that may hang. */
function cutOff(dir: string): void {
  for (;;) {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const mount = mounts.map((line) => line.split(' ')).find((fields) => fields[4] === dir);
    if (mount === undefined) return;
    const abort = `/sys/fs/fuse/connections/${mount[2]?.split(':')[1]}/abort`;
    if (existsSync(abort)) writeFileSync(abort, '1');
    const { status, stderr } = spawnSync('umount', ['--no-canonicalize', '-i', '-f', '-l', dir], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`cannot unmount ${dir}: ${stderr.trim()}`);
  }
}
