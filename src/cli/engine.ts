// `stint engine`: the daemon, as the keeper of `stint serve` starts it; no verb for people. When its keeper has an inheritance
// for it, it goes on where another one has stopped. It says one line on standard output when it can be used.
import { flushCompileCache } from 'node:module';
import { MAX_CAPACITY } from '../api/schema.ts';
import { type Daemon, type DaemonOptions, prepareDaemon, startDaemon } from '../daemon/daemon.ts';
import { EXIT, StintError } from '../errors.ts';
import { Remembered } from '../keeper/remembered.ts';
import { KeeperStore, type Legacy } from '../keeper/store.ts';
import { exitNow } from '../kernel/exit.ts';
import { dieWithParent } from '../kernel/parent.ts';
import type { Values } from '../process/config/keys.ts';
import { type Config, DEFAULTS, DEVICE_NAME, defaultGroup } from '../process/defaults.ts';
import { processors } from '../process/processors.ts';
import { machineDir, runtimeDir } from '../process/runtime-dir.ts';
import { stateDir } from '../process/state-dir.ts';
import { VERSION } from '../version.ts';
import { type Parsed, wholeNumber } from './args.ts';
import { link, unlink } from './compat-path.ts';
import { logged as note } from './log.ts';
import { hearKeeper, type Orders } from './orders.ts';
import { print } from './print.ts';
import { serveOptions } from './serve-options.ts';

/** What --strict says. */
const STRICT: Values = { 'share.first_slot': 'wait', 'share.newcomer_overcommit': 0 };

/** What counts when the daemon starts, and its names in the configuration. */
const AT_START = [
  ['mount', 'mount'],
  ['device', 'device'],
  ['mode', 'mode'],
  ['group', 'group'],
  ['apiGroup', 'api_group'],
  ['state', 'state'],
] as const;

interface Served extends Orders {
  daemon: Daemon;
  /** In a few words, for the service manager. */
  status: string;
  /** What is left to do when it has left in order. */
  tidy?: () => void;
}

export async function engine([keeper, ...args]: readonly string[]): Promise<number> {
  const pid = Number(keeper);
  if (!dieWithParent(pid)) return EXIT.FAILED;
  process.umask(0o077);
  // They may go to all processes of the terminal or the service: whatever is to be done, the keeper tells.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  prepareDaemon();
  const store = new KeeperStore();
  const legacy = store.take();
  if (legacy === undefined) exitNow(EXIT.OK);
  let served = false;
  try {
    const options = serveOptions(args);
    const { daemon, status, tidy, ...orders } = await (options.has('user') ? serveUser : serveMachine)(options, {
      pid,
      store,
      legacy,
      remembered: new Remembered(store, legacy.kept),
    });
    served = true;
    hearKeeper(orders);
    flushCompileCache(); // a daemon that is killed leaves it to the next
    store.ready(status);
    await daemon.done;
    tidy?.();
  } catch (error) {
    if (served || legacy.restarts === 0) store.end(error instanceof StintError ? error.exit : EXIT.FAILED);
    process.stdin.destroy();
    throw error;
  }
  store.end(EXIT.OK);
  exitNow(EXIT.OK); // threads of the pool may hang
}

/** Under which name the configuration is remembered. */
const CONFIG = 'config';

type Kept = NonNullable<DaemonOptions['keeper']>;

async function serveUser(options: Parsed['options'], keeper: Kept): Promise<Served> {
  const idleExit =
    wholeNumber(options, 'idle-exit', { min: 1, max: 1e9, exit: EXIT.USAGE }) ?? Number.POSITIVE_INFINITY;
  const runtime = runtimeDir(process.env);
  const daemon = await start({
    capacity: processors(),
    options: said(options),
    idleExit,
    runtime,
    state: stateDir(process.env, { system: false }),
    keeper,
  });
  // A terminal that closes does not end the builds of others.
  return {
    daemon,
    status: statusOf(daemon, runtime.socket, keeper.legacy),
    stop: () => daemon.stop(),
    reload: () => {},
    yield: () => daemon.yield(),
  };
}

