// Which route a request means.
import { HttpError, type Route } from './call.ts';

type Params = Record<string, string>;

/** The route for `method` and `target`, a path that may have a query. @throws HttpError 404, or 405 when the path has other methods */
export function findRoute(routes: readonly Route[], method: string, target: string): { route: Route; params: Params } {
  const path = target.split('?', 1)[0] as string;
  const allowed: string[] = [];
  for (const route of routes) {
    const params = match(route.path, path);
    if (params === undefined) continue;
    if (route.method === method) return { route, params };
    allowed.push(route.method);
  }
  if (allowed.length === 0) throw new HttpError(404, `no such call: ${method} ${path}`);
  throw new HttpError(405, `${path} takes ${allowed.join(' and ')}, not ${method}`, { allow: allowed.join(', ') });
}

/** What stands for each `:name` of `pattern` in `path`, undefined when it is another path. */
function match(pattern: string, path: string): Params | undefined {
  const segments = path.split('/');
  const wanted = pattern.split('/');
  if (segments.length !== wanted.length) return undefined;
  const params: Params = {};
  for (const [at, want] of wanted.entries()) {
    const segment = segments[at] as string;
    if (!want.startsWith(':')) {
      if (segment !== want) return undefined;
    } else {
      if (segment === '') return undefined;
      params[want.slice(1)] = decoded(segment);
    }
  }
  return params;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, `${segment} is not well encoded`);
  }
}
