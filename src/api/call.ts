// What one call of the API is to the route that answers it.
import type { PeerCredentials } from '../kernel/peercred.ts';

/** One request. */
export interface Call {
  peer: PeerCredentials;
  /** The parsed JSON body, undefined when there is none. */
  body: unknown;
  /** Aborted when the caller hangs up before it is answered. */
  gone: AbortSignal;
}

/** Answers a call with what becomes the JSON body. @throws HttpError */
export type Route = (call: Call) => Promise<unknown>;

/** An answer that is not 2xx, thrown by a route. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
