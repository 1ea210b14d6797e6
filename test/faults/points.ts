// Points of a daemon under test: at each of them it does what the plan says, once. The plan is a file that the test writes and that
// is read at each point (plan.ts); whoever carries it out strikes it out first, so that whoever comes after does not do it again.
import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { SystemError } from '../../src/kernel/libc.ts';
import { decodePlan, type Plan, SIZE } from './plan.ts';

const { openSync, readSync, writeSync } = fs;

/** Which part of the daemon this thread is. */
const ROLE = process.argv[2] === 'serve' ? 'keeper' : isMainThread ? 'main' : 'engine';
/** Calls that change nothing: a point there is the same as the one before it. */
const LOOKS =
  /bytesInPipe|hasReader|pathOf|readSync|readFileSync|statSync|existsSync|readdirSync|readlinkSync|waitToSend|fstatSync/;
/** What returns the negative errno instead of throwing. */
const RETURNS = /^(io\.(readBytes|writeBytes|reader|writer)|splice\.moveBytes|fds\.(sendMessage|receiveMessage))/;

const path = process.env.TEST_FAULTS;
const file = path === undefined ? -1 : openSync(path, 'r+');
const record = path === undefined ? -1 : openSync(`${path}.seen`, 'a');
const bytes = Buffer.alloc(SIZE);
let plan: Plan | undefined;
let serial = '';
let seen = 0;

/** The plan of this moment, if it is about this thread. */
function planNow(): Plan | undefined {
  readSync(file, bytes, 0, SIZE, 0);
  const text = bytes.toString('latin1');
  if (text !== serial) {
    serial = text;
    seen = 0;
    plan = decodePlan(text);
  }
  return plan?.role === ROLE ? plan : undefined;
}

/** Does what is planned for here: the errno of the error that the call shall have, or 0. */
function at(point: string): number {
  if (file === -1) return 0;
  const now = planNow();
  if (now === undefined) return 0;
  if (now.action === 'record') {
    writeSync(record, `${process.pid} ${point}\n`);
    return 0;
  }
  if (now.point !== point || ++seen < now.nth) return 0;
  const last = seen - now.nth + 1 >= now.times;
  if (last) writeSync(file, '-', 0);
  if (now.action === 'die') process.kill(process.pid, 'SIGKILL');
  else if (now.action === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, now.value);
  else return now.value;
  return 0;
}

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** What stands for `real`, an export named `name`. */
export function withPoints<T>(name: string, real: T): T {
  if (name === 'counters.Counters') return watchedCounters(real as Constructor) as T;
  if (typeof real !== 'function' || LOOKS.test(name)) return real;
  if (/^fs\./.test(name) && !name.endsWith('Sync')) return real;
  if (/^class\b/.test(Function.prototype.toString.call(real))) return classWithPoints(name, real as never) as T;
  return callWithPoints(name, real as never) as T;
}

/** Puts points around methods of `object`. */
export function pointsIn(name: string, object: object, methods: readonly string[]): void {
  const all = object as Record<string, Call>;
  for (const method of methods) all[method] = callWithPoints(`${name}.${method}`, all[method] as Call);
}

function callWithPoints(name: string, real: Call): Call {
  return function (this: unknown, ...args: unknown[]) {
    const errno = at(name);
    if (errno > 0) {
      if (RETURNS.test(name)) return -errno;
      throw new SystemError(name, errno);
    }
    const result = real.apply(this, args);
    at(`${name}:after`);
    return typeof result === 'function' ? callWithPoints(`${name}()`, result as Call) : result;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: any class
type Constructor = new (...args: any[]) => any;

function classWithPoints(name: string, real: Constructor): Constructor {
  const Replaced = class extends real {
    // biome-ignore lint/suspicious/noExplicitAny: those of `real`
    constructor(...args: any[]) {
      const errno = at(`${name}.new`);
      if (errno > 0) throw new SystemError(name, errno);
      super(...args);
    }
  };
  const methods = Object.getOwnPropertyNames(real.prototype).filter((method) => method !== 'constructor');
  for (const method of methods) {
    const { value } = Object.getOwnPropertyDescriptor(real.prototype, method) ?? {};
    if (typeof value !== 'function') continue;
    Object.defineProperty(Replaced.prototype, method, { value: callWithPoints(`${name}.${method}`, value) });
  }
  return Replaced;
}

/** Counters in whose memory each store is a point. */
function watchedCounters(real: Constructor): Constructor {
  return class extends real {
    constructor(words: Int32Array) {
      super(
        new Proxy(words, {
          get: (target, key) => target[key as unknown as number],
          set: (target, key, value) => {
            at('counters.store');
            target[key as unknown as number] = value;
            return true;
          },
        }),
      );
    }
  };
}
