// The server of `stint web`: who may ask, and for what. It serves the page, passes questions on to the daemon, and changes nothing:
// no method but GET gets past it.
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkRuntimeDir, type RuntimeDir } from '../../process/runtime-dir.ts';
import { cookieOf, isOwnHost, isToken, tokenIn } from './guard.ts';
import { follow } from './live.ts';
import { Machine } from './machine.ts';
import type { Page } from './page.ts';

export interface WebOptions {
  /** The pool that is shown; asked for again each time, as another one may have come. */
  runtime: () => RuntimeDir;
  /** Undefined: there is no secret, and nothing but the metrics. */
  token: string | undefined;
  page: Page | undefined;
  /** Looks at the machine for one who watches. */
  machine?: () => Pick<Machine, 'look'>;
}

/** Of every answer: nothing is kept, framed, guessed at or told to others. */
const HEADERS: OutgoingHttpHeaders = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function webServer(options: WebOptions): Server {
  const server = createServer((asked, response) => {
    const { port } = server.address() as AddressInfo;
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value as string);
    answer(options, { asked, response, port });
  });
  return server;
}

interface Exchange {
  asked: IncomingMessage;
  response: ServerResponse;
  port: number;
}

function answer(
  { runtime, token, page, machine = () => new Machine() }: WebOptions,
  { asked, response, port }: Exchange,
): void {
  const [path = '/', query = ''] = (asked.url ?? '/').split(/\?(.*)/s);
  const given = path === '/' ? new URLSearchParams(query).get('token') : null;
  if (!isOwnHost(asked.headers.host, port)) say(response, 421, 'ask for this server by its address, or as localhost');
  else if (asked.method !== 'GET') say(response, 405, 'this server only reads: GET', { allow: 'GET' });
  else if (token === undefined || page === undefined) {
    if (path === '/metrics') pass(runtime(), path, response);
    else say(response, 404, 'here is nothing but /metrics');
  } else if (given !== null && isToken(given, token)) {
    say(response, 303, '', { location: '/', 'set-cookie': cookieOf(port, token) });
  } else if (!isToken(tokenIn(asked.headers.cookie, port), token)) {
    say(response, 401, "open the whole address that 'stint web' has printed: it has a secret in it");
  } else if (path === '/') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': page.policy });
    response.end(page.html);
  } else if (path === '/live') follow(runtime, machine(), response);
  else if (path.startsWith('/api/')) pass(runtime(), (asked.url as string).slice('/api'.length), response);
  else say(response, 404, `there is nothing at ${path}`);
}

function say(response: ServerResponse, status: number, text: string, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
  response.end(text === '' ? '' : `${text}\n`);
}

/** Asks the daemon, and hands on what it answers, also when that does not end. */
function pass({ system, dir, socket }: RuntimeDir, path: string, response: ServerResponse): void {
  try {
    if (!system) checkRuntimeDir(dir);
  } catch (error) {
    return void say(response, 502, (error as Error).message);
  }
  const call = request({ socketPath: socket, path, agent: false, headers: { host: 'stint' } }, (answered) => {
    const { 'content-type': type = 'text/plain' } = answered.headers;
    response.writeHead(answered.statusCode ?? 502, { 'content-type': type });
    answered.pipe(response);
    answered.on('error', () => response.destroy());
  });
  call.on('error', (error) => {
    if (response.headersSent) response.destroy();
    else say(response, 502, `the daemon at ${socket} does not answer: ${error.message}`);
  });
  response.on('close', () => call.destroy());
  call.end();
}
