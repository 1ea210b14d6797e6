// The daemon, wired in reading order: place → lock → mount → engine → API → idle watch. `startDaemon` is what the engine process
// of `stint serve` runs and what tests start; it touches neither signals nor the exit code. What a keeper has kept of another
// daemon is taken over, instead of being made anew.
import { statSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { buildRoutes } from '../api/build-routes.ts';
import type { Peer } from '../api/call.ts';
import { leaseRoutes } from '../api/lease-routes.ts';
import { liveRoute } from '../api/live-route.ts';
import { pastRoutes } from '../api/past-routes.ts';
import { routesOf } from '../api/routes.ts';
import { descriptorOf, serveApi } from '../api/server.ts';
import { settingsRoutes } from '../api/settings-routes.ts';
import { DEFAULT_LIMITS, type LimitsConfig } from '../core/limits.ts';
import { EngineHandle } from '../engine/handle.ts';
import type { SystemOptions } from '../engine/messages.ts';
import { warmUp } from '../engine/thread.ts';
import { EXIT, reason, StintError } from '../errors.ts';
import { dropLock, takeLock } from '../keeper/lock.ts';
import { Remembered } from '../keeper/remembered.ts';
import type { KeeperStore, Legacy } from '../keeper/store.ts';
import { exitNow } from '../kernel/exit.ts';
import { devicePath, makeDevice } from '../nodes/fuse/make-device.ts';
import { adoptMount, type Mount, mountDirectory } from '../nodes/fuse/mount.ts';
import { History } from '../observe/history.ts';
import { Recorder } from '../observe/recorder.ts';
import { newTape, type TapeMemory } from '../observe/tape.ts';
import { CAPACITY, SERVED } from '../plain/served.ts';
import type { Values } from '../process/config/keys.ts';
import { allowance, NONE_LEFT } from '../process/descriptors.ts';
import type { Rule } from '../process/rules.ts';
import { ensureRuntimeDir, type RuntimeDir } from '../process/runtime-dir.ts';
import type { Level } from '../stderr.ts';
import { Builds } from './builds.ts';
import { Changes } from './changes.ts';
import { LearnedFile } from './learned.ts';
import { Leases } from './leases.ts';
import { Live } from './live.ts';
import { refusal } from './membership.ts';
import { Past } from './past.ts';
import { Settings } from './settings.ts';
import { StoredSettings } from './stored.ts';
import { removeFile, sweepFifos } from './sweep.ts';
import { Watch } from './watch.ts';
import { Withs } from './withs.ts';

export interface DaemonOptions {
  /** Slots in the pool where nobody says how many, 1 to MAX_CAPACITY. */
  capacity: number;
  /** What the command line says: it goes before the configuration, and before what was set before the daemon started. */
  options?: Values;
  /** What the configuration says. */
  file?: Values;
  rules?: readonly Rule[];
  runtime: RuntimeDir;
  version: string;
  /** Seconds without a build or a connection after which the daemon leaves; Infinity: never. */
  idleExit: number;
  /** Serve the whole machine: the node's permissions, and which node which program gets. */
  system?: Pick<SystemOptions, 'mode' | 'gid' | 'clients' | 'resend'> & {
    /** The name of a character device that is the node, too; undefined: there is none. */
    deviceName?: string | undefined;
    /** Who may change the pool, beside root. */
    apiGroup: number;
  };
  /** What the machine has to bear where nobody says anything; default: DEFAULT_LIMITS. */
  limits?: LimitsConfig;
  /** The folder of what outlives the daemon; undefined: nothing does. */
  state?: string | undefined;
  /** Says what went wrong without stopping anything. */
  note?: (line: string, level?: Level) => void;
  /** Check every invariant of the ledger after each mutation: for tests, it costs time. */
  audit?: boolean;
  /** The process that keeps what must outlive this one, and what it has kept; without one nothing outlives it. */
  keeper?: { pid: number; store: KeeperStore; legacy: Legacy; remembered: Remembered };
}

type System = NonNullable<DaemonOptions['system']>;

export interface Daemon {
  /** Resolves when the daemon has left; rejects when its engine broke. */
  readonly done: Promise<void>;
  /**
   * Leaves: what waits is refused, builds that run go on with the slots that lie in their pipes.
   * @param patience how long to wait for builds to end before that, milliseconds; no new ones are taken meanwhile
   */
  stop(patience?: number): void;
  /** Ends this process where it stands, for the next one to go on; only with a keeper. */
  yield(): void;
  /** Slots in the pool. */
  readonly capacity: number;
  /** Takes over what the configuration says and may change while it serves. */
  reload(config: Reloadable): void;
}

export interface Reloadable {
  settings: Values;
  rules: readonly Rule[];
  clients: SystemOptions['clients'];
}

/** Begins what takes long, before it is known what the daemon is to serve. */
export const prepareDaemon = warmUp;

/** @throws StintError when the place cannot be used or another daemon serves it */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { runtime, version, system, keeper } = options;
  const kept = keeper?.legacy.kept ?? new Map<string, number>();
  const first = (keeper?.legacy.restarts ?? 0) === 0;
  if (system === undefined) ensureRuntimeDir(runtime.dir);
  const lock = kept.get('lock') ?? takeLock(runtime, keeper?.pid ?? process.pid);
  keeper?.store.keep('lock', lock);
  const remembered = keeper?.remembered ?? new Remembered(undefined, kept);
  const settings = settingsOf(options, remembered);
  let mount: Mount | undefined;
  let cuse: number | undefined;
  let builds: Builds | undefined;
  let server: Server;
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let fail = reject;
  try {
    if (system === undefined) {
      if (first) sweepFifos(runtime.fifo);
    } else {
      cuse = openDevice(system, keeper);
      mount = openMount(runtime.dir, keeper);
    }
    const tape = newTape();
    const recorder = new Recorder(tape, historyOf(options));
    const parts = { settings, remembered, mount, cuse, tape, recorder };
    builds = openBuilds(options, parts, (error) => fail(error));
    await builds.engine.ready.catch((error) => {
      throw new StintError(`cannot serve ${runtime.dir}: ${reason(error)}`, {
        hint: 'FUSE needs Linux 5.4 or later',
        cause: error,
      });
    });
    const listening = kept.get('listen');
    if (system === undefined && listening === undefined) removeFile(runtime.socket); // stale: whoever listened there has lost the lock
    const group = system?.apiGroup;
    const changes = new Changes(builds, { group, system: system !== undefined, recorder });
    const leases = new Leases(builds, group);
    const pool = builds;
    const routes = [
      ...routesOf(builds),
      ...buildRoutes(changes),
      ...leaseRoutes(leases),
      liveRoute(new Live(() => pool.status())),
      ...settingsRoutes(builds, group),
      ...pastRoutes(new Past(builds, recorder)),
    ];
    server = await serveApi(runtime.socket, version, routes, { connections: allowance().connections, listening });
    keeper?.store.keep('listen', descriptorOf(server));
    remembered.write(SERVED, builds.served(system));
  } catch (error) {
    if (!first) throw error; // the keeper tries again
    await builds?.stop().catch(() => {});
    mount?.unmount();
    dropLock(lock);
    throw error;
  }
  done.catch(() => {}); // whoever waits for it hears of it
  const daemon = serving(
    options,
    { settings, builds, server, mount, lock },
    { done, resolve, reject, onFail: (then) => (fail = then) },
  );
  // Whoever is told that it serves finds the node.
  if (system !== undefined) await Promise.race([builds.engine.show(), done]);
  return daemon;
}

