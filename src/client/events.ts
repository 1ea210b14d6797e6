// A call of the API that is answered in server-sent events, as our own server writes them: it asks in HTTP/1.0, so that the
// answer comes in no chunks.
import { connect } from 'node:net';
import type { RuntimeDir } from '../process/runtime-dir.ts';
import { BrokenOff, connectError, parseResponse, requestOf } from './call.ts';

export interface Stream {
  /** Resolves when the other end has hung up. @throws what `openEvents` throws, for an answer that is none in events */
  readonly ended: Promise<void>;
  hangUp(): void;
  /** The process may end though the other end has not hung up. */
  unref(): void;
}

/** `call`: method and path; `heard` is told each event. @throws NoDaemon, Refused, StintError, as call.ts does; `ended` too */
export function openEvents(
  runtime: RuntimeDir,
  call: string,
  body: unknown,
  heard: (event: string, data: unknown) => void,
): Stream {
  const request = requestOf(runtime, `${call} HTTP/1.0`, body);
  const socket = connect(runtime.socket);
  let text = '';
  let begun = false;
  const ended = new Promise<void>((resolve, reject) => {
    socket.setEncoding('utf8');
    let connected = false;
    socket.on('connect', () => {
      connected = true;
      socket.write(request);
    });
    socket.on('error', (error) => (begun ? resolve() : reject(connectError(runtime.socket, error, connected))));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!begun) {
        const end = text.indexOf('\r\n\r\n');
        if (end === -1 || !/^content-type: text\/event-stream/im.test(text.slice(0, end))) return;
        begun = true;
        text = text.slice(end + 4);
      }
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (event !== undefined && data !== undefined) heard(event, JSON.parse(data));
      }
    });
    socket.on('close', () => {
      if (begun) resolve();
      else if (text === '') reject(new BrokenOff());
      else {
        try {
          parseResponse(text, runtime);
          resolve();
        } catch (error) {
          reject(error);
        }
      }
    });
  });
  ended.catch(() => {}); // whoever waits for it hears of it
  return { ended, hangUp: () => void socket.destroy(), unref: () => void socket.unref() };
}
