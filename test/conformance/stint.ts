// stint as a server of the suite: that of the machine, where each client finds its kind of node under one path, and that of a
// user, where `stint run` makes a pipe for each build.
import { request } from 'node:http';
import type { Style } from '../../src/conformance/told.ts';
import { detachMount } from '../../src/kernel/mount.ts';
import { Place, STINT } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';
import type { Node, Server } from './server.ts';

interface Ends {
  after(done: () => Promise<void>): void;
}

/** Slots of the pool before a node is opened: any number. */
const FIRST = 4;

/** stint for the whole machine. */
export interface MachineServer extends Server {
  /** Which kinds of node its clients have open now. */
  nodes(): Promise<string[]>;
}

/** `stint serve` with a FUSE directory of its own. It must be started by root. */
export const machineServer = (t: Ends): Promise<MachineServer> => serveMachine(t, undefined);

/** The same, with clients that open a device instead of what is in the directory. */
export const deviceServer = (t: Ends): Promise<MachineServer> => serveMachine(t, `stint-conformance-${process.pid}`);

async function serveMachine(t: Ends, device: string | undefined): Promise<MachineServer> {
  let end = async () => {};
  t.after(() => end()); // before the folder goes
  const place = new Place(t);
  end = async () => {
    await place.endDaemon('SIGKILL').catch(() => {});
    try {
      detachMount(place.dir);
    } catch {
      // it left in order, or never came
    }
  };
  const server = await serve(place, ['--mount', place.dir, ...(device === undefined ? [] : ['--device', device])]);
  const path = device === undefined ? `${place.dir}/jobserver` : `/dev/${device}`;
  const nodes = async () => {
    const { builds } = await place.status();
    return builds.flatMap(({ clients = [] }) => clients.map(({ node }) => node));
  };
  const name = device === undefined ? 'stint' : 'stint --device';
  return { ...server, name, open: (slots) => openNode(place, slots, { path }), nodes };
}

/** `stint serve --user`, with clients that are started by `stint run`. */
export async function userServer(t: Ends): Promise<Server> {
  const place = new Place(t);
  const server = await serve(place, ['--user']);
  const start = (style: Style, command: readonly string[]) => {
    const run = [STINT, 'run', '--user', '--style', style, '--', ...command];
    return ['/usr/bin/env', `XDG_RUNTIME_DIR=${place.folder}`, ...run];
  };
  return { ...server, name: 'stint --user', open: (slots) => openNode(place, slots, { path: '', start }) };
}

async function serve(place: Place, options: readonly string[]): Promise<Pick<Server, 'reclaims' | 'stop'>> {
  const daemon = place.start(['serve', '--strict', ...options, '--jobs', String(FIRST)], { deadline: 3_600_000 });
  const { child, output } = daemon;
  await until('the daemon says its line', () => output.stdout.endsWith('\n') || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`stint does not start: ${output.stderr}`);
  const stop = async () => {
    daemon.kill('SIGTERM');
    const { code, stderr } = await daemon.ended;
    if (code !== 0 || stderr !== '') throw new Error(`stint ended with ${code}: ${stderr}`);
  };
  return { reclaims: true, stop };
}

/** The one slot more is that of the job which the client runs without a token. */
async function openNode(place: Place, slots: number, how: Pick<Node, 'path' | 'start'>): Promise<Node> {
  let capacity = slots + 1;
  await setCapacity(place, capacity);
  return {
    ...how,
    calm: true,
    count: async () => {
      const { builds } = await place.status();
      return capacity - 1 - builds.reduce((sum, { held }) => sum + held, 0);
    },
    addSlots: (n) => setCapacity(place, (capacity += n)),
    close: async () => void (await place.untilIdle()),
  };
}

function setCapacity({ socket }: Place, slots: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, path: '/capacity', method: 'PUT', agent: false }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`stint refused ${slots} slots: ${response.statusCode}`));
      });
    });
    call.on('error', reject);
    call.end(JSON.stringify({ slots }));
  });
}
