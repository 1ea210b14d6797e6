// The engine's line to the thread that may wait: it reads /proc, and opens the daemon's own ends of pipes on the FUSE mount.
// The engine's thread does neither: both can need an answer of the engine itself.
import type { MessagePort } from 'node:worker_threads';
import type { Lineage } from '../process/lineage.ts';

/** The descriptors of a new pipe, one or two FIFOs; -1 where there is none. */
export interface PipeEnds {
  readEnd: number;
  writeEnd: number;
  returnEnd: number;
}

export type Question =
  | { type: 'who'; request: number; tid: number }
  | { type: 'pipe'; request: number; id: number; returnId: number };

export type Answer =
  /** The first message: the thread's own id. */
  | { type: 'here'; tid: number }
  | { type: 'who'; request: number; lineage: Lineage | undefined }
  | { type: 'pipe'; request: number; ends: PipeEnds | undefined };

export class Lookups {
  readonly #port: MessagePort;
  readonly #who = new Map<number, (lineage: Lineage | undefined) => void>();
  readonly #pipes = new Map<number, (ends: PipeEnds | undefined) => void>();
  #requests = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Questions without an answer yet. */
  get pending(): number {
    return this.#who.size + this.#pipes.size;
  }

  /** Who the thread `tid` is; undefined when it is gone or hides. */
  who(tid: number, answer: (lineage: Lineage | undefined) => void): void {
    const request = this.#requests++;
    this.#who.set(request, answer);
    this.#ask({ type: 'who', request, tid });
  }

  /** The ends of the pipe with the node id `id`, and of that for returns unless `returnId` is 0; undefined: none can be opened. */
  pipe(id: number, returnId: number, answer: (ends: PipeEnds | undefined) => void): void {
    const request = this.#requests++;
    this.#pipes.set(request, answer);
    this.#ask({ type: 'pipe', request, id, returnId });
  }

  answered(answer: Answer): void {
    if (answer.type === 'who') {
      const then = this.#who.get(answer.request);
      this.#who.delete(answer.request);
      then?.(answer.lineage);
    } else if (answer.type === 'pipe') {
      const then = this.#pipes.get(answer.request);
      this.#pipes.delete(answer.request);
      then?.(answer.ends);
    }
  }

  #ask(question: Question): void {
    this.#port.postMessage(question);
  }
}
