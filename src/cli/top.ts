// `stint top`: the pool on a full screen, as it changes. It asks for the status again and again, and for changes when a key says so;
// what is shown and what keys mean is in top/.
import type { BuildStatus, Reclaimed, Status } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import { findRuntime, type RuntimeDir } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { call, NoDaemon } from './client.ts';
import { plural } from './status.ts';
import { paintOf } from './term/paint.ts';
import { Terminal } from './term/terminal.ts';
import { frame } from './top/frame.ts';
import { type Action, press } from './top/press.ts';
import { heard, newView, type View } from './top/view.ts';
import { TOP } from './verbs/top.ts';

export async function top(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, TOP.options, 'top');
  if (options.has('help')) return showHelp(TOP);
  if (operands.length > 0) throw new StintError(`top: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const watcher = new Watcher(intervalOf(options.get('interval')), options.has('user'));
  return watcher.run();
}

/** Milliseconds. */
function intervalOf(given: string | undefined): number {
  if (given === undefined) return 1000;
  const seconds = /^\d{1,2}(?:\.\d{1,3})?$/.test(given) ? Number(given) : Number.NaN;
  if (seconds >= 0.1 && seconds <= 60) return seconds * 1000;
  throw new StintError(`--interval must be a number from 0.1 to 60, not '${given}'`, { exit: EXIT.USAGE });
}

class Watcher {
  readonly #view: View = newView(Date.now());
  readonly #interval: number;
  readonly #user: boolean;
  readonly #over = new AbortController();
  readonly #paint = paintOf(process.env);
  readonly #terminal: Terminal;
  #runtime: RuntimeDir;
  #next: NodeJS.Timeout | undefined;

  constructor(interval: number, user: boolean) {
    this.#interval = interval;
    this.#user = user;
    this.#runtime = findRuntime(process.env, { user });
    void this.#look(); // the daemon answers while the terminal is made ready
    try {
      this.#terminal = new Terminal(this.#paint, { key: (key) => this.#pressed(key), redraw: () => this.#draw() });
    } catch (error) {
      this.#over.abort();
      throw error;
    }
  }

  async run(): Promise<number> {
    try {
      return await this.#terminal.run();
    } finally {
      clearTimeout(this.#next);
      this.#over.abort();
    }
  }

  #draw(options?: { whole: boolean }): void {
    if (this.#view.status === undefined && this.#view.trouble === undefined) return; // nothing to show yet
    this.#terminal.draw(frame(this.#view, this.#terminal.size, this.#paint), options);
  }

  /** Asks, shows, and asks again when the time has come. */
  async #look(): Promise<void> {
    const begun = performance.now();
    try {
      const status = await this.#ask<Status>('GET', '/status');
      heard(this.#view, status, Date.now());
    } catch (error) {
      if (this.#over.signal.aborted) return;
      if (!(error instanceof NoDaemon) && !(error instanceof StintError)) throw error;
      this.#view.now = Date.now();
      this.#view.trouble = error instanceof NoDaemon ? `no daemon is running for ${this.#runtime.dir}` : error.message;
      this.#runtime = findRuntime(process.env, { user: this.#user }); // another one may have come
    }
    this.#draw();
    const rest = Math.max(this.#interval / 10, this.#interval - (performance.now() - begun));
    this.#next = setTimeout(() => void this.#look(), rest);
  }

  #pressed(key: string): void {
    const action = press(this.#view, key);
    if (action?.do === 'suspend') this.#terminal.suspend();
    else if (action?.do === 'quit') this.#terminal.end(EXIT.OK);
    else if (action?.do === 'change' || action?.do === 'reclaim') void this.#change(action);
    this.#draw({ whole: action?.do === 'redraw' });
  }

  async #change(action: Extract<Action, { id: number }>): Promise<void> {
    const { id } = action;
    try {
      if (action.do === 'reclaim') {
        const { slots } = await this.#ask<Reclaimed>('POST', `/builds/${id}/reclaim`);
        this.#view.message = `build ${id}: ${slots} ${plural(slots, 'slot')} taken back`;
      } else {
        const build = await this.#ask<BuildStatus>('PATCH', `/builds/${id}`, action.change);
        this.#view.message = `build ${id} is ${build.class} now, with weight ${build.weight}`;
      }
    } catch (error) {
      if (this.#over.signal.aborted) return;
      this.#view.message = error instanceof NoDaemon ? 'no daemon is running' : (error as Error).message;
    }
    this.#draw();
  }

  #ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    return call<T>(this.#runtime, method, path, body, this.#over.signal);
  }
}
