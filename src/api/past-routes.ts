// The calls that tell what was, one line each: builds that are over, what a build did with its slots, and sums for Prometheus.
import { METRICS_TYPE } from '../observe/metrics.ts';
import { type Call, HttpError, type Route, Text } from './call.ts';
import type { PastList } from './schema.ts';
import { seen, type Viewer } from './seen.ts';

/** What the API needs of the daemon for the past. */
export interface PastPool {
  /** Builds that are over, the newest first. */
  past(query: { limit: number; label?: string; user?: string; after?: number }): PastList['builds'];
  /**
   * What the newest build of this number did with its slots, or the one that `ended` then, Unix time in milliseconds, in Chrome's trace format, for
   * `viewer`; undefined: that is not known.
   */
  trace(id: number, viewer: Viewer, ended: number | undefined): unknown;
  /** The pool in the text format of Prometheus. */
  metrics(): Promise<string>;
}

/** Milliseconds that a Date can have. */
const TIMES = { min: 0, max: 8.64e15 };

const LIMIT = { standard: 50, max: 1000 };

export function pastRoutes(pool: PastPool): readonly Route[] {
  return [
    { method: 'GET', path: '/history', answer: (call): PastList => ({ builds: past(pool, call) }) },
    { method: 'GET', path: '/builds/:id/trace', answer: (call) => trace(pool, call) },
    { method: 'GET', path: '/metrics', answer: async () => new Text(METRICS_TYPE, await pool.metrics()) },
  ];
}

const past = (pool: PastPool, { query, peer }: Call): PastList['builds'] =>
  pool.past(parseQuery(query)).map((build) => seen(build, peer.uid));

function trace(pool: PastPool, { params: { id = '' }, query, peer }: Call): unknown {
  const ended = numberOf(query, 'ended', TIMES);
  const found = /^\d{1,15}$/.test(id) ? pool.trace(Number(id), peer.uid, ended) : undefined;
  if (found === undefined) throw new HttpError(404, `there is no trace of a build ${id}, or no longer`);
  return found;
}

function parseQuery(query: URLSearchParams): Parameters<PastPool['past']>[0] {
  const [label, user] = [query.get('label'), query.get('user')];
  const after = numberOf(query, 'after', TIMES);
  return {
    limit: numberOf(query, 'limit', { min: 1, max: LIMIT.max }) ?? LIMIT.standard,
    ...(label !== null && { label }),
    ...(user !== null && { user }),
    ...(after !== undefined && { after }),
  };
}

function numberOf(
  query: URLSearchParams,
  name: string,
  { min, max }: { min: number; max: number },
): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new HttpError(400, `${name} must be a whole number from ${min} to ${max}`);
}
