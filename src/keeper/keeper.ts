// The keeper: starts the engine process, holds for it what must outlive it, and starts it again when it dies. It knows neither
// pool nor node nor API, so that there is little in it that could fail; it reads nothing that a client writes.
//
//   signals ──► keeper ──── lines: stop, reload ────────► engine process
//                 ▲  └───── descriptors, then `all N` ──►   │
//                 └───── keep, drop, ready, hangs, end ◄────┘
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { EPOLLIN, Epoll, pollInBackground } from '../kernel/epoll.ts';
import { receiveMessage, socketPair } from '../kernel/fds.ts';
import type { Level } from '../stderr.ts';
import type { HandedOver } from './handover.ts';
import { Kept } from './kept.ts';
import { signLock } from './lock.ts';
import { THREAD } from './store.ts';

/** An engine that has served for so long was sound, milliseconds. */
const SOUND = 10_000;
/** How long an engine may take to begin to serve, milliseconds. */
const BEGINNING = 60_000;
/** Deaths in a row, of engines that were not sound, before a plain pool goes on. */
const MAX_DEATHS = 5;
/** How long a plain pool serves before the next engine is tried, milliseconds: at first, and at most. */
const FIRST_TRIAL = 1000;
const LAST_TRIAL = 60_000;
/** How long an engine may take to make room, and what is left of it then to end; milliseconds. */
const YIELDING = 5000;
const DYING = 500;
/** A plain pool that dies is not followed at once by what had failed before it, milliseconds. */
const REST = 1000;

/** An engine that leaves on purpose is given so long for it, milliseconds. */
const LEAVING = 10_000;

/** What is said when the keeper may not open what an engine wants kept. */
const LOST =
  'no descriptor is left to keep for clients: what they have is lost when the engine is followed by another one';

export interface KeeperOptions {
  /** The arguments of Node that start an engine process. */
  engine: readonly string[];
  /** Those that start a plain pool, which goes on while no engine can; why not is added. */
  plain: readonly string[];
  /** Whether an engine process that has loaded all it needs waits for the one that serves to die. */
  spare: boolean;
  /** The first engine serves; `status` is for the service manager. */
  ready(status: string): void;
  note(line: string, level?: Level): void;
  /** The open lock file, where it is taken already. */
  lock?: number;
  /** What this program has left for itself, as `become` was told. */
  left?: number;
  /** What a keeper has left that had to end for this one to begin. */
  handed?: HandedOver | undefined;
  /** Becomes the program as it is now, which finds by `left` what it needs. @throws SystemError */
  become(left: number): never;
}

/** What a keeper leaves to itself beside descriptors. */
interface Left {
  restarts: number;
  stops: number;
}

/** One process that serves. */
interface Engine {
  /** It is a plain pool. */
  readonly plain: boolean;
  readonly child: ChildProcess;
  /** Our end of the socket. */
  readonly socket: number;
  /** The pidfd of its thread, -1 while there is none. */
  thread: number;
  /** Its end of the socket is closed, or not listened to any more. */
  silent: boolean;
  /** Whether it has served. */
  ready: boolean;
  /** The code that it leaves with on purpose. */
  end: number | undefined;
  /** It makes room for the next one. */
  replaced: boolean;
  /** It is over, whether or not all of it has gone yet. */
  over: boolean;
}

export class Keeper {
  readonly #options: KeeperOptions;
  readonly #kept = new Kept();
  readonly #epoll = new Epoll();
  readonly #done = Promise.withResolvers<number>();
  #engine: Engine;
  /** Starts the process that is to serve now. */
  #begin: () => Engine = () => this.#start();
  /** Something could not be kept, which was said. */
  #lost = false;
  /** It cannot be started, which was said. */
  #missing = false;
  /** The engine process that would be the next. */
  #spare: Engine | undefined;
  #restarts = 0;
  /** How often it was told to leave. */
  #stops = 0;
  #served = false;
  /** Deaths in a row of engines that were not sound. */
  #deaths = 0;
  #upgrading = false;
  /** How the program goes on when the engine has made room. */
  #goOn: ((left: Left) => Promise<void>) | undefined;
  /** It was said that the first engine of this process serves. */
  #said = false;
  /** Why there is a plain pool, or an engine that is tried after one. */
  #degraded: string | undefined;
  /** How long the next plain pool serves, milliseconds. */
  #trial = FIRST_TRIAL;

