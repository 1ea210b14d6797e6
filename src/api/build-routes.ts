// The calls about one build or one process, one line each, and the check of what comes in.
import { HttpError, type Peer, type Route } from './call.ts';
import { numberFrom, objectOf, oneOf } from './checks.ts';
import type { BuildStatus, ChangeBuild, ProcessStatus, Reclaimed } from './schema.ts';
import { seen } from './seen.ts';

/** What the API needs of the daemon for one build or process. */
export interface BuildChanges {
  /** Changes how a build stands beside others, as long as it lasts. @throws HttpError 403, 404 */
  changeBuild(id: string, change: ChangeBuild, caller: Peer): Promise<BuildStatus>;
  /** Takes back what nobody can have any more. @throws HttpError 403, 404 */
  reclaim(id: string, caller: Peer): Promise<Reclaimed>;
  /** Where a process stands. @throws HttpError 403, 404 */
  process(pid: string, caller: Peer): Promise<ProcessStatus>;
}

export function buildRoutes(pool: BuildChanges): readonly Route[] {
  return [
    {
      method: 'PATCH',
      path: '/builds/:id',
      answer: async ({ params, body, peer }) =>
        seen(await pool.changeBuild(params.id as string, parse(body), peer), peer.uid),
    },
    {
      method: 'POST',
      path: '/builds/:id/reclaim',
      answer: ({ params, peer }) => pool.reclaim(params.id as string, peer),
    },
    { method: 'GET', path: '/processes/:pid', answer: ({ params, peer }) => pool.process(params.pid as string, peer) },
  ];
}

function parse(body: unknown): ChangeBuild {
  const { weight, class: of } = objectOf(body);
  if (weight === undefined && of === undefined) throw new HttpError(400, 'one of weight and class must be given');
  return {
    ...(weight !== undefined && { weight: numberFrom('weight', weight, { min: 0.01, max: 1000 }) }),
    ...(of !== undefined && { class: oneOf('class', of, ['interactive', 'normal', 'background']) }),
  };
}
