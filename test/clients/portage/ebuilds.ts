// Ebuilds for packages of other kinds than make's, and the settings that a machine's pool wants of Portage.
import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { goodPath } from '../../helpers/doctor.ts';
import type { Machine } from '../../helpers/machine.ts';

interface Recipe {
  name: string;
  /** Where it is built. */
  folder: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** A package that a command builds in a folder; its jobs are traced under its name. */
export function ebuild({ name, folder, args, env = {} }: Recipe): { name: string; phases: string } {
  // Portage gives phases a home of their own, in which rustup finds no compiler.
  const rustup = process.env.RUSTUP_HOME ?? join(homedir(), '.rustup');
  const variables = Object.entries({ RUSTUP_HOME: rustup, ...env, STINT_DEMO_BUILD: name });
  const sets = variables.map(([variable, value]) => `\texport ${variable}=${quote(value)}\n`).join('');
  const command = args.map(quote).join(' ');
  return { name, phases: `src_compile() {\n${sets}\tcd ${quote(folder)} && ${command} || die\n}\n` };
}

/** What `stint env --for portage` says, for make.conf. */
export async function settingsFor(machine: Machine): Promise<string> {
  const env = { PATH: goodPath(machine) };
  const { code, stdout, stderr } = await machine.stint(['env', '--for', 'portage'], { env });
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