  constructor(options: KeeperOptions) {
    this.#options = options;
    if (options.lock !== undefined) this.#kept.keep('lock', options.lock);
    const { handed } = options;
    if (options.left !== undefined) this.#goOnFrom(this.#kept.takeOver<Left>(options.left));
    else if (handed !== undefined) this.#takeHandedOver(handed);
    this.#engine = this.#hand(this.#start());
    if (this.#served && handed !== undefined) this.reload(); // who restarts a service wants its configuration read
    this.#watch();
  }

  /** Resolves with the exit code when the engine has left on purpose, or could not begin. */
  get done(): Promise<number> {
    return this.#done.promise;
  }

  /** Tells the engine to leave; the second time, at once. */
  stop(): void {
    this.#stops++;
    this.#tell('stop');
  }

  /** Tells the engine to read its configuration again. */
  reload(): void {
    this.#tell('reload');
  }

  /** Has the program as it is now go on in this process, with all that is kept. */
  upgrade(): void {
    this.#makeRoom(async (left) => this.#options.become(this.#kept.leave(left)));
  }

  /**
   * Has a keeper go on that is started when this one has ended: `give` resolves when it will be given those descriptors, with the one that
   * finds them. When it fails, or if there is nothing yet to go on with, this is a stop.
   */
  restart(give: (left: number, fds: readonly number[]) => Promise<void>): void {
    const begun =
      this.#stops === 0 &&
      this.#makeRoom(async (left) => {
        try {
          await give(this.#kept.list(left), this.#kept.fds);
          this.#done.resolve(0);
        } catch (error) {
          this.#stops++;
          throw new Error(`${(error as Error).message}; this is a stop`, { cause: error });
        }
      });
    if (!begun) this.stop();
  }

  #goOnFrom({ restarts, stops }: Left): void {
    [this.#restarts, this.#stops, this.#served] = [restarts + 1, stops, true];
  }

