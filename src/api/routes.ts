// Every call of the API, one line each, and the check of what comes in.
import { HttpError, type Route } from './call.ts';
import type { BuildOpened, OpenBuild, Status } from './schema.ts';

/** What the API needs of the daemon. */
export interface Pool {
  status(): Promise<Status>;
  /** Resolves when the build has its first slot. @throws HttpError */
  openBuild(request: OpenBuild, caller: { pid: number; uid: number }, gone: AbortSignal): Promise<BuildOpened>;
}

export function routesOf(pool: Pool): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['GET /status', () => pool.status()],
    ['POST /builds', ({ body, peer, gone }) => pool.openBuild(parseOpenBuild(body), peer, gone)],
  ]);
}

const MAX_TEXT = 4096;

function parseOpenBuild(body: unknown): OpenBuild {
  if (typeof body !== 'object' || body === null) throw new HttpError(400, 'the body must be a JSON object');
  const { label, cwd, implicit = 1 } = body as Record<string, unknown>;
  if (implicit !== 0 && implicit !== 1) throw new HttpError(400, 'implicit must be 0 or 1');
  return { label: text('label', label), cwd: text('cwd', cwd), implicit };
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value.length <= MAX_TEXT) return value;
  throw new HttpError(400, `${name} must be a string of at most ${MAX_TEXT} characters`);
}
