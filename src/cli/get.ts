// `stint get`: what counts in the pool now, and who said so.
import type { Setting, SettingList } from '../api/schema.ts';
import { EXIT, nearest, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';

const HELP = `Usage: stint get [--user] [--json] [KEY]
Show what counts in the pool now, and who said so: default, file (the configuration), option (the daemon's command
line), set ('stint set') or with (a 'stint with' that runs). With KEY show its value alone; '-' stands for no bound.

      --json  print the JSON of docs/api.md
      --user  the pool of this user, even where the machine has one
  -h, --help  this text

Exit status: 0; 1 when the daemon cannot be asked; 2 when there is no such key; 3 when no daemon is running.
`;

export async function get(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, { json: 'flag', user: 'flag' }, 'get');
  if (options.has('help')) return print(HELP);
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
