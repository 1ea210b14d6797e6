// The machine's node as the plain pool serves it: everybody is shown the file node, and no pipe is made. Pipes that are there go on by
// themselves, as far as those who have them open give back what they take.
import os from 'node:os';
import { Counters } from '../engine/journal/counters.ts';
import { countersOf } from '../engine/journal/facts.ts';
import { COUNTERS_SIZE } from '../engine/journal/layout.ts';
import { type Past, readPast } from '../engine/journal/past.ts';
import type { Store } from '../keeper/store.ts';
import { EPOLLIN, Epoll, pollInBackground } from '../kernel/epoll.ts';
import { reader } from '../kernel/io.ts';
import { mapMemory } from '../kernel/memory.ts';
import { askAgain } from '../nodes/fuse/again.ts';
import { deviceChannel } from '../nodes/fuse/channel.ts';
import { deviceReader } from '../nodes/fuse/device.ts';
import { Directory, ID, mayOpen, type NodeRights } from '../nodes/fuse/directory.ts';
import { type Host, Session } from '../nodes/fuse/session.ts';
import { FUSE_NEWEST_MINOR, Request } from '../nodes/fuse/wire.ts';
import { NO_NOTES } from '../nodes/notes.ts';
import { lineageOf } from '../process/lineage.ts';
import { ownerOf } from '../process/owners.ts';
import { Accounts } from './accounts.ts';
import { PlainNode, type PlainOptions } from './node.ts';

const { ENODEV, ECONNABORTED, EACCES } = os.constants.errno;

interface Parts {
  kept: ReadonlyMap<string, number>;
  store: Store;
  capacity: number;
  rights: NodeRights;
  /** The text of `status`. */
  status(): string;
  /** The mount was taken away. */
  unmounted(): void;
}

/** Serves the device that was kept: from now on the node answers. */
export function servePlainly({ kept, store, capacity, rights, status, unmounted }: Parts): PlainNode {
  const device = kept.get('fuse') as number;
  const cuse = kept.get('cuse');
  const channel = deviceChannel(device, cuse);
  const waiting = askAgain(channel, { device, cuse });
  const { minor, past, ...inherited } = inherit(kept);
  const asked = new Set(waiting.filter(({ resent }) => resent).map(({ unique }) => unique));
  past?.counters.settle((unique) => asked.has(unique), undefined);
  const epoll = new Epoll();
  for (const fd of [device, cuse]) if (fd !== undefined) epoll.add(fd, EPOLLIN);
  const accounts = new Accounts({ kept, store, epoll, capacity, past, freed: () => file.serve() });
  const file = new PlainNode({ channel, capacity, accounts, ...inherited });
  const directory = new Directory(rights, () => {});
  directory.resume({ nextPipe: ID.FIRST_PIPE, socket: true });
  const session = new Session({ channel, file, directory, host: hostOf(rights, accounts, status) });
  session.resume({ minor, resend: true });
  for (const request of waiting) session.handle(request);
  const request = new Request();
  const receive = reader(device, request.bytes);
  let readDevice = cuse === undefined ? undefined : deviceReader(cuse, (request) => session.handle(request));
  const serve = () => {
    epoll.wait(0, (fd) => accounts.ended(fd));
    for (let length = receive(); length !== 0; length = receive()) {
      if (length === -ENODEV || length === -ECONNABORTED) {
        unmounted();
        return;
      }
      if (length < 0) break;
      if (request.received(length)) session.handle(request);
    }
    if (readDevice?.() === false) {
      epoll.remove(cuse as number);
      readDevice = undefined;
    }
    pollInBackground(epoll.fd, serve);
  };
  serve();
  return file;
}

type Inherited = Pick<PlainOptions, 'notes' | 'firstFile'> & { minor: number; past?: Past };

/** What the journal says, as far as it can be read. */
function inherit(kept: ReadonlyMap<string, number>): Inherited {
  try {
    const past = readPast(kept);
    const { minor = FUSE_NEWEST_MINOR } = (past.facts.get('machine') ?? {}) as { minor?: number };
    const memory = mapMemory(kept.get(countersOf(past.facts)) as number, COUNTERS_SIZE);
    const firstFile = Math.max(0, ...[...past.counters.files()].map(({ fh }) => fh)) + 1;
    return { past, minor, firstFile, notes: new Counters(new Int32Array(memory)) };
  } catch {
    return { minor: FUSE_NEWEST_MINOR, firstFile: FAR, notes: NO_NOTES };
  }
}

/** Numbers of open files that cannot be those of files we know nothing of. */
const FAR = 1 << 19;

function hostOf(rights: NodeRights, accounts: Accounts, status: () => string): Host {
  return {
    show: ({ tid, uid, gid }, answer) => {
      const groups = lineageOf(tid).then(
        (lineage) => lineage?.groups ?? [],
        () => [],
      );
      void groups.then((groups) =>
        answer(mayOpen({ uid, gid, groups }, rights) ? { node: 'file' } : { node: 'none', errno: EACCES }),
      );
    },
    thread: (tid) => accounts.thread(tid),
    identify: ({ tid }, answer) => {
      const known = lineageOf(tid).catch(() => undefined);
      void known.then((lineage) => answer(accounts.threadOf(tid, lineage)));
    },
    owe: () => () => {},
    opened: () => {},
    owner: ownerOf,
    own: (tid) => tid === process.pid,
    status: (answer) => answer(status()),
    ready: () => {},
    bound: () => {},
    tooOld: () => {},
  };
}
