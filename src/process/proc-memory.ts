// The files of /proc for which a process can make the reader wait for ever: its stat, its links and its environment, by an exec
// that closes a file on a file system that never answers; its environment and its arguments, by memory that a userfaultfd never
// brings. So they are read by threads of Node's pool, at most MAX_READING of them, for the pool has other work, and one for each
// user, so that who makes us wait is alone in that. A read that hangs is given up, and ends with its process.
import { access, close, open, read, readlink } from 'node:fs';
import { living, parseStat, type Stat } from './proc.ts';

/** How long a system call may take, and how often that is looked at, milliseconds. */
const PATIENCE = 100;
/** So many times, however slowly it goes on. */
const MAX_PATIENCE = 10;
/** Reads at once; the pool has four threads. */
const MAX_READING = 2;
/** Bytes. */
const CHUNK = 32 << 10;
/** A process may say more of itself than anybody wants to know, and everybody would wait until we have gone through it. */
const MAX_CHUNKS = 32;
const MAX_VARIABLES = 4096;
const MAX_ARGUMENTS = 256;

/** A read that somebody waits for, or has given up. */
interface Read {
  /** The user whose process is read; undefined: not limited to one at a time. */
  owner: number | undefined;
  begin: (done: (found: unknown) => void, went: () => void) => void;
  answer: (found: unknown) => void;
  /** System calls that have come back. */
  steps: number;
  patience: NodeJS.Timeout | undefined;
}

/** In the order of asking. */
const queue: Read[] = [];
const reading = new Set<Read>();
/** Those of `reading` that nobody waits for any more. */
const hanging = new Set<Read>();

/** Whether a thread of the pool is at it: until that comes back, Node's own ways out of this process are barred. */
export const isReading = (): boolean => reading.size > 0;

/** What the kernel tells of a process only while that is not in exec. */
export interface Held {
  stat: Stat | undefined;
  exe: string | undefined;
  cwd: string | undefined;
}

/** Of the process `pid` of user `owner`. What is gone or hidden is undefined, and so is everything when it does not come in time. */
export async function heldOf(pid: number, root: string = '/proc', owner?: number): Promise<Held> {
  const folder = `${root}/${pid}`;
  const found = await inTime<Held>(owner, (done, went) => {
    const link = (name: string, then: (path: string | undefined) => void): void =>
      readlink(`${folder}/${name}`, (error, path) => {
        went();
        then(error ? undefined : living(path));
      });
    contents(`${folder}/stat`, went, (stat) =>
      link('exe', (exe) => link('cwd', (cwd) => done({ stat: parseStat(stat, pid), exe, cwd }))),
    );
  });
  return found ?? { stat: undefined, exe: undefined, cwd: undefined };
}

/** The environment that the process `pid` was started with; undefined when it is gone, hidden, or does not come in time. */
export async function environOf(
  pid: number,
  root: string = '/proc',
  owner?: number,
): Promise<ReadonlyMap<string, string> | undefined> {
  const text = await textOf(`${root}/${pid}/environ`, owner);
  if (text === undefined) return undefined;
  const variables = new Map<string, string>();
  for (const entry of text.split('\0', MAX_VARIABLES)) {
    const at = entry.indexOf('=');
    const name = entry.slice(0, at);
    if (at > 0 && !variables.has(name)) variables.set(name, entry.slice(at + 1)); // getenv(3) finds the first
  }
  return variables;
}

/** The arguments of the process `pid`, its own name first; undefined as for `environOf`. */
export async function argumentsOf(pid: number, root: string = '/proc', owner?: number): Promise<string[] | undefined> {
  return (await textOf(`${root}/${pid}/cmdline`, owner))?.replace(/\0$/, '').split('\0', MAX_ARGUMENTS);
}

const textOf = (path: string, owner?: number): Promise<string | undefined> =>
  inTime<string | undefined>(owner, (done, went) => contents(path, went, done));

/** What `begin` finds; undefined when that takes too long, or is sure to. Never rejects. */
function inTime<T>(
  owner: number | undefined,
  begin: (done: (found: T) => void, went: () => void) => void,
): Promise<T | undefined> {
  if (isVain(owner)) return Promise.resolve(undefined);
  return new Promise((answer) => {
    queue.push({ owner, begin, answer, steps: 0, patience: undefined } as Read);
    readNext();
  });
}

/** Whether all would wait that wait now for a process of `owner`. */
const isVain = (owner: number | undefined): boolean =>
  hanging.size === MAX_READING || (owner !== undefined && [...hanging].some((one) => one.owner === owner));

function readNext(): void {
  while (reading.size < MAX_READING) {
    const busy = new Set([...reading].map(({ owner }) => owner));
    const at = queue.findIndex(({ owner }) => owner === undefined || !busy.has(owner));
    const [next] = at === -1 ? [] : queue.splice(at, 1);
    if (next === undefined) return;
    reading.add(next);
    watch(next, MAX_PATIENCE);
    next.begin(
      (found) => {
        clearTimeout(next.patience);
        reading.delete(next);
        hanging.delete(next);
        next.answer(found);
        readNext();
      },
      () => next.steps++,
    );
  }
}

/** Gives `asked` up when it makes no way though the threads of the pool do: a machine full of work is slow in everything. */
function watch(asked: Read, patience: number): void {
  const { steps } = asked;
  const look = (): void => {
    if (!reading.has(asked)) return;
    if (asked.steps === steps || patience <= 1) giveUp(asked);
    else watch(asked, patience - 1);
  };
  asked.patience = setTimeout(() => access('/', () => setImmediate(look)), PATIENCE);
}

function giveUp(asked: Read): void {
  hanging.add(asked);
  asked.answer(undefined);
  for (const one of queue.splice(0)) {
    if (isVain(one.owner)) one.answer(undefined);
    else queue.push(one);
  }
}

/** In as few turns of the pool as can be: promises and streams take twice as many. */
function contents(path: string, went: () => void, done: (text: string | undefined) => void): void {
  open(path, (failed, fd) => {
    went();
    if (failed) {
      done(undefined);
      return;
    }
    const chunks: Buffer[] = [];
    const more = (): void =>
      read(fd, Buffer.allocUnsafe(CHUNK), 0, CHUNK, null, (error, length, buffer) => {
        went();
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
