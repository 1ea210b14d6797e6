// The calls about leases, one line each, and the check of what comes in. docs/leases.md writes them down for people.
import type { Call, Peer, Route, Stream } from './call.ts';
import { claim, flag, folder, label, objectOf, oneOf, signalNumber, timeLimit, wholeNumber } from './checks.ts';
import { type LeaseList, type LeaseOpened, type LeaseStatus, MAX_CAPACITY, type OpenLease } from './schema.ts';
import { seen } from './seen.ts';

/** What the API needs of the daemon for leases. */
export interface LeasePool {
  leases(): Promise<LeaseStatus[]>;
  /** @throws HttpError 404 */
  lease(id: string): Promise<LeaseStatus>;
  /**
   * Resolves when the lease has its slots; one that is held by its connection then goes on in events, and there is no answer.
   * @throws HttpError
   */
  openLease(request: OpenLease, call: Call, stream: () => Stream): Promise<LeaseOpened | undefined>;
  /** Gives slots back, or takes more, as far as that can be done at once. @throws HttpError 403, 404, 409 */
  resizeLease(id: string, slots: number, caller: Peer): Promise<LeaseStatus>;
  /** All its slots come back. @throws HttpError 403, 404 */
  endLease(id: string, caller: Peer): Promise<LeaseStatus>;
}

export function leaseRoutes(pool: LeasePool): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/leases',
      answer: async ({ peer }): Promise<LeaseList> => ({
        leases: (await pool.leases()).map((one) => seen(one, peer.uid)),
      }),
    },
    {
      method: 'GET',
      path: '/leases/:id',
      answer: async ({ params, peer }) => seen(await pool.lease(params.id as string), peer.uid),
    },
    { method: 'POST', path: '/leases', answer: (call, stream) => pool.openLease(parse(call.body), call, stream) },
    {
      method: 'PATCH',
      path: '/leases/:id',
      answer: async ({ params, body, peer }) =>
        seen(await pool.resizeLease(params.id as string, slotsOf(body), peer), peer.uid),
    },
    {
      method: 'DELETE',
      path: '/leases/:id',
      answer: async ({ params, peer }) => seen(await pool.endLease(params.id as string, peer), peer.uid),
    },
  ];
}

function parse(body: unknown): OpenLease {
  const given = objectOf(body);
  const { hold = 'process', signal } = given;
  const min = wholeNumber('min', given.min, { min: 1, max: MAX_CAPACITY });
  return {
    label: label(given),
    cwd: folder(given),
    min,
    max: wholeNumber('max', given.max ?? min, { min, max: MAX_CAPACITY }),
    hold: oneOf('hold', hold, ['process', 'connection']),
    signal: signalNumber('signal', signal),
    ...timeLimit(given),
    ...claim(given),
    again: flag('again', given.again),
  };
}

const slotsOf = (body: unknown): number => wholeNumber('slots', objectOf(body).slots, { min: 1, max: MAX_CAPACITY });
