// `stint serve --user`: the per-user daemon, in the foreground. It says one line on standard output when it can be used.
import { MAX_CAPACITY } from '../api/schema.ts';
import { startDaemon } from '../daemon/daemon.ts';
import { EXIT, StintError } from '../errors.ts';
import { processors } from '../process/processors.ts';
import { runtimeDir } from '../process/runtime-dir.ts';
import { parse, wholeNumber } from './args.ts';
import { print } from './print.ts';
import { VERSION } from './version.ts';

const HELP = `Usage: stint serve --user [OPTION]...
Serve a pool of job slots to the builds of this user, until a signal or idleness ends it.

      --user               the pool of one user, without root
      --jobs N             slots in the pool, 1 to ${MAX_CAPACITY}; default: the processors this process may use
      --idle-exit SECONDS  leave after so long without a build; default: never
  -h, --help               this text

SIGTERM, SIGINT: leave at once. Builds that run go on with the slots that lie in their pipes.
Exit status: 0 after a signal or idleness; 1 when it cannot serve; 2 for bad usage;
4 when another daemon serves this user already.
`;

export async function serve(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, { user: 'flag', jobs: 'value', 'idle-exit': 'value' }, 'serve');
  if (options.has('help')) return print(HELP);
  if (operands.length > 0) throw new StintError(`serve: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  if (!options.has('user')) {
    throw new StintError('serve: say which pool to serve', {
      exit: EXIT.USAGE,
      hint: 'for your own builds: stint serve --user',
    });
  }
  const capacity = wholeNumber(options, 'jobs', { min: 1, max: MAX_CAPACITY, exit: EXIT.USAGE }) ?? processors();
  const idleExit =
    wholeNumber(options, 'idle-exit', { min: 1, max: 1e9, exit: EXIT.USAGE }) ?? Number.POSITIVE_INFINITY;
  process.umask(0o077); // whatever it was where somebody happened to start the daemon
  const runtime = runtimeDir(process.env);
  const daemon = await startDaemon({
    capacity,
    idleExit,
    runtime,
    version: VERSION,
    audit: process.env.STINT_AUDIT === '1',
  });
  process.once('SIGTERM', daemon.stop);
  process.once('SIGINT', daemon.stop);
  process.on('SIGHUP', () => {}); // a terminal that closes does not end the builds of others
  print(`stint: ${capacity} slots at ${runtime.socket}\n`);
  await daemon.done;
  return EXIT.OK;
}