/** The mount of the daemon before this one, or a new one. */
function openMount(dir: string, keeper: DaemonOptions['keeper']): Mount {
  const device = keeper?.legacy.kept.get('fuse');
  if (device !== undefined) return adoptMount(dir, device);
  const mount = mountDirectory(dir);
  keeper?.store.keep('fuse', mount.device);
  return mount;
}

/** What the character device is served by, if there is to be one. One that was taken away does not come back before the next start. */
function openDevice({ deviceName, ...rights }: System, keeper: DaemonOptions['keeper']): number | undefined {
  if (deviceName === undefined || (keeper?.legacy.restarts ?? 0) > 0) return keeper?.legacy.kept.get('cuse');
  const fd = makeDevice(deviceName, rights);
  keeper?.store.keep('cuse', fd);
  return fd;
}

function settingsOf({ state, note = () => {}, ...options }: DaemonOptions, remembered: Remembered): Settings {
  const { capacity, limits = DEFAULT_LIMITS, options: said = {}, file = {}, rules = [] } = options;
  const stored = state === undefined ? undefined : new StoredSettings(state, note);
  return new Settings({ capacity, limits, options: said, file, rules, stored, remembered });
}

/** What builds are opened with. */
interface Opening {
  settings: Settings;
  remembered: Remembered;
  mount: Mount | undefined;
  cuse: number | undefined;
  tape: TapeMemory;
  recorder: Recorder;
}

