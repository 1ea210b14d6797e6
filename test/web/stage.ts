// The real server of `stint web` before a daemon that tells a story.
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HttpError, type Route } from '../../src/api/call.ts';
import { liveRoute } from '../../src/api/live-route.ts';
import { serveApi } from '../../src/api/server.ts';
import { readPage } from '../../src/cli/web/page.ts';
import { webServer } from '../../src/cli/web/server.ts';
import { runtimeDir } from '../../src/process/runtime-dir.ts';
import { NOON } from '../cli/top/pools.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { past, pictureOf, type Story, traceOf } from './story.ts';

interface Ends {
  after(done: () => void): void;
}

export interface Stage {
  /** The whole address, with its secret. */
  url: string;
  origin: string;
  /** Seconds after noon that it is now. */
  second(): number;
  /** The daemon ends; and is there again. */
  end(): void;
  begin(): Promise<void>;
}

/** @param before seconds that whoever looks on first is told of at once, as if it had been there */
export async function startStage(t: Ends, story: Story, { before = 0, period = 1000 } = {}): Promise<Stage> {
  const folder = temporaryFolder(t);
  const runtime = runtimeDir({ XDG_RUNTIME_DIR: folder });
  mkdirSync(runtime.dir, { mode: 0o700 });
  let second = 0;
  const routes = routesOf(story, { before, period, at: () => second, told: (now) => (second = now) });
  const begin = () => serveApi(join(runtime.dir, 'api.sock'), '0.1.0', routes);
  let daemon = await begin();
  const token = 'a-secret-of-the-tests';
  const web = webServer({
    runtime: () => runtime,
    token,
    page: readPage(),
    machine: () => ({ look: () => story(second).machine }),
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const end = () => {
    daemon.close();
    daemon.closeAllConnections();
  };
  t.after(() => {
    end();
    web.close();
    web.closeAllConnections();
  });
  return {
    second: () => second,
    url: `${origin}/?token=${token}`,
    origin,
    end,
    begin: async () => {
      daemon = await begin();
    },
  };
}

interface Telling {
  before: number;
  period: number;
  at(): number;
  told(second: number): void;
}

function routesOf(story: Story, { before, period, at, told }: Telling): Route[] {
  const buildOf = (id: string | undefined) => {
    const found = story(at()).status.builds.find((build) => String(build.id) === id);
    if (found === undefined) throw new HttpError(404, `there is no build ${id}, or no longer`);
    return found;
  };
  const trace = (id: string | undefined) => {
    const { label } = past.find((build) => String(build.id) === id) ?? buildOf(id);
    return traceOf(Number(id), label);
  };
  let fresh = true;
  const watch: Parameters<typeof liveRoute>[0]['watch'] = (listener) => {
    let over = false;
    const tell = async () => {
      const from = fresh ? -before : at() + 1;
      fresh = false;
      for (let second = from; !over; second++) {
        told(second);
        listener(pictureOf(story(second).status, NOON + 1000 * second));
        await pause(second < 0 ? 2 : period);
      }
    };
    void tell();
    return () => {
      over = true;
    };
  };
  return [
    liveRoute({ watch }),
    { method: 'GET', path: '/status', answer: () => story(at()).status },
    { method: 'GET', path: '/history', answer: () => ({ builds: past }) },
    { method: 'GET', path: '/builds/:id', answer: ({ params }) => buildOf(params.id) },
    { method: 'GET', path: '/builds/:id/trace', answer: ({ params }) => trace(params.id) },
  ];
}
