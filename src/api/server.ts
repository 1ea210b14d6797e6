// The API's transport: HTTP with JSON over a Unix socket. It knows sockets and bodies, and nothing of pools: what is done is
// in routes.ts.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { reason, StintError } from '../errors.ts';
import { type PeerCredentials, peerCredentials } from '../kernel/peercred.ts';
import { HttpError, type Route } from './call.ts';
import { API_HEADER, API_VERSION, VERSION_HEADER } from './schema.ts';

/** A body is a few short strings. */
const MAX_BODY = 64 * 1024;

/** Serves `routes` (by `METHOD /path`) on the Unix socket `path`. @throws StintError when it cannot listen */
export async function serveApi(path: string, version: string, routes: ReadonlyMap<string, Route>): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader(API_HEADER, API_VERSION);
    response.setHeader(VERSION_HEADER, version);
    void answer(routes, request, response);
  });
  server.keepAliveTimeout = 1000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StintError(`cannot listen on ${path}: ${reason(error)}`, { cause: error })),
    );
    server.listen({ path, backlog: 511 }, resolve);
  });
  return server;
}

async function answer(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const hangUp = new AbortController();
  response.once('close', () => hangUp.abort());
  let status = 200;
  let result: unknown;
  try {
    const route = routes.get(`${request.method} ${request.url}`);
    if (route === undefined) throw new HttpError(404, `no such call: ${request.method} ${request.url}`);
    const peer = credentialsOf(request.socket);
    result = await route({ peer, body: await readBody(request), gone: hangUp.signal });
  } catch (error) {
    status = error instanceof HttpError ? error.status : 500;
    result = { error: (error as Error).message };
  }
  if (response.destroyed) return;
  const body = Buffer.from(`${JSON.stringify(result)}\n`);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new HttpError(413, `a body has at most ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
}

/** Node has no way to ask for it: the descriptor stands in the socket's handle, which is not public but has not changed since 0.6. */
function credentialsOf(socket: Socket): PeerCredentials {
  const fd = (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) throw new HttpError(400, 'the caller has hung up');
  return peerCredentials(fd);
}
