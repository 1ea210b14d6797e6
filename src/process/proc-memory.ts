// The two files of /proc that are read from a process's memory: its environment and its arguments. A process can make such a read
// wait for ever, by memory that is never there. So they are read by threads of Node's pool, few at a time, for the pool has other
// work, and are given up after a while. A read that hangs ends with its process; until then Node cannot end either.
import { close, open, read } from 'node:fs';

/** How long a read may take, milliseconds; they take a tenth of one. */
const PATIENCE = 100;
/** How long a read may wait for its turn, milliseconds: some hundred of them, for many processes may start at once. */
const TURN_PATIENCE = 1000;
/** Reads at once; the pool has four threads. */
const MAX_READING = 2;
/** Bytes. */
const CHUNK = 32 << 10;
/** A process may say more of itself than anybody wants to know. */
const MAX_CHUNKS = 32;

/** A read that somebody waits for, or has given up. */
interface Read {
  path: string;
  answer(text: string | undefined): void;
  patience: NodeJS.Timeout;
}

const queue: Read[] = [];
const reading = new Set<Read>();
/** Those of `reading` that nobody waits for any more. */
const hanging = new Set<Read>();

/** The environment that the process `pid` was started with; undefined when it is gone, hidden, or does not come in time. */
export async function environOf(pid: number, root: string = '/proc'): Promise<ReadonlyMap<string, string> | undefined> {
  const text = await textOf(`${root}/${pid}/environ`);
  if (text === undefined) return undefined;
  const variables = new Map<string, string>();
  for (const entry of text.split('\0')) {
    const at = entry.indexOf('=');
    const name = entry.slice(0, at);
    if (at > 0 && !variables.has(name)) variables.set(name, entry.slice(at + 1)); // getenv(3) finds the first
  }
  return variables;
}

/** The arguments of the process `pid`, its own name first; undefined as for `environOf`. */
export async function argumentsOf(pid: number, root: string = '/proc'): Promise<string[] | undefined> {
  return (await textOf(`${root}/${pid}/cmdline`))?.replace(/\0$/, '').split('\0');
}

/** Never rejects. */
function textOf(path: string): Promise<string | undefined> {
  if (hanging.size === MAX_READING) return Promise.resolve(undefined); // no use to wait behind these
  return new Promise((answer) => {
    const asked: Read = { path, answer, patience: setTimeout(() => giveUp(asked), TURN_PATIENCE) };
    queue.push(asked);
    readNext();
  });
}

function readNext(): void {
  while (reading.size < MAX_READING) {
    const next = queue.shift();
    if (next === undefined) return;
    clearTimeout(next.patience);
    // When this thread was busy for long, what has been read meanwhile is heard of first.
    next.patience = setTimeout(() => setImmediate(() => giveUp(next)), PATIENCE);
    reading.add(next);
    contents(next.path, (text) => {
      clearTimeout(next.patience);
      reading.delete(next);
      hanging.delete(next);
      next.answer(text);
      readNext();
    });
  }
}

function giveUp(asked: Read): void {
  const at = queue.indexOf(asked);
  if (at !== -1) queue.splice(at, 1);
  if (reading.has(asked)) hanging.add(asked);
  asked.answer(undefined);
  if (hanging.size < MAX_READING) return;
  for (const { answer, patience } of queue.splice(0)) {
    clearTimeout(patience);
    answer(undefined);
  }
}

/** In as few turns of the pool as can be: promises and streams take twice as many. */
function contents(path: string, done: (text: string | undefined) => void): void {
  open(path, (failed, fd) => {
    if (failed) {
      done(undefined);
      return;
    }
    const chunks: Buffer[] = [];
    const more = (): void =>
      read(fd, Buffer.allocUnsafe(CHUNK), 0, CHUNK, null, (error, length, buffer) => {
        if (!error) chunks.push(buffer.subarray(0, length));
        if (!error && length === CHUNK && chunks.length < MAX_CHUNKS) {
          more();
          return;
        }
        close(fd, () => {});
        done(error ? undefined : Buffer.concat(chunks).toString());
      });
    more();
  });
}
