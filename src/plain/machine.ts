// The machine's node as the plain pool serves it: everybody is shown the file node, and no pipe is made. Pipes that are there go on by
// themselves, as far as those who have them open give back what they take.
import os from 'node:os';
import { Counters, type Mark } from '../engine/journal/counters.ts';
import { countersOf } from '../engine/journal/facts.ts';
import { COUNTERS_SIZE } from '../engine/journal/layout.ts';
import { type Past, readPast } from '../engine/journal/past.ts';
import type { Store } from '../keeper/store.ts';
import { pollInBackground } from '../kernel/epoll.ts';
import { reader } from '../kernel/io.ts';
import { mapMemory, openMemory } from '../kernel/memory.ts';
import { setNonblocking } from '../kernel/nonblock.ts';
import type { Caller } from '../nodes/caller.ts';
import { deviceChannel } from '../nodes/fuse/channel.ts';
import { Directory, ID, mayOpen, type NodeRights } from '../nodes/fuse/directory.ts';
import { type Host, Session } from '../nodes/fuse/session.ts';
import { FUSE_NEWEST_MINOR, Request } from '../nodes/fuse/wire.ts';
import { NO_NOTES } from '../nodes/notes.ts';
import { lineageOf } from '../process/lineage.ts';
import { PlainNode, type PlainOptions } from './node.ts';

const { ENODEV, ECONNABORTED, EACCES } = os.constants.errno;

/** The key under which the count of slots that are out is kept. */
const OUT = 'plain';

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
  const channel = deviceChannel(device);
  const { minor, ...inherited } = inherit(kept, store, capacity);
  const file = new PlainNode({ channel, capacity, ...inherited });
  const directory = new Directory(rights, () => {});
  directory.resume({ nextPipe: ID.FIRST_PIPE, socket: true });
  const session = new Session({ channel, file, directory, host: hostOf(rights, status) });
  session.resume({ minor, resend: true });
  setNonblocking(device, true);
  channel.notifyResend(); // what whoever was here before us has read and not answered
  const request = new Request();
  const receive = reader(device, request.bytes);
  const serve = () => {
    for (let length = receive(); length !== 0; length = receive()) {
      if (length === -ENODEV || length === -ECONNABORTED) {
        unmounted();
        return;
      }
      if (length < 0) break;
      if (request.received(length)) session.handle(request);
    }
    pollInBackground(device, serve);
  };
  serve();
  return file;
}

type Inherited = Pick<PlainOptions, 'notes' | 'firstFile' | 'out'> & { minor: number };

/** What the journal says, as far as it can be read: which files are open, and how many slots are out. */
function inherit(kept: ReadonlyMap<string, number>, store: Store, capacity: number): Inherited {
  const before = kept.get(OUT);
  const fd = before ?? openMemory('stint-plain', Int32Array.BYTES_PER_ELEMENT);
  const out = new Int32Array(mapMemory(fd, Int32Array.BYTES_PER_ELEMENT));
  if (before === undefined) store.keep(OUT, fd);
  try {
    const past = readPast(kept);
    // One slot at the least is there for those who come.
    if (before === undefined) out[0] = Math.max(0, Math.min(heldBy(past), capacity - 1));
    const { minor = FUSE_NEWEST_MINOR } = (past.facts.get('machine') ?? {}) as { minor?: number };
    const memory = mapMemory(kept.get(countersOf(past.facts)) as number, COUNTERS_SIZE);
    const firstFile = Math.max(0, ...[...past.counters.files()].map(({ fh }) => fh)) + 1;
    return { out, minor, firstFile, notes: new Counters(new Int32Array(memory)) };
  } catch {
    return { out, minor: FUSE_NEWEST_MINOR, firstFile: FAR, notes: NO_NOTES };
  }
}

/** Numbers of open files that cannot be those of files we know nothing of. */
const FAR = 1 << 19;

/** Slots that the journal says are taken: its facts name the counters that count, as `has` and `root`. */
function heldBy({ facts, counters }: Past): number {
  const held = (fact: unknown): number => {
    if (typeof fact !== 'object' || fact === null) return 0;
    const of = Object.entries(fact).map(([name, value]) => {
      const isMark = (name === 'has' || name === 'root') && Array.isArray(value);
      return isMark ? Math.max(0, counters.value(value as unknown as Mark) ?? 0) : held(value);
    });
    return of.reduce((sum, one) => sum + one, 0);
  };
  return [...facts.values()].reduce<number>((sum, fact) => sum + held(fact), 0);
}

function hostOf(rights: NodeRights, status: () => string): Host {
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
    thread: (tid) => ({ tid, caller: ANYBODY, ownerLow: 0, ownerHigh: 0 }),
    identify: (_, answer) => answer(EACCES),
    owe: () => () => {},
    opened: () => {},
    own: (tid) => tid === process.pid,
    status: (answer) => answer(status()),
    ready: () => {},
    bound: () => {},
    tooOld: () => {},
  };
}

/** Nobody is told apart. */
const ANYBODY: Caller = { alive: true, client: undefined as never };
