// `stint serve`: the daemon, in the foreground: of the machine, or with --user of one user. It says one line on standard
// output when it can be used, and READY=1 to a service manager.
import { flushCompileCache } from 'node:module';
import { MAX_CAPACITY } from '../api/schema.ts';
import { type DaemonOptions, startDaemon } from '../daemon/daemon.ts';
import { EXIT, StintError } from '../errors.ts';
import { exitNow } from '../kernel/exit.ts';
import { notifySystemd } from '../kernel/notify.ts';
import type { Values } from '../process/config/keys.ts';
import { type Config, DEFAULTS, defaultGroup } from '../process/defaults.ts';
import { isReading } from '../process/proc-memory.ts';
import { processors } from '../process/processors.ts';
import { machineDir, runtimeDir } from '../process/runtime-dir.ts';
import { stateDir } from '../process/state-dir.ts';
import { type Parsed, parse, wholeNumber } from './args.ts';
import { note, print } from './print.ts';
import { VERSION } from './version.ts';

const HELP = `Usage: stint serve [--config FILE] [--mount DIR] [--jobs N] [--strict]
       stint serve --user [--jobs N] [--strict] [--idle-exit SECONDS]
Serve a pool of job slots, in the foreground: to the whole machine (as root), or to the builds of this user.

      --mount DIR          where the node of the machine is: DIR/jobserver; default: $STINT_MOUNT, else /run/stint
      --config FILE        settings of the machine's pool (TOML); options given here go before it
      --jobs N             slots in the pool, 1 to ${MAX_CAPACITY}; default: the processors this process may use
      --strict             never give more slots than the pool has: a new build waits for its first; default: a few at a
                           time begin at once, beyond the pool, and the next slots that come back pay for them
      --user               the pool of one user, without root
      --idle-exit SECONDS  with --user: leave after so long without a build; default: never
  -h, --help               this text

SIGHUP: read the configuration again. SIGTERM, SIGINT: with --user leave at once; otherwise take no new builds and
wait for those that run, as on_term and stop_timeout in the configuration say; a second one: leave at once. Builds that
run then go on with the slots that lie in their pipes; clients of the file node get an error.
Exit status: 0 after a signal or idleness; 1 when it cannot serve; 2 for bad usage;
4 when another daemon serves this machine, or this user, already.
`;

/** What --strict says. */
const STRICT: Values = { 'share.first_slot': 'wait', 'share.newcomer_overcommit': 0 };

export async function serve(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(
    args,
    {
      user: 'flag',
      config: 'value',
      mount: 'value',
      jobs: 'value',
      strict: 'flag',
      'idle-exit': 'value',
    },
    'serve',
  );
  if (options.has('help')) return print(HELP);
  if (operands.length > 0) throw new StintError(`serve: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const user = options.has('user');
  for (const name of user ? ['config', 'mount'] : ['idle-exit']) {
    if (!options.has(name)) continue;
    throw new StintError(`serve: --${name} ${user ? 'does not go with' : 'needs'} --user`, { exit: EXIT.USAGE });
  }
  // A daemon makes little garbage: it need not grow to hold much of it.
  process.getBuiltinModule('node:v8').setFlagsFromString('--max-semi-space-size=1');
  process.umask(0o077); // whatever it was where somebody happened to start the daemon
  return user ? serveUser(options) : serveMachine(options);
}

async function serveUser(options: Parsed['options']): Promise<number> {
  const idleExit =
    wholeNumber(options, 'idle-exit', { min: 1, max: 1e9, exit: EXIT.USAGE }) ?? Number.POSITIVE_INFINITY;
  const daemon = await start({
    capacity: processors(),
    options: said(options),
    idleExit,
    runtime: runtimeDir(process.env),
    state: stateDir(process.env, { system: false }),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => daemon.stop());
  process.on('SIGHUP', () => {}); // a terminal that closes does not end the builds of others
  await daemon.done;
  return EXIT.OK;
}

async function serveMachine(options: Parsed['options']): Promise<number> {
  let config = await configOf(options);
  const mount = options.get('mount') ?? config.mount;
  const runtime = machineDir(mount === undefined ? process.env : { STINT_MOUNT: absolute(mount) });
  const { mode, group, apiGroup, clients, settings, rules } = config;
  const system = { mode, gid: group, apiGroup, clients };
  const daemon = await start({
    capacity: processors(),
    options: said(options),
    file: settings,
    rules,
    idleExit: Number.POSITIVE_INFINITY,
    runtime,
    system,
    state: config.state ?? stateDir(process.env, { system: true }),
  });
  const leave = () => {
    notifySystemd('STOPPING=1');
    daemon.stop(config.onTerm === 'wait' ? config.stopTimeout * 1000 : 0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, leave);
  process.on('SIGHUP', async () => {
    try {
      config = await configOf(options);
      daemon.reload(config);
    } catch (error) {
      note(`keeping the configuration as it was: ${(error as Error).message}`);
    }
  });
  // Told last: whoever hears it may send a signal at once.
  notifySystemd(`READY=1\nSTATUS=${daemon.capacity} slots at ${runtime.fifo}`);
  await daemon.done;
  if (isReading()) exitNow(EXIT.OK);
  return EXIT.OK;
}

async function start(options: Omit<DaemonOptions, 'version' | 'audit' | 'note'>) {
  const audit = process.env.STINT_AUDIT === '1';
  const daemon = await startDaemon({ ...options, version: VERSION, note, audit });
  print(
    `stint: ${daemon.capacity} slots at ${options.runtime.system ? options.runtime.fifo : options.runtime.socket}\n`,
  );
  flushCompileCache(); // a daemon that is killed leaves it to the next
  return daemon;
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

function absolute(mount: string): string {
  if (/^\/[^\s\\$]+$/.test(mount)) return mount.replace(/\/+$/, '');
  throw new StintError(`--mount must be an absolute path without white space, \\ and $, not '${mount}'`, {
    exit: EXIT.USAGE,
    hint: 'it stands in MAKEFLAGS, where clients read such characters in different ways',
  });
}
