// One HTTP call over the daemon's socket. It speaks just as much HTTP as our own server answers, because
// Node's own client takes longer to load than `stint run` may take in all.
import { connect } from 'node:net';
import { API_HEADER, API_VERSION, type ApiError, VERSION_HEADER } from '../api/schema.ts';
import { reason, StintError } from '../errors.ts';
import { checkRuntimeDir, type RuntimeDir } from '../process/runtime-dir.ts';
import { VERSION } from '../version.ts';

/** How long the answer to a question may take, milliseconds. */
const PATIENCE = 5_000;

/** What connect(2) says where there is no daemon, or it leaves at this moment; the last two come of a mount that has ended. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTCONN', 'ECONNABORTED']);

/** No daemon answers at the socket: there is none, or it left meanwhile. */
export class NoDaemon extends Error {
  constructor() {
    super('no stint daemon answers');
  }
}

/** Somebody had listened, and broke off: the daemon's engine has died, or the daemon leaves. */
export class BrokenOff extends NoDaemon {}

/** The daemon's answer was an error: what it says is for people. */
export class Refused extends StintError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What tells a request that is sent again from another one of the same process. */
export const newClaim = (): string => process.hrtime.bigint().toString(36);

/** How long to try again when the daemon breaks off, milliseconds. */
const PERSEVERANCE = 10_000;
/** A call that was broken off so late had been taken up by somebody: from then on it is tried as long again. */
const TAKEN_UP = 100;
const BUSY = { hint: 'it may have no descriptor left, and its log says so; or it dies again and again' };

/** Asks again as long as the daemon breaks off: another engine goes on in a moment. `ask` has to bear being asked twice. @throws StintError */
export async function persevere<T>(ask: () => Promise<T>): Promise<T> {
  for (let deadline = performance.now() + PERSEVERANCE; ; ) {
    const began = performance.now();
    try {
      return await ask();
    } catch (error) {
      const now = performance.now();
      if (now > began + TAKEN_UP) deadline = now + PERSEVERANCE;
      if (!(error instanceof BrokenOff)) throw error;
      if (now > deadline) throw new StintError('the daemon breaks off every call', BUSY);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Calls the daemon and returns its JSON answer. GET is a question that is answered at once; anything else may take for ever. It is
 * asked again where the answer is lost.
 * @param signal gives the call up
 * @throws NoDaemon when nobody listens; Refused when the answer is an error; StintError when it is no daemon we can talk to
 */
export async function call<T>(
  runtime: RuntimeDir,
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const request = requestOf(runtime, `${method} ${path} HTTP/1.1`, body);
  const patience = method === 'GET' ? PATIENCE : 0;
  const ask = () => exchange(runtime.socket, request, { patience, signal });
  return persevere(async () => parseResponse<T>(await ask(), runtime));
}

/** The bytes of a call; `first` is the first line. @throws NoDaemon when there can be none */
export function requestOf(runtime: RuntimeDir, first: string, body: unknown): string {
  if (!runtime.system && !checkRuntimeDir(runtime.dir)) throw new NoDaemon();
  const text = body === undefined ? '' : JSON.stringify(body);
  return `${first}\r\nhost: stint\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** What it means that a connection to the daemon's socket failed; `connected`: after it had come about. */
export function connectError(socketPath: string, error: NodeJS.ErrnoException, connected: boolean): Error {
  if (NOBODY.has(error.code ?? '')) return connected ? new BrokenOff() : new NoDaemon();
  return new StintError(`cannot connect to ${socketPath}: ${reason(error)}`, { cause: error });
}

/** `patience`: milliseconds, 0 for ever. */
function exchange(
  socketPath: string,
  request: string,
  { patience, signal }: { patience: number; signal: AbortSignal | undefined },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let connected = false;
    const socket = connect({ path: socketPath, ...(signal && { signal }) });
    socket.setTimeout(patience, () => {
      reject(new StintError(`the daemon at ${socketPath} has not answered for ${patience / 1000} s`));
      socket.destroy();
    });
    socket.on('connect', () => {
      connected = true;
      socket.write(request);
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      const answer = Buffer.concat(chunks);
      if (isWhole(answer)) resolve(answer.toString());
      else reject(new BrokenOff());
    });
    socket.on('error', (error) => reject(connectError(socketPath, error, connected)));
  });
}

/** Whether an answer is as long as it says, if it does. */
function isWhole(answer: Buffer): boolean {
  const head = answer.indexOf('\r\n\r\n');
  const length = /^content-length: (\d+)\r$/im.exec(answer.toString('latin1', 0, head + 2))?.[1];
  return answer.length > 0 && (length === undefined || answer.length >= head + 4 + Number(length));
}

/** @throws Refused, StintError as `call` does */
export function parseResponse<T>(response: string, { socket }: RuntimeDir): T {
  const end = response.indexOf('\r\n\r\n');
  const [first = '', ...lines] = response.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? Number.NaN);
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const api = headers.get(API_HEADER);
  if (Number.isNaN(status) || api === undefined) {
    throw new StintError(`whoever listens on ${socket} is not a stint daemon`, { hint: 'stop it, then try again' });
  }
  if (api !== String(API_VERSION)) {
    throw new StintError(
      `the daemon at ${socket} is stint ${headers.get(VERSION_HEADER)} (API ${api}), this is stint ${VERSION} (API ${API_VERSION})`,
      {
        hint: "use its version, or stop it with SIGTERM when its builds are done; its pid is in the file 'lock' beside the socket",
      },
    );
  }
  let answer: unknown;
  try {
    answer = JSON.parse(response.slice(end + 4));
  } catch (error) {
    throw new StintError(`the daemon at ${socket} broke off its answer`, { cause: error });
  }
  if (typeof answer !== 'object' || answer === null) {
    throw new StintError(`the daemon at ${socket} gave an answer that is none`);
  }
  if (status >= 300) throw new Refused(status, (answer as ApiError).error);
  return answer as T;
}
