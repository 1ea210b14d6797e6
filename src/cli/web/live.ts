// What a page that is open is told every second: the picture of the pool, with what the machine says of itself. When the daemon
// is gone the page is told so, and the daemon looked for until it is back.
import type { ServerResponse } from 'node:http';
import type { Picture, Status } from '../../api/schema.ts';
import { openEvents } from '../../client/events.ts';
import { reason } from '../../errors.ts';
import type { RuntimeDir } from '../../process/runtime-dir.ts';
import { call, NoDaemon, Refused } from '../client.ts';
import type { GoneEvent, PictureEvent } from './contract.ts';
import type { Machine } from './machine.ts';

/** How long until a daemon is looked for again, milliseconds. */
const AGAIN = 1000;

export function follow(find: () => RuntimeDir, machine: Pick<Machine, 'look'>, response: ServerResponse): void {
  let timer: NodeJS.Timeout | undefined;
  let hangUp = () => {};
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.on('close', () => {
    clearTimeout(timer);
    hangUp();
  });

  const tell = (event: string, data: PictureEvent | GoneEvent) => {
    // A page that is too slow misses pictures; there will be others.
    if (!response.writableNeedDrain) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const gone = (why: string) => tell('gone', { reason: why });
  const look = async () => {
    const runtime = find();
    try {
      const stream = openEvents(runtime, 'GET /live', undefined, (event, pool) => {
        if (event === 'picture') tell('picture', { pool: pool as Picture, machine: machine.look() });
      });
      hangUp = stream.hangUp;
      await stream.ended;
      gone('the daemon has ended');
    } catch (error) {
      const plain = error instanceof Refused ? await plainPicture(runtime) : undefined;
      if (plain !== undefined) tell('picture', { pool: plain, machine: machine.look() });
      else gone(error instanceof NoDaemon ? `no daemon is running for ${runtime.dir}` : reason(error));
    }
    if (!response.destroyed) timer = setTimeout(look, AGAIN);
  };
  void look();
}

/** Of a pool that goes on without an engine, and so without events; undefined: it is none. */
async function plainPicture(runtime: RuntimeDir): Promise<Picture | undefined> {
  try {
    const status = await call<Status>(runtime, 'GET', '/status');
    return status.degraded === undefined ? undefined : { ...status, time: Date.now(), builds: [] };
  } catch {
    return undefined; // it is asked again
  }
}
