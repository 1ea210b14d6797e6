// The options of `stint serve`, which its engine process is given, too.
import { EXIT, StintError } from '../errors.ts';
import { type Parsed, parse } from './args.ts';
import { SERVE } from './verbs/serve.ts';

/** @throws StintError when they do not go together */
export function serveOptions(args: readonly string[]): Parsed['options'] {
  const { options, operands } = parse(args, SERVE.options, 'serve');
  if (options.has('help')) return options;
  if (operands.length > 0) throw new StintError(`serve: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const user = options.has('user');
  for (const name of user ? ['config', 'mount', 'device', 'compat-path'] : ['idle-exit']) {
    if (!options.has(name)) continue;
    throw new StintError(`serve: --${name} ${user ? 'does not go with' : 'needs'} --user`, { exit: EXIT.USAGE });
  }
  return options;
}
