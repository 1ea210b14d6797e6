// The real thing in a folder of the test's own: bin/stint with a runtime directory under /tmp, and a daemon in it if wanted.
// Whatever a test starts through it is gone when the test ends, also when it failed: processes first, then the folder.
import assert from 'node:assert/strict';
import { type StdioOptions, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Status } from '../../src/api/schema.ts';
import { follow, isMarked, killMarked, type Mark, type Result, type Started } from './processes.ts';
import { DEADLINE, until } from './until.ts';

export type { Result, Started } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');

/** How long a daemon under test may run, milliseconds: longer where tests may. */
export const DAEMON_DEADLINE: number = Math.max(900_000, Number(process.env.TEST_TIMEOUT ?? 0));

/** The launcher under test: that of the program as it is installed. */
export const STINT = join(ROOT, 'dist/bin/stint');
/** The launcher of the sources. */
export const SOURCES = join(ROOT, 'bin/stint');

/** Variables of a build or a test runner around this test that must not reach what it starts. */
const FOREIGN = /^(?:MAKEFLAGS|MFLAGS|GNUMAKEFLAGS|CARGO_MAKEFLAGS|MAKELEVEL|XDG_RUNTIME_DIR|STINT_.*|NODE_.*)$/;

/** The PATH without what npm puts before it: a ninja there would change which style `stint run` chooses. */
const PLAIN_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.endsWith('node_modules/.bin'))
  .join(delimiter);

/** Everything started in a place has the place's folder in this variable. */
const MARK = 'TEST_PLACE';

interface Ends {
  after(done: () => Promise<void>): void;
}

export interface SpawnOptions {
  /** Added to the environment; undefined takes a variable out. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  stdio?: StdioOptions;
  /** Written to standard input, which is then closed; without it standard input is empty. */
  input?: string;
  /** Milliseconds until the whole process group is killed and `ended` rejects. */
  deadline?: number;
}

/** A runtime directory of a test's own, without a daemon: the first `run` starts one. */
export class Place {
  /** What XDG_RUNTIME_DIR is set to. */
  readonly folder: string;
  /** The daemon's directory. */
  readonly dir: string;
  readonly socket: string;
  /** Where a daemon of the machine would be mounted. */
  readonly mount: string;
  readonly #mark: Mark;

