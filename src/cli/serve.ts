// `stint serve`: the daemon, in the foreground: of the machine, or with --user of one user. It says one line on standard
// output when it can be used.
import { MAX_CAPACITY } from '../api/schema.ts';
import { startDaemon } from '../daemon/daemon.ts';
import { EXIT, StintError } from '../errors.ts';
import { processors } from '../process/processors.ts';
import { machineDir, runtimeDir } from '../process/runtime-dir.ts';
import { parse, wholeNumber } from './args.ts';
import { print } from './print.ts';
import { VERSION } from './version.ts';

export async function serve(args: readonly string[]): Promise<number> {
  const { options } = parse(args, { user: 'flag', jobs: 'value', 'idle-exit': 'value', mount: 'value' }, 'serve');
  const capacity = wholeNumber(options, 'jobs', { min: 1, max: MAX_CAPACITY, exit: EXIT.USAGE }) ?? processors();
  const idleExit = Number.POSITIVE_INFINITY;
  process.umask(0o077);
  const runtime = options.has('user')
    ? runtimeDir(process.env)
    : machineDir({ ...process.env, STINT_MOUNT: options.get('mount') });
  const daemon = await startDaemon({
    capacity,
    idleExit,
    runtime,
    version: VERSION,
    ...(options.has('user') ? {} : { system: { mode: 0o660, gid: 0, apiGroup: 0, clients: [] } }),
    audit: process.env.STINT_AUDIT === '1',
  });
  process.once('SIGTERM', () => daemon.stop());
  process.once('SIGINT', () => daemon.stop());
  process.on('SIGHUP', () => {});
  print(`stint: ${capacity} slots at ${runtime.socket}\n`);
  await daemon.done;
  return EXIT.OK;
}
void StintError;
