// Callers of the API for tests: one call with its whole answer, raw bytes, and a reader of events.
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** The parsed body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  json: any;
}

/** One call; a `body` that is no string is sent as JSON. */
export function ask(socketPath: string, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, json: JSON.parse(Buffer.concat(chunks).toString()) });
      });
    });
    call.on('error', reject);
    call.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
}

interface Raw {
  socket: Socket;
  /** What has come so far. */
  said(): string;
  /** Resolves with all that came when the other end closes, or breaks off. */
  ended: Promise<string>;
}

/** A connection over which `bytes` are sent, and nothing else. */
export function raw(socketPath: string, bytes: string): Raw {
  const socket = connect(socketPath);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => {}); // 'close' follows
  socket.write(bytes);
  return { socket, said: () => text, ended: new Promise((resolve) => socket.on('close', () => resolve(text))) };
}

/** Subscribes to events: `[event, data]` for each that came. */
export function follow(socketPath: string, path: string): Raw & { events(): [string, unknown][] } {
  const connection = raw(socketPath, `GET ${path} HTTP/1.1\r\nhost: stint\r\n\r\n`);
  const events = () =>
    [...connection.said().matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map(([, event, data]): [string, unknown] => [
      event as string,
      JSON.parse(data as string),
    ]);
  return { ...connection, events };
}
