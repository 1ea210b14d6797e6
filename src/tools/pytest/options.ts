// What the options of `stint test` ask for, put upon what the environment and the project say.
import { MAX_CAPACITY } from '../../api/schema.ts';
import { wholeNumber } from '../../cli/args.ts';
import { EXIT, StintError } from '../../errors.ts';
import { processors } from '../../process/processors.ts';
import { findPyproject, readPyproject } from './pyproject.ts';
import { type Asked, askedByEnvironment, complete, dropUnset, listOf, type Settings } from './settings.ts';

/** @throws StintError on values that cannot be */
export function settingsFrom(options: ReadonlyMap<string, string>): Settings {
  const seconds = options.get('timeout');
  if (seconds !== undefined && !(Number(seconds) > 0))
    throw new StintError(`--timeout must be a number of seconds above 0, not '${seconds}'`, { exit: EXIT.USAGE });
  const reruns = wholeNumber(options, 'reruns', { min: 0, max: 1000, exit: EXIT.USAGE });
  const lines = (name: string) => options.get(name)?.split('\n');
  const said = dropUnset<Asked>({
    plugins: options.has('plugins') ? listOf((options.get('plugins') as string).replaceAll(/[,\n]/g, ' ')) : undefined,
    autoload: options.has('autoload') || undefined,
    loadViaEnv: options.has('load-via-env') || undefined,
    reruns: reruns === undefined ? undefined : String(reruns),
    timeout: seconds,
    xdist: options.has('xdist') || undefined,
    jobs: wholeNumber(options, 'jobs', { min: 1, max: MAX_CAPACITY, exit: EXIT.USAGE }),
    deselect: lines('deselect'),
    ignore: lines('ignore'),
    flags: undefined,
  });
  const project = findPyproject(process.cwd());
  const asked = { ...(project !== undefined && readPyproject(project)), ...askedByEnvironment(process.env), ...said };
  return complete(asked, process.env, processors());
}

/** The interpreter that is asked for. */
export const pythonOf = (options: ReadonlyMap<string, string>): string =>
  options.get('python') ?? (process.env.EPYTHON || 'python3');
