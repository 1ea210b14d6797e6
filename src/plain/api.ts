// The API as the plain pool answers it: what it is, and that all else has to wait.
import { createServer, type Server } from 'node:net';
import { API_HEADER, API_VERSION, type Status, VERSION_HEADER } from '../api/schema.ts';

/** A caller that does not say what it wants is given up; milliseconds. */
const PATIENCE = 10_000;
/** One that says more before the end of its first line is none of ours, characters. */
const MAX_LINE = 4096;
/** Callers at a time: each is answered at once, and so many that wait are up to no good. */
const MAX_CALLERS = 256;

/** Answers on the listening socket `fd`, which is closed with the server. */
export function answerPlainly(fd: number, status: () => Status): Server {
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('latin1');
    const patience = setTimeout(() => socket.destroy(), PATIENCE);
    socket.on('close', () => clearTimeout(patience));
    socket.on('error', () => {}); // it has gone
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\r\n')) {
        if (text.length > MAX_LINE) socket.destroy();
        return;
      }
      socket.removeAllListeners('data').resume();
      const now = status();
      const { version } = now.daemon;
      socket.end(/^GET \/status[ ?]/.test(text) ? answer(200, version, now) : answer(503, version, refusal(now)));
    });
  });
  server.maxConnections = MAX_CALLERS;
  return server.listen({ fd });
}

const refusal = ({ degraded = '' }: Status) => ({ error: `the daemon is degraded: ${degraded}` });

function answer(code: 200 | 503, version: string, body: object): string {
  const text = `${JSON.stringify(body)}\n`;
  const head = [
    code === 200 ? 'HTTP/1.1 200 OK' : 'HTTP/1.1 503 Service Unavailable',
    `${API_HEADER}: ${API_VERSION}`,
    `${VERSION_HEADER}: ${version}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
}
