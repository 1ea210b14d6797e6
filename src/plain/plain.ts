// The plain pool: what serves while no engine can. Of the machine everybody gets the file node, and slots go to who comes first, counted
// and nothing else; of a user nothing is given out anew. It shares no code with the engine that decides anything.
import { unlinkSync } from 'node:fs';
import type { Status } from '../api/schema.ts';
import { Remembered } from '../keeper/remembered.ts';
import type { KeeperStore, Legacy } from '../keeper/store.ts';
import { adoptMount } from '../nodes/fuse/mount.ts';
import { answerPlainly } from './api.ts';
import { servePlainly } from './machine.ts';
import type { PlainNode } from './node.ts';
import { CAPACITY, SERVED, type Served } from './served.ts';

/**
 * Serves what an engine has served before.
 * @returns what to do to leave
 * @throws Error when none has
 */
export function servePool(store: KeeperStore, { kept, restarts }: Legacy, reason: string): () => void {
  const remembered = new Remembered(undefined, kept);
  const served = remembered.read<Served>(SERVED);
  const listening = kept.get('listen');
  if (served === undefined || listening === undefined) throw new Error('no engine has served before');
  const { daemon, rights } = served;
  const capacity = remembered.read<number>(CAPACITY) ?? served.capacity;
  let node: PlainNode | undefined;
  const status = () => statusOf({ ...served, capacity }, { restarts, reason, node });
  const leave = () => {
    if (rights !== undefined) adoptMount(daemon.mount as string, kept.get('fuse') as number).unmount();
    else unlinkSync(daemon.socket);
    store.end(0);
  };
  if (rights !== undefined) {
    const text = () => `${JSON.stringify(status(), undefined, 2)}\n`;
    node = servePlainly({ kept, store, capacity, rights, status: text, unmounted: leave });
  }
  answerPlainly(listening, status);
  return leave;
}

function statusOf(
  { daemon, capacity }: Served,
  { restarts, reason, node }: { restarts: number; reason: string; node: PlainNode | undefined },
): Status {
  return {
    daemon: { ...daemon, restarts },
    pids: { keeper: daemon.pid, engine: process.pid },
    degraded: reason,
    capacity,
    limit: capacity,
    limits: [],
    free: node?.free ?? 0,
    waiting: node?.waiting ?? 0,
    reserved: 0,
    overcommit: 0,
    surplus: 0,
    with: [],
    builds: [],
  };
}
