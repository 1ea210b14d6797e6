// A process of the kit: it does at its node what the kit tells it, one order after the other, and answers. Any order may hang in
// the kernel, which is why the kit itself never touches the node that it measures. It decides nothing.
//   in:  one JSON array a line, [order, arguments]
//   out: one JSON value a line; a negative number is an errno
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { alarmEvery } from '../kernel/alarm.ts';
import { EPOLLIN, Epoll } from '../kernel/epoll.ts';
import { EAGAIN, readBytes, reader, writeBytes, writer } from '../kernel/io.ts';
import { setNonblocking } from '../kernel/nonblock.ts';
import { dieWithParent } from '../kernel/parent.ts';
import { POLLIN, pollOne } from '../kernel/poll.ts';

/** How a client waits: in a read, or in poll(2), for which its descriptor must not block. */
export type How = 'block' | 'poll';

export type Orders = typeof ORDERS;

const ORDERS = {
  /** A descriptor. */
  open({ path, flags }: { path: string; flags: number }): number {
    try {
      return openSync(path, flags);
    } catch (error) {
      return (error as NodeJS.ErrnoException).errno ?? -1;
    }
  },

  close({ fd }: { fd: number }): number {
    closeSync(fd);
    return 0;
  },

  nonblocking({ fd, on }: { fd: number; on: boolean }): number {
    setNonblocking(fd, on);
    return 0;
  },

  /** One read(2) of one byte; `alarm`: under a timer, as alarmEvery has it. */
  read({ fd, alarm }: { fd: number; alarm?: { every: number; restart: boolean } }): number {
    const stop = alarm && alarmEvery(alarm.every, alarm);
    const result = readBytes(fd, byte, 1);
    stop?.();
    return result;
  },

  /** One write(2). */
  write({ fd, text }: { fd: number; text: string }): number {
    const bytes = Buffer.from(text, 'latin1');
    return writeBytes(fd, bytes, bytes.length);
  },

  poll({ fd, events, ms }: { fd: number; events: number; ms: number }): number {
    return pollOne(fd, events, ms);
  },

  /** What epoll(7) says after at most `ms` milliseconds of a descriptor watched for reading. */
  epoll({ fd, ms }: { fd: number; ms: number }): number {
    const epoll = new Epoll();
    let found = 0;
    try {
      epoll.add(fd, EPOLLIN);
      epoll.wait(ms, (_, events) => (found = events));
    } finally {
      epoll.close();
    }
    return found;
  },

  /** Takes `count` tokens through a descriptor that does not block, and tells how many it has got after at most `ms` milliseconds. */
  gather({ fd, count, ms }: { fd: number; count: number; ms: number }): number {
    const deadline = performance.now() + ms;
    let taken = 0;
    while (taken < count) {
      const result = readBytes(fd, byte, 1);
      if (result === 1) taken++;
      else if (result !== -EAGAIN) return taken === 0 ? result : taken;
      else if (performance.now() > deadline) break;
      else pollOne(fd, POLLIN, 20);
    }
    return taken;
  },

  /** Takes `count` tokens, and tells of each when it had it, in microseconds of the monotonic clock. */
  receive({ fd, count, how }: { fd: number; count: number; how: How }): number[] {
    const take = taker(fd, how);
    return Array.from({ length: count }, () => {
      take();
      return microseconds();
    });
  },

  /** Returns `count` tokens, one every `pause` milliseconds, and tells when. */
  send({ fd, count, pause }: { fd: number; count: number; pause: number }): number[] {
    return Array.from({ length: count }, () => {
      sleep(pause);
      const at = microseconds();
      writeBytes(fd, TOKEN, 1);
      return at;
    });
  },

  /** Takes a token, keeps it for `hold` milliseconds, returns it, and again from `from` to `to`, in microseconds; how often? */
  trips({ fd, how, hold, from, to }: { fd: number; how: How; hold: number; from: number; to: number }): number {
    const take = taker(fd, how);
    const put = writer(fd, TOKEN);
    sleep((from - microseconds()) / 1000);
    let trips = 0;
    for (; microseconds() < to; trips++) {
      take();
      if (hold > 0) sleep(hold);
      put(1);
    }
    return trips;
  },
};

const byte = new Uint8Array(1);
const TOKEN = Buffer.from('+');
const idle = new Int32Array(new SharedArrayBuffer(4));

/** Does what it is told until nobody tells it anything any more. */
export function agent(name: string | undefined): number {
  if (!dieWithParent(process.ppid)) return 0;
  if (name !== undefined) process.title = name;
  writeSync(1, '0\n');
  const chunk = Buffer.alloc(4096);
  for (let text = ''; ; ) {
    const length = readSync(0, chunk);
    if (length === 0) return 0;
    text += chunk.toString('utf8', 0, length);
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const [order, args] = JSON.parse(text.slice(0, end)) as [keyof Orders, never];
      text = text.slice(end + 1);
      writeSync(1, `${JSON.stringify(ORDERS[order](args))}\n`);
    }
  }
}

/** What takes one token, waiting as long as it must. */
function taker(fd: number, how: How): () => void {
  const read = reader(fd, byte);
  return () => {
    while (read() !== 1) if (how === 'poll') pollOne(fd, POLLIN, -1);
  };
}

const microseconds = (): number => Number(process.hrtime.bigint() / 100n) / 10;

function sleep(ms: number): void {
  if (ms > 0) Atomics.wait(idle, 0, 0, ms);
}