function historyOf({ state, note = () => {} }: DaemonOptions): History | undefined {
  return state === undefined ? undefined : new History({ path: join(state, 'history.db'), note });
}

/** So often the log is told that no descriptor is left, milliseconds. */
const SCARCE_AGAIN = 60_000;
const DEVICE_GONE =
  'the device was taken away: its clients get an error, and there is none until the daemon is started again';
const HANGS = 'a client keeps its pipe locked: nobody is given a slot until it lets go, or is gone';

function openBuilds(
  options: DaemonOptions,
  { settings, remembered, mount, cuse, tape, recorder }: Opening,
  died: (error: Error) => void,
): Builds {
  const { runtime, version, system, audit = false, state, note = () => {}, keeper } = options;
  const { capacity, policy, rules, limits } = settings;
  const engine = {
    capacity: remembered.read<number>(CAPACITY) ?? capacity,
    policy,
    rules,
    tape,
    fifoPrefix: `${runtime.fifo}${keeper?.pid ?? process.pid}-`,
    audit,
    ...(keeper !== undefined && { keeper: { socket: keeper.store.socket, kept: keeper.legacy.kept } }),
    ...(system === undefined || mount === undefined
      ? {}
      : { system: { ...system, device: mount.device, cuse, mount: runtime.dir, descriptors: allowance().clients } }),
  };
  const daemon = {
    version,
    socket: runtime.socket,
    pid: keeper?.pid ?? process.pid,
    restarts: keeper?.legacy.restarts ?? 0,
  };
  let saidAt = Number.NEGATIVE_INFINITY;
  const scarce = () => {
    if (performance.now() < saidAt + SCARCE_AGAIN) return;
    saidAt = performance.now();
    note(NONE_LEFT);
  };
  const refuse = (caller: Peer) => (system === undefined ? undefined : refusal(caller, system));
  return new Builds({
    settings,
    remembered,
    recorder,
    daemon:
      system === undefined
        ? { ...daemon, mode: 'user' as const }
        : {
            ...daemon,
            mode: 'system' as const,
            mount: runtime.dir,
            ...(cuse !== undefined && system.deviceName !== undefined && { device: devicePath(system.deviceName) }),
          },
    refuse,
    engine: (events) =>
      new EngineHandle(engine, {
        ...events,
        // Nobody else can say why; the keeper then starts another one, which takes over.
        damaged: (entries) =>
          note(`${entries} entries of the journal were damaged: what they said of slots is lost`, 'error'),
        died: (error) => (keeper === undefined || error instanceof StintError ? died(error) : crash(error, note)),
        deviceGone: () => note(DEVICE_GONE),
        hangs: () => note(HANGS),
        scarce,
      }),
    withs: (engine) => new Withs(engine, { settings, machine: system && { group: system.apiGroup, refuse } }),
    watch: (engine) =>
      new Watch({
        engine,
        capacity,
        limits,
        learned: state === undefined ? undefined : new LearnedFile(state, note),
        system: system !== undefined,
      }),
  });
}

