// `stint get`: what counts in the pool now, and who said so.
import type { Setting, SettingList } from '../api/schema.ts';
import { EXIT, nearest, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';
import { GET } from './verbs/get.ts';

export async function get(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, GET.options, 'get');
  if (options.has('help')) return showHelp(GET);
  if (operands.length > 1) throw new StintError(`get: unexpected argument ${operands[1]}`, { exit: EXIT.USAGE });
  const runtime = findRuntime(process.env, { user: options.has('user') });
  const { settings } = await question<SettingList>(runtime, 'GET', '/settings');
  const json = (what: unknown) => print(`${JSON.stringify(what, undefined, 2)}\n`);
  const [key] = operands;
  if (key === undefined) {
    if (options.has('json')) return json({ settings });
    return print(
      Object.entries(settings)
        .map(([name, setting]) => settingLine(name, setting))
        .join(''),
    );
  }
  const found = Object.hasOwn(settings, key) ? settings[key] : undefined;
  if (found === undefined) {
    const guess = nearest(key, Object.keys(settings));
    const hint = guess === undefined ? 'stint get lists them' : `did you mean ${guess}?`;
    throw new StintError(`get: unknown key ${key}`, { exit: EXIT.USAGE, hint });
  }
  return options.has('json') ? json(found) : print(`${found.value ?? '-'}\n`);
}

/** `jobs = 8  (file)`. */
export function settingLine(key: string, setting: Setting | undefined): string {
  const value = setting?.value ?? null;
  return `${`${key} = ${value === null ? '-' : JSON.stringify(value)}`.padEnd(40)} (${setting?.from})\n`;
}
