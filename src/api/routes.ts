// Every call of the API, one line each, and the check of what comes in. docs/api.md writes them down for people.
import { HttpError, type Peer, type Route } from './call.ts';
import { claim, objectOf, text, timeLimit } from './checks.ts';
import type { BuildList, BuildOpened, BuildStatus, OpenBuild, PoolEvent, Status } from './schema.ts';

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
    { method: 'GET', path: '/status', answer: () => pool.status() },
    { method: 'GET', path: '/builds', answer: () => builds(pool) },
    { method: 'GET', path: '/builds/:id', answer: ({ params }) => build(pool, params.id as string) },
    {
      method: 'POST',
      path: '/builds',
      answer: ({ body, peer, gone }) => pool.openBuild(parseOpenBuild(body), peer, gone),
    },
    { method: 'GET', path: '/events', events: ({ gone }, send) => follow(pool, gone, send) },
  ];
}

async function builds(pool: Pool): Promise<BuildList> {
  return { builds: (await pool.status()).builds };
}

async function build(pool: Pool, id: string): Promise<BuildStatus> {
  const found = (await pool.status()).builds.find((one) => String(one.id) === id);
  if (found === undefined) throw new HttpError(404, `there is no build ${id}, or no longer`);
  return found;
}

function follow(pool: Pool, gone: AbortSignal, send: (event: string, data: unknown) => void): void {
  gone.addEventListener(
    'abort',
    pool.subscribe((event) => send(event.type, event)),
  );
}

function parseOpenBuild(body: unknown): OpenBuild {
  const given = objectOf(body);
  const { label, cwd, implicit = 1 } = given;
  if (implicit !== 0 && implicit !== 1) throw new HttpError(400, 'implicit must be 0 or 1');
  return { label: text('label', label), cwd: text('cwd', cwd), implicit, ...timeLimit(given), ...claim(given) };
}
