// The API's transport: HTTP with JSON and server-sent events over a Unix socket. It knows sockets and bodies, and nothing of
// pools: what is done is in routes.ts. While nobody is connected it has no timer.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { reason, StintError } from '../errors.ts';
import { peerCredentials, peerGroups, peerIsThere } from '../kernel/peercred.ts';
import { ownerOf } from '../process/owners.ts';
import { HttpError, type Peer, type Route, type Send, Text } from './call.ts';
import { Crowd } from './crowd.ts';
import { findRoute } from './match.ts';
import { API_HEADER, API_VERSION, VERSION_HEADER } from './schema.ts';

// Not imported: that would load Node's client for the web as well, some megabytes that the daemon never needs.
const { createServer } = process.getBuiltinModule('node:http');

/** A body is a few short strings. */
const MAX_BODY = 64 * 1024;

/** A reader of events is dropped when more than this waits for it, beside what the kernel holds; bytes. */
const MAX_QUEUE = 256 * 1024;

/** How long a caller may take to send its request, and may stand still while it takes the answer; milliseconds. */
const PATIENCE = 60_000;

/** Node would look for slow requests twice a minute, also when there are none; we have a timer for each connection instead. */
const NEVER = 2 ** 31 - 1;

/**
 * @param options.connections how many a user may have at a time, who is neither root nor the daemon's own
 * @param options.listening a socket that listens on `path` already
 * @throws StintError when it cannot listen on the Unix socket `path`
 */
export async function serveApi(
  path: string,
  version: string,
  routes: readonly Route[],
  {
    patience = PATIENCE,
    connections = Number.POSITIVE_INFINITY,
    listening,
  }: { patience?: number; connections?: number; listening?: number | undefined } = {},
): Promise<Server> {
  const crowd = new Crowd(connections);
  const deadlines = new WeakMap<Socket, NodeJS.Timeout>();
  const server = createServer({ connectionsCheckingInterval: NEVER }, async (request, response) => {
    const { socket } = request;
    response.setHeader(API_HEADER, API_VERSION);
    response.setHeader(VERSION_HEADER, version);
    await answer(routes, request, response, { crowd, read: () => clearTimeout(deadlines.get(socket)) });
    if (response.writableEnded && !socket.destroyed) socket.setTimeout(patience);
  });
  // One call for each connection: so what a caller can keep busy, and for how long, is easily bounded.
  server.maxRequestsPerSocket = 1;
  server.keepAliveTimeout = 1; // for who sends two at once: Node refuses the second, but would wait for a third
  server.keepAliveTimeoutBuffer = 0;
  server.on('connection', (socket) => {
    const refuse = (status: string, error: string) => socket.end(refusal(version, status, error));
    const refused = crowd.enter(socket, ownerOf(userOf(socket)));
    if (refused !== undefined) {
      refuse('503 Service Unavailable', refused);
      socket.destroySoon();
      return;
    }
    const deadline = setTimeout(() => {
      refuse('408 Request Timeout', 'the request did not come in time');
      socket.destroySoon();
    }, patience);
    deadlines.set(socket, deadline);
    socket.once('close', () => clearTimeout(deadline));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StintError(`cannot listen on ${path}: ${reason(error)}`, { cause: error })),
    );
    server.listen({ ...(listening === undefined ? { path } : { fd: listening }), backlog: 511 }, resolve);
  });
  return server;
}

/** `read` is called when the request has come in whole. */
async function answer(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  { crowd, read }: { crowd: Crowd; read(): void },
): Promise<void> {
  const hangUp = new AbortController();
  response.once('close', () => hangUp.abort());
  try {
    const { route, params } = findRoute(routes, request.method as string, request.url as string);
    const body = await readBody(request);
    read();
    if (response.destroyed) return;
    const peer = peerOf(request.socket);
    const query = new URLSearchParams((request.url as string).split('?').slice(1).join('?'));
    const call = { peer, params, query, body, gone: hangUp.signal };
    if ('events' in route) {
      const refused = crowd.read(request.socket);
      if (refused !== undefined) throw new HttpError(503, refused);
      route.events(call, startEvents(response, crowd));
      return;
    }
    const stream = () => ({ send: startEvents(response, crowd), end: () => void response.end() });
    const reply = async () => {
      const result = await route.answer(call, stream);
      if (!response.headersSent) sendResult(response, crowd, 200, result);
    };
    await (request.method === 'GET' ? crowd.inTurn(request.socket, reply) : reply());
  } catch (error) {
    const { status, headers } = error instanceof HttpError ? error : { status: 500, headers: {} };
    sendResult(response, crowd, status, { error: (error as Error).message }, headers);
  }
}

function sendResult(response: ServerResponse, crowd: Crowd, status: number, result: unknown, headers = {}): void {
  if (response.destroyed) return;
  const text = result instanceof Text ? result : new Text('application/json', `${JSON.stringify(result)}\n`);
  const body = Buffer.from(text.body);
  if (!crowd.affords(response.req.socket, body.length)) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...headers, 'content-type': text.type, 'content-length': body.length });
  response.end(body);
}

/** Nothing is sent to keep the connection alive: on a Unix socket the kernel says at once that the reader is gone. */
function startEvents(response: ServerResponse, crowd: Crowd): Send {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  return (event, data) => {
    if (response.destroyed) return;
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    // One event alone may be larger: that is no slow reader.
    const waits = response.writableLength;
    if (waits > MAX_QUEUE || (waits > 0 && !crowd.affords(response.req.socket, text.length))) response.destroy();
    else response.write(text);
  };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed when we stop early: the caller is to get its answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
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

/** The answer to who has not been heard. */
function refusal(version: string, status: string, error: string): string {
  const head = [
    `HTTP/1.1 ${status}`,
    `${API_HEADER}: ${API_VERSION}`,
    `${VERSION_HEADER}: ${version}`,
    'content-type: application/json',
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${JSON.stringify({ error })}\n`;
}

/** -1: it has hung up. */
function userOf(socket: Socket): number {
  try {
    return peerCredentials(descriptorOf(socket)).uid;
  } catch {
    return -1;
  }
}

/** Asked when all of the request has come: until then its process could go, and its number be given to another. */
function peerOf(socket: Socket): Peer {
  const fd = descriptorOf(socket);
  if (fd < 0) throw new HttpError(400, 'the caller has hung up');
  if (!peerIsThere(fd)) throw new HttpError(410, 'the process that has connected is gone');
  return { ...peerCredentials(fd), groups: peerGroups(fd) };
}

/** Node has no way to ask for it: it stands in the handle, which is not public but has not changed since 0.6. */
export const descriptorOf = (socket: Socket | Server): number =>
  (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