async function serveMachine(options: Parsed['options'], keeper: Kept): Promise<Served> {
  // What counted before counts still, though the file may be another one by now: that is for SIGHUP.
  const first = keeper.remembered.read<Config>(CONFIG) ?? (await configOf(options));
  let config = first;
  keeper.remembered.write(CONFIG, config);
  const mount = options.get('mount') ?? config.mount;
  const runtime = machineDir(mount === undefined ? process.env : { STINT_MOUNT: absolute(mount) });
  const deviceName = deviceOf(options) ?? config.device;
  const paths = [runtime.fifo, ...(deviceName === undefined ? [] : [`/dev/${deviceName}`])];
  const { mode, group, apiGroup, clients, settings, rules } = config;
  const resend = process.env.STINT_RESEND !== '0'; // for tests, as STINT_AUDIT is
  const system = { deviceName, mode, gid: group, apiGroup, clients, resend };
  const daemon = await start({
    capacity: processors(),
    options: said(options),
    file: settings,
    rules,
    idleExit: Number.POSITIVE_INFINITY,
    runtime,
    system,
    state: config.state ?? stateDir(process.env, { system: true }),
    keeper,
  });
  const compat = options.get('compat-path');
  if (compat !== undefined) await linkOrLeave(compat, runtime.fifo, daemon, keeper.legacy);
  const reload = async () => {
    try {
      config = await configOf(options);
      const { mount, device, mode, group, apiGroup, state } = first; // they count until the daemon is started again
      keeper.remembered.write(CONFIG, { ...config, mount, device, mode, group, apiGroup, state });
      daemon.reload(config);
      for (const [key, name] of AT_START)
        if (config[key] !== first[key])
          note(`${name} is another now: that counts when the daemon is started again`, 'notice');
    } catch (error) {
      note(`keeping the configuration as it was: ${(error as Error).message}`, 'error');
    }
  };
  return {
    daemon,
    status: statusOf(daemon, paths.join(' and '), keeper.legacy),
    stop: () => daemon.stop(config.onTerm === 'wait' ? config.stopTimeout * 1000 : 0),
    reload: () => void reload(),
    yield: () => daemon.yield(),
    ...(compat !== undefined && { tidy: () => unlink(compat, runtime.fifo) }),
  };
}

/** Only the first engine process may fail for a link: one that goes on where another has stopped has builds to serve. @throws StintError */
async function linkOrLeave(path: string, node: string, daemon: Daemon, { restarts }: Legacy): Promise<void> {
  try {
    link(path, node);
  } catch (error) {
    if (restarts > 0) {
      note((error as Error).message);
      return;
    }
    daemon.stop();
    await daemon.done;
    throw error;
  }
}

async function start(options: Omit<DaemonOptions, 'version' | 'audit' | 'note'>): Promise<Daemon> {
  return startDaemon({ ...options, version: VERSION, note, audit: process.env.STINT_AUDIT === '1' });
}

/** Says it to whoever has started the daemon, once. */
function statusOf({ capacity }: Daemon, path: string, { restarts }: Legacy): string {
  const status = `${capacity} slots at ${path}`;
  if (restarts === 0) print(`stint: ${status}\n`);
  return status;
}

/** The configuration, or what counts without one. */
async function configOf(options: Parsed['options']): Promise<Config> {
  const path = options.get('config');
  if (path === undefined) {
    const group = defaultGroup();
    return { ...DEFAULTS, group, apiGroup: group };
  }
  return (await import('../process/config.ts')).readConfig(path);
}

/** What the options say of settings. */
function said(options: Parsed['options']): Values {
  const jobs = wholeNumber(options, 'jobs', { min: 1, max: MAX_CAPACITY, exit: EXIT.USAGE });
  return { ...(jobs !== undefined && { jobs }), ...(options.has('strict') && STRICT) };
}

function deviceOf(options: Parsed['options']): string | undefined {
  const name = options.get('device');
  if (name === undefined || DEVICE_NAME.fits(name)) return name;
  throw new StintError(`--device must be a name of ${DEVICE_NAME.words}, not '${name}'`, { exit: EXIT.USAGE });
}

function absolute(mount: string): string {
  if (/^\/[^\s\\$]+$/.test(mount)) return mount.replace(/\/+$/, '');
  throw new StintError(`--mount must be an absolute path without white space, \\ and $, not '${mount}'`, {
    exit: EXIT.USAGE,
    hint: 'it stands in MAKEFLAGS, where clients read such characters in different ways',
  });
}