  #takeHandedOver({ left, fds }: HandedOver): void {
    try {
      if (left === undefined) throw new Error('the list of it is missing');
      this.#goOnFrom(this.#kept.takeOver<Left>(left, fds));
      const lock = this.#kept.get('lock');
      if (lock !== undefined) signLock(lock, process.pid);
    } catch (error) {
      this.#options.note(
        `cannot go on from what systemd has kept, beginning anew: ${(error as Error).message}`,
        'error',
      );
      for (const fd of fds.values()) closeSync(fd); // the mount is dead then, and is taken away
    }
  }

  #makeRoom(goOn: (left: Left) => Promise<void>): boolean {
    if (this.#upgrading || !this.#served) return false;
    this.#upgrading = true;
    this.#goOn = goOn;
    this.#dropSpare(); // it is of the old program
    const engine = this.#engine;
    engine.replaced = true;
    if (engine.over) void this.#become();
    else this.#tell('yield');
    setTimeout(() => this.#over(engine), YIELDING).unref();
    return true;
  }

  #tell(line: string): void {
    this.#engine.child.stdin?.write(`${line}\n`);
  }

  #start(plain?: string): Engine {
    const [socket, theirs] = socketPair();
    const args = plain === undefined ? this.#options.engine : [...this.#options.plain, plain];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit', theirs] });
    closeSync(theirs);
    const engine: Engine = {
      plain: plain !== undefined,
      child,
      socket,
      thread: -1,
      silent: false,
      ready: false,
      end: undefined,
      replaced: false,
      over: false,
    };
    child.stdin?.on('error', () => {}); // it has died: what it was told is told to the next one
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      if (engine === this.#spare) {
        this.#dropSpare();
        return;
      }
      if (!this.#served) this.#over(engine);
      else if (!engine.over) {
        this.#hushed(engine);
        this.#notStarted(error, engine);
      }
    });
    child.once('exit', (code, signal) => {
      if (engine === this.#spare) {
        this.#dropSpare();
        return;
      }
      this.#over(engine);
      if (this.#upgrading && engine === this.#engine) void this.#become();
      // Who sends SIGKILL is somebody else.
      const how = signal === null ? `exit code ${code}` : signal;
      this.#died(engine, `ended by ${how}`, { byItself: signal !== 'SIGKILL' });
    });
    return engine;
  }

  /** Hands everything to a process that is to serve. */
  #hand(engine: Engine): Engine {
    const { socket, child } = engine;
    this.#epoll.add(socket, EPOLLIN);
    void this.#kept.handTo(socket, this.#restarts);
    setTimeout(() => {
      if (!engine.ready) child.kill('SIGABRT'); // it hangs, which is no better than to die
    }, BEGINNING).unref();
    for (let i = 0; i < this.#stops; i++) child.stdin?.write('stop\n');
    return engine;
  }

  #dropSpare(): void {
    const spare = this.#spare;
    if (spare === undefined) return;
    this.#spare = undefined;
    this.#discard(spare);
  }

  /** Waits for what engines say, and for the end of their threads. */
  #watch(): void {
    pollInBackground(this.#epoll.fd, () => {
      const engine = this.#engine;
      this.#epoll.wait(0, (fd) => {
        if (fd === engine.socket) this.#receive(engine);
        else if (fd === engine.thread) this.#over(engine);
      });
      this.#watch();
    });
  }

  /** Hears all that an engine has said so far. */
  #receive(engine: Engine): void {
    while (!engine.silent) {
      const received = receiveMessage(engine.socket, { wait: false });
      if (typeof received === 'number') return;
      if (received === undefined) {
        this.#hushed(engine); // that it has ended is heard in a moment
        return;
      }
      if (received.truncated && !this.#lost) this.#options.note(LOST, 'error');
      this.#lost ||= received.truncated;
      this.#heard(engine, received.message, received.fds[0]);
    }
  }

  #hushed(engine: Engine): void {
    if (engine.silent) return;
    engine.silent = true;
    this.#epoll.remove(engine.socket);
  }

  #heard(engine: Engine, message: string, fd: number | undefined): void {
    const space = message.indexOf(' ');
    const word = message.slice(0, space);
    const rest = message.slice(space + 1);
    if (word === 'keep' && fd !== undefined) {
      if (rest === THREAD) this.#watchThread(engine, fd);
      else this.#kept.keep(rest, fd);
    } else if (word === 'drop') {
      if (rest === THREAD) this.#unwatchThread(engine);
      else this.#kept.drop(rest);
    } else if (word === 'ready') this.#ready(engine, rest);
    else if (word === 'hangs') this.#replace(engine, rest);
    else if (word === 'end') this.#end(engine, Number(rest));
  }

  #ready(engine: Engine, status: string): void {
    engine.ready = true;
    this.#missing = false;
    if (engine.plain) return;
    if (this.#options.spare && !this.#upgrading) this.#spare ??= this.#startSpare();
    if (this.#degraded !== undefined) {
      this.#options.note('an engine serves again', 'notice');
      this.#degraded = undefined;
      this.#deaths = MAX_DEATHS - 1;
    }
    setTimeout(() => {
      if (engine.over) return;
      this.#deaths = 0;
      this.#trial = FIRST_TRIAL;
    }, SOUND).unref();
    if (!this.#said) this.#options.ready(status);
    [this.#said, this.#served] = [true, true];
  }

  /** It cannot be waited for: a thread of it may hang for as long as a client likes. */
  #replace(engine: Engine, why: string): void {
    this.#options.note(`the engine process hangs: ${why}; another one goes on`);
    engine.replaced = true;
    this.#over(engine);
  }

  #end(engine: Engine, code: number): void {
    engine.end = code;
    setTimeout(() => engine.child.kill('SIGKILL'), LEAVING).unref();
  }

  #watchThread(engine: Engine, fd: number): void {
    this.#unwatchThread(engine);
    engine.thread = fd;
    this.#epoll.add(fd, EPOLLIN);
  }

  #unwatchThread(engine: Engine): void {
    if (engine.thread === -1) return;
    this.#epoll.remove(engine.thread); // closing ours is not enough: the engine has it open, too
    closeSync(engine.thread);
    engine.thread = -1;
  }

  /**
   * An engine has died, or its thread has: the rest of the process may hang in a request that nobody answers before the
   * next engine does.
   */
  #over(engine: Engine): void {
    if (engine.over) return;
    this.#receive(engine);
    engine.over = true;
    this.#unwatchThread(engine);
    engine.child.kill('SIGKILL');
    this.#hushed(engine);
    closeSync(engine.socket);
    if (engine.end !== undefined) this.#done.resolve(engine.end);
    else if (!this.#served) this.#done.resolve(engine.child.exitCode || 1);
    else if (this.#upgrading) setTimeout(() => void this.#become(), DYING).unref();
    else this.#next(engine);
  }

  #next(before: Engine): void {
    if (before.plain) {
      if (before.replaced) this.#tryEngine();
      else setTimeout(() => this.#tryEngine(), REST);
    } else if (this.#degraded === undefined) this.#tryEngine();
    else {
      this.#serve(() => {
        const pool = this.#start(this.#degraded);
        setTimeout(() => {
          pool.replaced = true;
          this.#over(pool);
        }, this.#trial);
        return pool;
      });
      this.#trial = Math.min(2 * this.#trial, LAST_TRIAL);
    }
  }

  /** The engine has made room. */
  async #become(): Promise<void> {
    const goOn = this.#goOn;
    if (goOn === undefined) return;
    this.#goOn = undefined;
    try {
      await goOn({ restarts: this.#restarts, stops: this.#stops });
    } catch (error) {
      this.#upgrading = false;
      this.#options.note(`cannot go on as another program: ${(error as Error).message}`, 'error');
      this.#tryEngine();
    }
  }

  #tryEngine(): void {
    this.#restarts++;
    this.#serve(() => {
      const engine = this.#spare ?? this.#start();
      this.#spare = undefined;
      return engine;
    });
  }

  /** Has the process serve that `start` starts. */
  #serve(start: () => Engine): void {
    this.#begin = start;
    let engine: Engine | undefined;
    try {
      engine = start();
      this.#engine = this.#hand(engine);
    } catch (error) {
      if (engine !== undefined) engine.silent = true; // it is not listened to yet
      this.#notStarted(error as Error, engine);
    }
  }

  /** The machine has run out of something. That is no fault of an engine: it is tried again until it can be started. */
  #notStarted(error: Error, engine: Engine | undefined): void {
    if (!this.#missing) this.#options.note(`cannot start an engine process, trying again: ${error.message}`);
    this.#missing = true;
    if (engine !== undefined) this.#discard(engine);
    setTimeout(() => this.#serve(this.#begin), REST);
  }

  #startSpare(): Engine | undefined {
    try {
      return this.#start();
    } catch {
      return undefined; // it will be started when it is needed
    }
  }

  /** Ends one that has not served. */
  #discard(engine: Engine): void {
    engine.over = true;
    engine.replaced = true;
    engine.child.kill('SIGKILL');
    closeSync(engine.socket);
  }

  /** An engine has gone for good. Where that comes of itself and again and again, another one is of no use. */
  #died(engine: Engine, how: string, { byItself }: { byItself: boolean }): void {
    if (engine.replaced || engine.end !== undefined || !this.#served) return;
    this.#options.note(`the ${engine.plain ? 'plain pool' : 'engine process'} ${how}; another one goes on`, 'error');
    if (engine.plain || !byItself || ++this.#deaths < MAX_DEATHS || this.#degraded !== undefined) return;
    this.#degraded = `the engine process ${how}, ${MAX_DEATHS} times in a row`;
    this.#options.note(
      `DEGRADED: ${this.#degraded}; a plain pool goes on, without builds and fairness, until there is an engine`,
      'critical',
    );
    this.#over(this.#engine);
  }
}
