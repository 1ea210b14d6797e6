// The terminal that a full-screen verb has to itself: raw keys in, pictures out, its size, and everything put back as it was
// however the verb ends: by a key, a signal, an error, or for a while by Ctrl-Z. A line too slow for all pictures is sent fewer.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { constants as os } from 'node:os';
import { StintError } from '../../errors.ts';
import { isUnfinished, type Key, keysOf } from './keys.ts';
import type { Paint } from './paint.ts';
import { ENTER, LEAVE, type Line, Screen, type Size, textOf } from './screen.ts';

/** The rest of a key's bytes comes within this; milliseconds. Longer on its own, Escape is a key. */
const KEY_PAUSE = 50;
/** How soon what the terminal did not take is sent again; milliseconds. */
const AGAIN = 20;
/** How long a terminal that is left may take for what it is still to be sent; milliseconds. */
const LAST_WAIT = 1000;
const ENDING = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const;

export interface Handlers {
  key(key: Key): void;
  /** A new picture is wanted: the size is another, the screen was lost, or there is room for one that was left out. */
  redraw(): void;
}

export class Terminal {
  readonly #paint: Paint;
  readonly #screen: Screen;
  readonly #handlers: Handlers;
  readonly #output: number;
  readonly #end = Promise.withResolvers<number>();
  /** What the terminal has not taken yet. */
  #left = Buffer.alloc(0);
  /** Whether a picture was left out. */
  #late = false;
  /** The beginning of a key. */
  #typed = '';
  #pause: NodeJS.Timeout | undefined;
  #shown = '';
  #open = false;
  /** Bytes written so far. */
  bytes = 0;

  /** @throws StintError when standard input or output is none */
  constructor(paint: Paint, handlers: Handlers) {
    if (!process.stdin.isTTY || !process.stdout.isTTY) {
      throw new StintError(`standard ${process.stdin.isTTY ? 'output' : 'input'} is no terminal`, {
        hint: "for scripts: 'stint status --json' and 'stint watch --json'",
      });
    }
    this.#paint = paint;
    this.#screen = new Screen(paint);
    this.#handlers = handlers;
    this.#output = openOutput();
  }

  get size(): Size {
    const { columns, rows } = process.stdout;
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Takes the terminal, until `end`, a signal or an error; resolves with the exit code. */
  async run(): Promise<number> {
    const ends = ENDING.map((name) => [name, () => this.#end.resolve(128 + os.signals[name])] as const);
    const stop = () => this.suspend();
    const resume = () => this.#resume();
    const resized = () => this.#handlers.redraw();
    const fail = (error: Error) => this.#end.reject(error);
    for (const [name, end] of ends) process.on(name, end);
    process.on('SIGTSTP', stop);
    process.on('SIGCONT', resume);
    process.on('uncaughtException', fail);
    process.on('unhandledRejection', fail);
    process.stdout.on('resize', resized);
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', (text: string) => this.#read(text));
    process.stdin.on('end', () => this.#end.resolve(128 + os.signals.SIGHUP));
    process.stdin.on('error', () => this.#end.resolve(128 + os.signals.SIGHUP));
    try {
      this.#enter();
      return await this.#end.promise;
    } finally {
      for (const [name, end] of ends) process.off(name, end);
      process.off('SIGTSTP', stop);
      process.off('SIGCONT', resume);
      process.off('uncaughtException', fail);
      process.off('unhandledRejection', fail);
      process.stdout.off('resize', resized);
      clearTimeout(this.#pause);
      this.#leave();
      process.stdin.destroy();
      if (this.#output !== 1) closeSync(this.#output);
    }
  }

  end(code: number): void {
    this.#end.resolve(code);
  }

  /** Shows a picture; `whole`: whatever was known of the screen is no longer so. */
  draw(lines: readonly Line[], { whole = false } = {}): void {
    if (!this.#open) return;
    if (whole) this.#screen.forget();
    if (this.#left.length > 0) {
      this.#late = true;
      return;
    }
    this.#write(this.#paint.moves ? this.#screen.draw(lines, this.size) : this.#plain(lines));
  }

  /** Gives the terminal back and stops, as Ctrl-Z does; SIGCONT takes it again. */
  suspend(): void {
    this.#leave();
    process.kill(process.pid, 'SIGSTOP');
  }

  #enter(): void {
    if (this.#open) return;
    process.stdin.setRawMode(true);
    process.stdin.resume();
    this.#open = true;
    if (this.#paint.moves) this.#write(ENTER);
    this.#screen.forget();
    this.#handlers.redraw();
  }

  /** Somebody may have had the terminal meanwhile, also when we were stopped without being asked. */
  #resume(): void {
    this.#open = false;
    process.stdin.setRawMode(false); // else Node believes that the mode is still its own
    this.#enter();
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#paint.moves) {
      this.#left = Buffer.concat([this.#left, Buffer.from(LEAVE)]);
      this.#flush();
      for (let waited = 0; waited < LAST_WAIT && this.#left.length > 0; waited += AGAIN) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN); // nothing else is left to be done
        this.#flush();
      }
      this.#left = Buffer.alloc(0);
    }
    try {
      process.stdin.setRawMode(false);
      process.stdin.pause();
    } catch {
      // It has hung up.
    }
  }

  /** On a terminal that only prints, pictures follow each other. */
  #plain(lines: readonly Line[]): string {
    const text = lines
      .map((line) => textOf(line).trimEnd())
      .join('\n')
      .trimEnd();
    if (text === this.#shown) return '';
    this.#shown = text;
    return `${text}\n\n`;
  }

  #write(text: string): void {
    if (text === '') return;
    this.#left = Buffer.concat([this.#left, Buffer.from(text)]);
    this.#flush();
  }

  #flush(): void {
    try {
      while (this.#left.length > 0) {
        const count = writeSync(this.#output, this.#left);
        this.bytes += count;
        this.#left = this.#left.subarray(count);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        if (this.#open) setTimeout(() => this.#flushed(), AGAIN);
        return;
      }
      this.#left = Buffer.alloc(0);
      this.#end.resolve(128 + os.signals.SIGHUP); // nobody is there any more
    }
  }

  #flushed(): void {
    if (this.#left.length > 0) this.#flush();
    if (this.#left.length > 0 || !this.#late) return;
    this.#late = false;
    this.#handlers.redraw();
  }

  #read(text: string): void {
    clearTimeout(this.#pause);
    this.#typed += text;
    if (isUnfinished(this.#typed)) this.#pause = setTimeout(() => this.#tell(), KEY_PAUSE);
    else this.#tell();
  }

  #tell(): void {
    const keys = keysOf(this.#typed);
    this.#typed = '';
    for (const key of keys) this.#handlers.key(key);
  }
}

/**
 * The terminal once more, by a description of its own: not to wait for it must not be said of the one that the shell has, too.
 * One that may not be opened again is waited for.
 */
function openOutput(): number {
  for (const path of ['/proc/self/fd/1', '/dev/tty']) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
    } catch {
      // Another user's, after su.
    }
  }
  return 1;
}
