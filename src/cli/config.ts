// `stint config check`: everything that is wrong with a configuration, without a daemon.
import { EXIT, StintError } from '../errors.ts';
import { parse, showHelp } from './args.ts';
import { note, print } from './print.ts';
import { CONFIG } from './verbs/config.ts';

const USUAL = '/etc/stint/stint.toml';

export async function config(args: readonly string[]): Promise<number> {
  const [word = ''] = args;
  if (word === '--help' || word === '-h') return showHelp(CONFIG);
  if (word !== 'check') {
    const what = word === '' ? 'nothing to do given' : `cannot '${word}'`;
    throw new StintError(`config: ${what}`, { exit: EXIT.USAGE, hint: 'say: stint config check [FILE]' });
  }
  const { options, operands } = parse(args.slice(1), CONFIG.words.check.options, 'config check');
  if (options.has('help')) return showHelp(CONFIG);
  if (operands.length > 1)
    throw new StintError(`config check: unexpected argument ${operands[1]}`, { exit: EXIT.USAGE });
  const file = operands[0] ?? USUAL;
  const { checkConfig } = await import('../process/config.ts');
  const problems = checkConfig(file);
  if (problems.length === 0) return print(`${file} is in order\n`);
  for (const { message, hint } of problems) note(hint === undefined ? message : `${message}\nhint: ${hint}`);
  return EXIT.FAILED;
}
