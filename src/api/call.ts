// What one call of the API is to the route that answers it, and who may change the pool.
import type { PeerCredentials } from '../kernel/peercred.ts';
import { groupName } from '../process/groups.ts';

/** Who calls, as the kernel says. */
export interface Peer extends PeerCredentials {
  /** Its supplementary groups. */
  groups: readonly number[];
}

/** One request. */
export interface Call {
  peer: Peer;
  /** What stands in the path for each `:name` of the route. */
  params: Readonly<Record<string, string>>;
  /** What stands after the `?`. */
  query: URLSearchParams;
  /** The parsed JSON body, undefined when there is none. */
  body: unknown;
  /** Aborted when the caller hangs up before it is answered; for events: when it hangs up, or is dropped as it reads too slowly. */
  gone: AbortSignal;
}

/** An answer that is not JSON. */
export class Text {
  readonly type: string;
  readonly body: string;

  constructor(type: string, body: string) {
    this.type = type;
    this.body = body;
  }
}

/** Sends one server-sent event; `data` becomes JSON. After `gone` nothing happens. */
export type Send = (event: string, data: unknown) => void;

/** An answer in events that has begun. */
export interface Stream {
  send: Send;
  /** Ends the answer. */
  end(): void;
}

/** Answers with what becomes the JSON body, or a Text, or begins an answer in events; after that it must not throw. @throws HttpError */
interface Answers {
  answer: (call: Call, stream: () => Stream) => unknown;
}

/** Answers with events, from now until the caller is gone; must not throw, as the answer has begun. */
interface Streams {
  events: (call: Call, send: Send) => void;
}

/** One line of the API. In `path`, `:name` stands for any one segment. */
export type Route = { method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string } & (Answers | Streams);

/** An answer that is not 2xx, thrown by a route. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Whether a user is root, or the daemon's own. */
export const isOwn = (uid: number): boolean => uid === 0 || uid === process.getuid?.();

/** Whether `peer` may change the pool: root, the user that the daemon runs as, and members of `group`. */
export function mayChange({ uid, gid, groups }: Peer, group?: number): boolean {
  return isOwn(uid) || (group !== undefined && (gid === group || groups.includes(group)));
}

/** Why `peer` may not. */
export function whoMay({ uid }: Peer, group: number | undefined): string {
  const own = process.getuid?.();
  const names = [
    'root',
    ...(own === 0 ? [] : [`user ${own}`]),
    ...(group === undefined ? [] : [`members of group ${groupName(group)}`]),
  ];
  return `user ${uid} may not change the pool: that is for ${names.join(' and ')}`;
}
