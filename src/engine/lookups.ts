// What the engine's thread must not do itself, since it could need an answer of the engine: reading /proc of a client, and
// opening pipes on the FUSE mount. It asks the main thread, and goes on meanwhile.
import type { Ends } from '../nodes/pipe.ts';
import type { Lineage } from '../process/lineage.ts';
import type { FromEngine } from './messages.ts';

/** The answer about somebody who cannot be looked at, as nothing can be opened. */
export const SHORT = 'short';

export class Lookups {
  readonly #send: (message: FromEngine) => void;
  readonly #open = new Map<number, (answer: never) => void>();
  #requests = 0;

  constructor(send: (message: FromEngine) => void) {
    this.#send = send;
  }

  /** Questions without an answer yet. */
  get pending(): number {
    return this.#open.size;
  }

  /** Who the thread `tid` of user `uid` is; undefined when it is gone or hides, or when we are `short` of descriptors. */
  who(
    { tid, uid }: { tid: number; uid: number },
    answer: (lineage: Lineage | undefined, short: boolean) => void,
  ): void {
    const then = (found: Lineage | typeof SHORT | undefined) =>
      found === SHORT ? answer(undefined, true) : answer(found, false);
    this.#send({ type: 'who', request: this.#ask(then), tid, uid });
  }

  /** The ends of the pipe with the node id `id`, and of that for returns unless `returnId` is 0; undefined: none can be opened. */
  pipe(id: number, returnId: number, answer: (ends: Ends | undefined) => void): void {
    const then = (ends: Ends | typeof SHORT | undefined) => {
      if (ends === SHORT) this.scarce();
      answer(ends === SHORT ? undefined : ends);
    };
    this.#send({ type: 'pipe', request: this.#ask(then), id, returnId });
  }

  /** Somebody is refused, as we may not open anything more. */
  scarce(): void {
    this.#send({ type: 'scarce' });
  }

  /** The text of `status`. */
  status(answer: (text: string) => void): void {
    this.#send({ type: 'status', request: this.#ask(answer) });
  }

  answered(request: number, answer: unknown): void {
    const then = this.#open.get(request);
    this.#open.delete(request);
    then?.(answer as never);
  }

  #ask(answer: (answer: never) => void): number {
    const request = this.#requests++;
    this.#open.set(request, answer);
    return request;
  }
}
