// Every call of the API, one line each, and the check of what comes in. docs/api.md writes them down for people.
import { type Call, HttpError, type Peer, type Route, type Send } from './call.ts';
import { claim, folder, label, objectOf, timeLimit } from './checks.ts';
import type { BuildList, BuildOpened, BuildStatus, OpenBuild, PoolEvent, Status } from './schema.ts';
import { seenEvent, seenStatus } from './seen.ts';

/** What the API needs of the daemon. */
export interface Pool {
  status(): Promise<Status>;
  /** Resolves when the build has its first slot. @throws HttpError */
  openBuild(request: OpenBuild, caller: Peer, gone: AbortSignal): Promise<BuildOpened>;
  /** Calls `listener` with each event from now on, until what it returned is called. */
  subscribe(listener: (event: PoolEvent) => void): () => void;
}

export function routesOf(pool: Pool): readonly Route[] {
  return [
    { method: 'GET', path: '/status', answer: async ({ peer }) => seenStatus(await pool.status(), peer.uid) },
    { method: 'GET', path: '/builds', answer: ({ peer }) => builds(pool, peer) },
    { method: 'GET', path: '/builds/:id', answer: ({ params, peer }) => build(pool, params.id as string, peer) },
    {
      method: 'POST',
      path: '/builds',
      answer: ({ body, peer, gone }) => pool.openBuild(parseOpenBuild(body), peer, gone),
    },
    { method: 'GET', path: '/events', events: (call, send) => follow(pool, call, send) },
  ];
}

async function builds(pool: Pool, { uid }: Peer): Promise<BuildList> {
  return { builds: seenStatus(await pool.status(), uid).builds };
}

async function build(pool: Pool, id: string, peer: Peer): Promise<BuildStatus> {
  const found = (await builds(pool, peer)).builds.find((one) => String(one.id) === id);
  if (found === undefined) throw new HttpError(404, `there is no build ${id}, or no longer`);
  return found;
}

function follow(pool: Pool, { gone, peer }: Call, send: Send): void {
  gone.addEventListener(
    'abort',
    pool.subscribe((event) => send(event.type, seenEvent(event, peer.uid))),
  );
}

function parseOpenBuild(body: unknown): OpenBuild {
  const given = objectOf(body);
  const { implicit = 1 } = given;
  if (implicit !== 0 && implicit !== 1) throw new HttpError(400, 'implicit must be 0 or 1');
  return { label: label(given), cwd: folder(given), implicit, ...timeLimit(given), ...claim(given) };
}
