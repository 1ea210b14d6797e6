// `stint set`: changes the pool while it serves. What is set stays set when the daemon ends and another one comes.
import type { SettingList } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import type { Value } from '../process/config/keys.ts';
import { parseValue } from '../process/config/words.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { question } from './client.ts';
import { settingLine } from './get.ts';
import { print } from './print.ts';
import { SET } from './verbs/set.ts';

export async function set(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, SET.options, 'set');
  if (options.has('help')) return showHelp(SET);
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
