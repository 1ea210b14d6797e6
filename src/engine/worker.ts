// The engine's thread. However it ends, another thread may be waiting for an answer in the mount at that moment: so with it
// ends the mount or, where a keeper goes on with that, the process.
import { closeSync } from 'node:fs';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { KeeperStore, THREAD } from '../keeper/store.ts';
import { exitNow } from '../kernel/exit.ts';
import { openThreadPidfd } from '../kernel/pidfd.ts';
import { complain } from '../stderr.ts';
import { Engine } from './engine.ts';
import type { FromEngine, ToEngine } from './messages.ts';
import { Shift } from './relief.ts';
import type { Beginning } from './thread.ts';

const port = parentPort as MessagePort;
Atomics.wait(workerData as Int32Array<SharedArrayBuffer>, 0, 0);
const { options, wakeFd, memory } = (receiveMessageOnPort(port) as { message: Beginning }).message;
const shift = new Shift(memory);

const { keeper } = options;
const store = keeper && new KeeperStore(keeper.socket);
if (store !== undefined) announce(store);
try {
  const lines = {
    wakeFd,
    shift,
    receive: () => receiveMessageOnPort(port)?.message as ToEngine | undefined,
    send: (message: FromEngine) => port.postMessage(message),
  };
  if (new Engine(options, lines, keeper && store && { store, kept: keeper.kept }).run()) exitNow(0);
  store?.drop(THREAD); // it ends as it should
} catch (error) {
  if (store === undefined) throw error;
  complain(`stint: internal error: ${(error as Error).stack ?? error}\n`, 'error');
  exitNow(1);
} finally {
  shift.end();
  if (options.system !== undefined) closeSync(options.system.device);
  if (options.system?.cuse !== undefined) closeSync(options.system.cuse);
}

/** Lets the keeper know when this thread ends. */
function announce(store: KeeperStore): void {
  const pidfd = openThreadPidfd();
  if (pidfd === undefined) return;
  store.keep(THREAD, pidfd);
  closeSync(pidfd);
}
