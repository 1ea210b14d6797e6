// The main thread's handle of the engine: starts its thread, wakes it, and turns its messages into calls.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { closeEventfd, openEventfd, signalEventfd } from '../kernel/eventfd.ts';
import type { EngineOptions, FromEngine, Snapshot, ToEngine } from './messages.ts';

/** What the engine tells of its builds. */
export interface EngineEvents {
  started(id: number, fifo: string): void;
  failed(id: number, message: string): void;
  ended(id: number): void;
  /** The engine's thread ended by an error: nothing is accounted for any more. */
  died(error: Error): void;
}

export class EngineHandle {
  readonly #events: EngineEvents;
  readonly #wakeFd = openEventfd();
  readonly #worker: Worker;
  readonly #snapshots = new Map<number, (snapshot: Snapshot) => void>();
  #requests = 0;

  constructor(options: EngineOptions, events: EngineEvents) {
    this.#events = events;
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { options, wakeFd: this.#wakeFd },
      trackUnmanagedFds: false,
    });
    this.#worker.on('message', (message: FromEngine) => this.#heard(message));
    this.#worker.on('error', (error: Error) => events.died(error));
  }

  /** A build begins: `started` or `failed` follows, and `ended` when the build is over. `implicit`: slots its root needs to start. */
  open(id: number, rootPid: number, implicit: 0 | 1): void {
    this.#send({ type: 'open', id, rootPid, implicit });
  }

  /** A build that waits for its first slot is not wanted any more. */
  cancel(id: number): void {
    this.#send({ type: 'cancel', id });
  }

  /** Changes the pool's size, 1 to MAX_CAPACITY slots. */
  setCapacity(capacity: number): void {
    this.#send({ type: 'capacity', capacity });
  }

  /** The figures of this moment, freshly counted. */
  snapshot(): Promise<Snapshot> {
    const request = this.#requests++;
    return new Promise((resolve) => {
      this.#snapshots.set(request, resolve);
      this.#send({ type: 'snapshot', request });
    });
  }

  /** Ends the engine's thread; FIFOs that are in use stay. */
  async stop(): Promise<void> {
    const gone = once(this.#worker, 'exit');
    this.#send({ type: 'stop' });
    await gone;
    closeEventfd(this.#wakeFd);
  }

  #send(message: ToEngine): void {
    this.#worker.postMessage(message);
    signalEventfd(this.#wakeFd);
  }

  #heard(message: FromEngine): void {
    switch (message.type) {
      case 'started':
        this.#events.started(message.id, message.fifo);
        break;
      case 'failed':
        this.#events.failed(message.id, message.message);
        break;
      case 'ended':
        this.#events.ended(message.id);
        break;
      case 'snapshot':
        this.#snapshots.get(message.request)?.(message.snapshot);
        this.#snapshots.delete(message.request);
        break;
    }
  }
}