  constructor(t: Ends) {
    this.folder = mkdtempSync(join(realpathSync(tmpdir()), 'stint-pool-'));
    this.dir = join(this.folder, 'stint');
    this.socket = join(this.dir, 'api.sock');
    this.mount = join(this.folder, 'machine');
    this.#mark = `${MARK}=${this.folder}`;
    t.after(() => this.#clear());
  }

  /** The environment that everything here is started with. */
  env(more: Record<string, string | undefined> = {}): Record<string, string> {
    const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
    const all = {
      ...Object.fromEntries(kept),
      PATH: PLAIN_PATH,
      XDG_RUNTIME_DIR: this.folder,
      XDG_STATE_HOME: this.folder,
      STATE_DIRECTORY: join(this.folder, 'state'),
      STINT_MOUNT: this.mount, // where no daemon of the real machine is
      ...more,
      [MARK]: this.folder,
    };
    return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  /** Starts any program as the leader of a process group and session of its own. */
  spawn(file: string, args: readonly string[], options: SpawnOptions = {}): Started {
    const { input, deadline = DEADLINE, stdio = [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] } = options;
    const env = this.env(options.env);
    const child = spawn(file, [...args], { cwd: options.cwd ?? this.folder, env, stdio, detached: true });
    if (input !== undefined) child.stdin?.end(input);
    return follow(child, { what: `${file} ${args.join(' ')}`, mark: this.#mark, deadline });
  }

  /** Starts `stint VERB ARG…`. */
  start(args: readonly string[], options?: SpawnOptions): Started {
    return this.spawn(STINT, args, options);
  }

  /** Runs `stint VERB ARG…` to its end. */
  stint(args: readonly string[], options?: SpawnOptions): Promise<Result> {
    return this.start(args, options).ended;
  }

  /** Starts `stint run ARG…`. */
  spawnRun(args: readonly string[], options?: SpawnOptions): Started {
    return this.start(['run', ...args], options);
  }

  /** Runs `stint run ARG…` to its end. */
  run(args: readonly string[], options?: SpawnOptions): Promise<Result> {
    return this.spawnRun(args, options).ended;
  }

  /** Runs `script` in sh, where $STINT is the launcher. */
  shell(script: string, options: SpawnOptions = {}): Promise<Result> {
    return this.spawn('/bin/sh', ['-c', script], { ...options, env: { ...options.env, STINT } }).ended;
  }

  /** Asks the daemon. @throws Error when none answers */
  status(): Promise<Status> {
    return get<Status>(this.socket, '/status');
  }

  /** The first status that `predicate` likes. @throws Error after `deadline` milliseconds, naming the last status */
  async untilStatus(predicate: (status: Status) => boolean, deadline: number = DEADLINE): Promise<Status> {
    let last: Status | undefined;
    try {
      return await until(
        'a status',
        async () => {
          last = await this.status();
          return predicate(last) && last;
        },
        deadline,
      );
    } catch (error) {
      const shown = last === undefined ? 'there was none' : JSON.stringify(last);
      throw new Error(`no status came for which ${predicate}; the last: ${shown}`, { cause: error });
    }
  }

  /** Waits until nobody uses a slot and no build is left. */
  untilIdle(deadline?: number): Promise<Status> {
    return this.untilStatus(({ capacity, free, builds }) => free === capacity && builds.length === 0, deadline);
  }

  /** The pid of the daemon that serves here now, if there is one. */
  daemonPid(): number | undefined {
    const pid = Number(this.#read('lock'));
    return pid > 0 && isMarked(pid, this.#mark) ? pid : undefined;
  }

  /** The pid of the daemon's process that serves. */
  async enginePid(): Promise<number> {
    return (await this.status()).pids.engine;
  }

  /** What the daemon that `run` started has written. */
  log(): string {
    return this.#read('daemon.log');
  }

  /** The FIFOs that stand there. */
  fifos(): string[] {
    return names(this.dir).filter((name) => name.startsWith('fifo-'));
  }

  /** Ends the daemon, if there is one, and waits until it is gone. */
  async endDaemon(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const pid = this.daemonPid();
    if (pid === undefined) return;
    process.kill(pid, signal);
    await until(`the daemon ${pid} leaves`, () => !isMarked(pid, this.#mark));
  }

  /** That the daemon which `run` started is idle, said nothing, leaves when told, and leaves nothing behind. */
  async finish(): Promise<void> {
    await this.untilIdle();
    await this.endDaemon();
    assert.equal(this.log(), '', 'the daemon had nothing to complain of');
    assert.deepEqual(this.fifos(), [], 'no FIFO is left');
    assert.ok(!names(this.dir).includes('api.sock'), 'no socket is left');
  }

  /** Called at the end, before everything is killed. */
  protected release(): void {}

  async #clear(): Promise<void> {
    this.release();
    await until('everything started here is gone', () => !killMarked(this.#mark));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #read(name: string): string {
    try {
      return readFileSync(join(this.dir, name), 'utf8');
    } catch {
      return '';
    }
  }
}

interface PoolOptions {
  /** Of `stint serve`. */
  args?: readonly string[];
  env?: Record<string, string>;
  /** False: as much is given beyond the pool as by default. */
  strict?: boolean;
  /** The program; default: ours. */
  stint?: string;
}

/** A place with a daemon that checks every invariant of its ledger at each mutation. */
export class Pool extends Place {
  readonly jobs: number;
  /** The `stint serve` in it. */
  readonly daemon: Started;

  /** Use `startPool`. */
  constructor(t: Ends, jobs: number, { args = [], env = {}, strict = true, stint = STINT }: PoolOptions = {}) {
    super(t);
    this.jobs = jobs;
    const serve = ['serve', '--user', ...(strict ? ['--strict'] : []), '--jobs', String(jobs), ...args];
    this.daemon = this.spawn(stint, serve, { env: { STINT_AUDIT: '1', ...env }, deadline: DAEMON_DEADLINE });
  }

  /** That all slots are free, that the daemon said nothing and leaves with 0 when told, and that it leaves nothing behind. */
  async stop(): Promise<void> {
    const { free, capacity } = await this.untilIdle();
    assert.equal(free, capacity);
    this.daemon.kill('SIGTERM');
    const { code, stderr } = await this.daemon.ended;
    assert.equal(stderr, '', 'the daemon had nothing to complain of');
    assert.equal(code, 0, 'the daemon left in order');
    assert.deepEqual(this.fifos(), [], 'no FIFO is left');
    assert.ok(!names(this.dir).includes('api.sock'), 'no socket is left');
  }
}

/** Starts `stint serve --user --jobs N ARG…` in a new place and waits for its line. */
export async function startPool(t: Ends, jobs: number, options?: PoolOptions): Promise<Pool> {
  const pool = new Pool(t, jobs, options);
  await untilServes(pool.daemon);
  return pool;
}

/** Waits until a daemon says that it can be used. @throws AssertionError when it ends before that */
export async function untilServes({ child, ended, output }: Started): Promise<void> {
  let left = false;
  void ended.then(
    () => (left = true),
    () => (left = true),
  );
  await until('the daemon says its line', () => output.stdout.endsWith('\n') || left);
  assert.equal(child.exitCode, null, `the daemon did not start: ${output.stderr}`);
}

/** One GET over a Unix socket; the parsed JSON of the answer. */
function get<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as T));
    });
    call.on('error', reject);
    call.end();
  });
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
