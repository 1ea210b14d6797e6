// Portage on this machine: what its make.conf says, as whom it builds, and where its sandbox lets builds write.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Portage, Source } from './facts.ts';

/** Portage's settings, which never come from a process. */
export function makeConf(pid: number | undefined): Source[] {
  const name = join(root(), 'etc/portage/make.conf');
  const text = pid === undefined ? textAt(name) : undefined;
  return text === undefined ? [] : [{ name, variables: assignments(text) }];
}

/** Undefined where it has no settings. */
export function portageOf([settings]: readonly Source[]): Portage | undefined {
  if (settings === undefined) return undefined;
  const told = process.env.PORTAGE_USERNAME ?? settings.variables.get('PORTAGE_USERNAME') ?? 'portage';
  const user = userIn(told, textAt('/etc/passwd') ?? '', textAt('/etc/group') ?? '');
  const config = textAt(join(root(), 'etc/sandbox.conf'));
  const sandbox =
    config === undefined ? undefined : writable(`${config}\n${textAt(join(root(), 'etc/sandbox.d')) ?? ''}`);
  return { settings, ...(user !== undefined && { user }), ...(sandbox !== undefined && { sandbox }) };
}

const root = (): string => process.env.PORTAGE_CONFIGROOT || '/';

function userIn(name: string, passwd: string, group: string): Portage['user'] {
  const fields = (text: string) => text.split('\n').map((line) => line.split(':'));
  const gid = fields(passwd).find(([one]) => one === name)?.[3];
  if (gid === undefined) return undefined;
  const others = fields(group).filter(([, , , members = '']) => members.split(',').includes(name));
  return { name, groups: [gid, ...others.map(([, , id]) => id)].map(Number) };
}

/** What SANDBOX_WRITE names in all the lines that set it: they add up. */
function writable(text: string): string[] {
  const found = text.matchAll(new RegExp(ASSIGNMENT, 'gm'));
  const values = [...found].filter(([, name]) => name === 'SANDBOX_WRITE').map(unquoted);
  return values.flatMap((value) => value.split(':')).filter((path) => path.startsWith('/'));
}

/** A file's text, or that of all files in a folder. */
function textAt(path: string): string | undefined {
  try {
    if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8');
    return readdirSync(path)
      .sort()
      .map((name) => textAt(join(path, name)) ?? '')
      .join('\n');
  } catch {
    return undefined;
  }
}

/** NAME=VALUE in the shell's syntax, as far as settings of jobs need it: quotes are taken off, and what was set before is put in. */
function assignments(text: string): Map<string, string> {
  const known = new Map<string, string>();
  for (const found of text.matchAll(new RegExp(ASSIGNMENT, 'gm'))) {
    const value = unquoted(found).replaceAll('\\\n', '');
    const literal = found[3] !== undefined; // in single quotes
    known.set(found[1] as string, literal ? value : expanded(value, known));
  }
  return known;
}

/** What the file does not set stands for itself. */
const expanded = (value: string, known: ReadonlyMap<string, string>): string =>
  value.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, plain) => known.get(braced ?? plain) ?? whole);

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?(\w+)=(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|([^\s#]*))/;

const unquoted = ([, , double, single, bare]: RegExpExecArray): string => double ?? single ?? bare ?? '';