/** Ends this process where it stands: what clients see of it stays as it is. */
function crash(error: Error, note: NonNullable<DaemonOptions['note']>): never {
  note(`internal error: ${error.stack ?? error}`, 'error');
  exitNow(EXIT.FAILED);
}

interface Parts {
  settings: Settings;
  builds: Builds;
  server: Server;
  mount: Mount | undefined;
  /** The open lock file. */
  lock: number;
}

interface End {
  done: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
  onFail(then: (error: Error) => void): void;
}

/** The daemon while it serves, and the ways in which it ends. */
function serving(options: DaemonOptions, { settings, builds, server, mount, lock }: Parts, end: End): Daemon {
  const { runtime } = options;
  const socket = inode(runtime.socket);
  let state: 'serving' | 'waiting' | 'leaving' = 'serving';
  let patience: NodeJS.Timeout | undefined;

  /** Refuses whoever waits. Answers that are under way get a moment to arrive. */
  const refuseAll = async () => {
    builds.refuseAll();
    await new Promise(setImmediate);
  };
  const close = () => {
    // Closing the server removes whatever stands at its path; that may be the socket of a daemon that came after us.
    if (inode(runtime.socket) === socket) {
      server.close();
      if (mount === undefined) removeFile(runtime.socket); // Node does that only to one that it has made
    } else server.unref();
    server.closeAllConnections();
  };
  const leave = async () => {
    if (state === 'leaving') return;
    state = 'leaving';
    clearInterval(idleWatch);
    clearTimeout(patience);
    await refuseAll();
    // In the mount the socket is not removed: whoever is being shown the node can keep the directory locked. It goes with the mount.
    if (mount === undefined) close();
    options.keeper?.store.drop('fuse'); // so that the mount ends with the engine's thread: whoever waits in it gets an error then
    options.keeper?.store.drop('cuse');
    await builds.stop();
    mount?.unmount();
    if (mount !== undefined) close();
    dropLock(lock);
    end.resolve();
  };
  const stop = (wait = 0) => {
    const over = () => void leave().catch(end.reject);
    if (state !== 'serving' || wait === 0 || builds.size === 0) {
      over();
      return;
    }
    state = 'waiting';
    builds.engine.refuse();
    patience = setTimeout(over, wait);
    void builds.ended().then(over);
  };
  end.onFail((error) => {
    if (state === 'leaving') return;
    state = 'leaving';
    clearInterval(idleWatch);
    mount?.unmount(); // first: nobody answers in it any more
    void refuseAll().then(() => {
      close();
      dropLock(lock);
      end.reject(error);
    });
  });
  const idleWatch = options.system === undefined ? watchIdle(options, { server, socket }, builds, stop) : undefined;
  const reload = ({ clients, rules, ...config }: Reloadable) => {
    settings.reload(config.settings, rules);
    builds.engine.setClients(clients);
  };
  return {
    done: end.done,
    get capacity() {
      return settings.capacity;
    },
    stop,
    yield: () => builds.engine.yield(),
    reload,
  };
}

function inode(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino;
  } catch {
    return undefined; // the mount is gone
  }
}

/** Calls `stop` when there was neither a build nor a connection for `idleExit` seconds, or when nobody can find the socket any more. */
function watchIdle(
  { idleExit, runtime }: DaemonOptions,
  { server, socket }: { server: Server; socket: number | undefined },
  builds: Builds,
  stop: () => void,
): NodeJS.Timeout {
  let busyAt = performance.now();
  let calls = builds.calls;
  const look = () => {
    server.getConnections((_, connections) => {
      const now = performance.now();
      if (connections > 0 || builds.needed || builds.calls !== calls) busyAt = now;
      calls = builds.calls;
      const lost = builds.size === 0 && inode(runtime.socket) !== socket;
      if (lost || now - busyAt >= idleExit * 1000) stop();
    });
  };
  return setInterval(look, Math.min(Math.max(idleExit * 250, 20), 15_000));
}
