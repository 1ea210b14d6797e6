// `stint set`: changes the pool while it serves. What is set stays set when the daemon ends and another one comes.
import type { SettingList } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import type { Value } from '../process/config/keys.ts';
import { parseValue } from '../process/config/words.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse } from './args.ts';
import { question } from './client.ts';
import { settingLine } from './get.ts';
import { print } from './print.ts';

const HELP = `Usage: stint set [--user] KEY=VALUE...
       stint set [--user] --unset KEY...
Change the pool while it serves, for good: what is set goes before the configuration file, also when the daemon is
started again, until it is unset. Keys are those of the file with their section: jobs=8, share.first_slot=wait,
limits.min_memory=2GiB; 'stint get' lists them. All are changed, or none. On the machine's pool this is for root and the
api_group.

      --unset  let KEYs go: the daemon's command line, the configuration file or the default says what counts
      --user   the pool of this user, even where the machine has one
  -h, --help   this text

Exit status: 0; 1 when you may not or it cannot be kept; 2 when a key or a value is wrong; 3 when no daemon is running.
`;

export async function set(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, { unset: 'flag', user: 'flag' }, 'set');
  if (options.has('help')) return print(HELP);
  if (operands.length === 0) {
    const hint = options.has('unset') ? 'for example: stint set --unset jobs' : 'for example: stint set jobs=8';
    throw new StintError('set: no key given', { exit: EXIT.USAGE, hint });
  }
  const changes = Object.fromEntries(options.has('unset') ? operands.map((key) => [key, null]) : operands.map(pairOf));
  const runtime = findRuntime(process.env, { user: options.has('user') });
  const { settings } = await question<SettingList>(runtime, 'PUT', '/settings', changes);
  return print(
    Object.keys(changes)
      .map((key) => settingLine(key, settings[key]))
      .join(''),
  );
}

function pairOf(operand: string): [string, Value] {
  const at = operand.indexOf('=');
  if (at > 0) return [operand.slice(0, at), parseValue(operand.slice(at + 1))];
  throw new StintError(`set: ${operand} is not of the form KEY=VALUE`, {
    exit: EXIT.USAGE,
    hint: 'for example: stint set jobs=8; options stand before the keys',
  });
}
