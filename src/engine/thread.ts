// Starting the engine's thread, which takes a while: it can be begun before it is known what the thread is to do.
import { Worker } from 'node:worker_threads';
import { ENGINE_THREAD } from '../paths.ts';
import type { EngineOptions } from './messages.ts';

/** What the thread is told first. */
export interface Beginning {
  options: EngineOptions;
  /** Becomes readable when the main thread has sent something. */
  wakeFd: number;
  /** What it has in common with its relief. */
  memory: SharedArrayBuffer;
}

/** A thread that has loaded what it needs, or is about to, and waits to be told. */
interface Waiting {
  worker: Worker;
  /** 1: it has been told. */
  gate: Int32Array<SharedArrayBuffer>;
}

let waiting: Waiting | undefined;

/** Starts the thread of the engine that this process will have. */
export function warmUp(): void {
  waiting = start();
  waiting.worker.unref(); // it does not keep a process that has nothing for it to do
}

export function beginThread(beginning: Beginning): Worker {
  const { worker, gate } = waiting ?? start();
  waiting = undefined;
  worker.ref();
  worker.postMessage(beginning);
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  return worker;
}

function start(): Waiting {
  const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return { worker: new Worker(ENGINE_THREAD, { workerData: gate, trackUnmanagedFds: false }), gate };
}
