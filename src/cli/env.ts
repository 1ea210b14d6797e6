// `stint env`: the settings by which builds that `stint run` does not start find the pool of the machine, in the form that whoever is
// to have them reads. The pool of a user has none: each build has a FIFO of its own there.
import { statSync } from 'node:fs';
import type { Status } from '../api/schema.ts';
import { EXIT, nearest, StintError } from '../errors.ts';
import { findJobs, withJobserver } from '../jobserver/makeflags.ts';
import { groupName } from '../process/groups.ts';
import { machineDir, runtimeDir } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { call, NoDaemon } from './client.ts';
import { note, print } from './print.ts';
import { ENV } from './verbs/env.ts';
import { atLeast, Versions } from './versions.ts';

/** What the settings are made of. */
interface Pool {
  /** The directory that the node is in. */
  dir: string;
  /** ` -jN --jobserver-auth=fifo:PATH`. */
  makeflags: string;
  /** The same, with whatever else is in MAKEFLAGS here. */
  here: string;
  /** The group whose members may open the node, if there is one that one would want to be in. */
  group: number | undefined;
}

const FORMS: Readonly<Record<string, (pool: Pool) => string>> = {
  '': forShell,
  make: forMake,
  ninja: forNinja,
  cargo: forCargo,
  portage: warned(forPortage),
  docker: forDocker,
  systemd: warned(forSystemd),
  ci: warned(({ makeflags }) => `MAKEFLAGS=${makeflags}\nCARGO_MAKEFLAGS=${makeflags}\n`),
};

export async function env(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, ENV.options, 'env');
  if (options.has('help')) return showHelp(ENV);
  if (operands.length > 0) throw new StintError(`env: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const what = options.get('for') ?? '';
  const form = Object.hasOwn(FORMS, what) && (what !== '' || !options.has('for')) ? FORMS[what] : undefined;
  if (form === undefined) {
    const known = Object.keys(FORMS).filter((name) => name !== '');
    const guess = nearest(what, known);
    const hint = guess === undefined ? `say one of ${known.join(', ')}` : `did you mean ${guess}?`;
    throw new StintError(`env: nothing is known for '${what}'`, { exit: EXIT.USAGE, hint });
  }
  return print(form(await poolOfMachine()));
}

async function poolOfMachine(): Promise<Pool> {
  const place = machineDir(process.env);
  let status: Status;
  try {
    status = await call<Status>(place, 'GET', '/status');
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error;
    throw new StintError(`the machine has no pool at ${place.dir}`, {
      exit: EXIT.NO_DAEMON,
      hint: "'stint serve', as root, serves one; a build in a pool of your own: stint run -- CMD",
      cause: error,
    });
  }
  const auth = { style: 'fifo' as const, path: place.fifo };
  const makeflags = (before: string) => withJobserver(before, auth, status.capacity);
  return {
    dir: place.dir,
    makeflags: makeflags(''),
    here: makeflags(process.env.MAKEFLAGS ?? ''),
    group: groupOf(place.fifo),
  };
}

/** @throws StintError when the caller may not open the node: settings would be of no use */
function groupOf(node: string): number | undefined {
  try {
    const { mode, gid } = statSync(node);
    return gid === 0 || (mode & 0o006) === 0o006 ? undefined : gid;
  } catch (error) {
    throw new StintError(`user ${process.getuid?.()} may not open ${node}`, {
      hint: 'stint doctor says what to do',
      cause: error,
    });
  }
}

/** With a word to whoever has a make on PATH that would fail, for settings that are not only for a shell. */
function warned(form: (pool: Pool) => string): (pool: Pool) => string {
  return (pool) => {
    const old = tooOld('make', MAKE);
    if (old !== undefined) note(`${old}: start makes by stint run, where this is set too`);
    return form(pool);
  };
}

function forShell(pool: Pool): string {
  const old = tooOld('make', MAKE);
  if (old !== undefined) note(`leaving out MAKEFLAGS: ${old}`);
  return (old === undefined ? forMake(pool) : '') + forCargo(pool);
}

const MAKE = [4, 4] as const;
const NINJA = [1, 13] as const;

function forMake({ here }: Pool): string {
  refuse(tooOld('make', MAKE), 'start it by stint run, which finds another way; or put make 4.4 before it on PATH');
  return setting('MAKEFLAGS', here) + unset('CMAKE_BUILD_PARALLEL_LEVEL');
}

function forNinja({ here }: Pool): string {
  refuse(tooOld('ninja', NINJA), 'put ninja 1.13 before it on PATH; or: stint run --slots 2..8 -- ninja -j {slots}');
  const make = tooOld('make', MAKE);
  if (make !== undefined) note(`${make}: start makes by stint run, where this is set too`);
  const stray = findJobs(process.env.NINJAOPTS ?? '', { letters: false }) === undefined ? '' : unset('NINJAOPTS');
  return setting('MAKEFLAGS', here) + unset('CMAKE_BUILD_PARALLEL_LEVEL') + stray;
}

function forCargo({ makeflags }: Pool): string {
  return setting('CARGO_MAKEFLAGS', makeflags) + unset('CARGO_BUILD_JOBS');
}

/**
 * emake leaves MAKEOPTS out where MAKEFLAGS is set; Portage's own helpers and eclasses go by it, and by all processors where it is
 * missing. eninja of older trees makes -jN of either unless NINJAOPTS is set.
 */
function forPortage({ makeflags, group }: Pool): string {
  const lines = [
    `MAKEFLAGS="${makeflags}"`,
    `FEATURES="\${FEATURES} jobserver-token"`,
    '# No -j here; -l0 stands for no limit by load.',
    'NINJAOPTS="-l0"',
    '# For what knows no jobserver; make is not given it.',
    'MAKEOPTS="-j1"',
  ];
  if (group !== undefined)
    lines.push(`# The user portage must be in the node's group: usermod -aG ${groupName(group)} portage`);
  return lines.map((line) => `${line}\n`).join('');
}

function forDocker({ dir, makeflags, group }: Pool): string {
  const variables = ['MAKEFLAGS', 'CARGO_MAKEFLAGS'].map((name) => `--env ${quote(`${name}=${makeflags}`)}`);
  const options = [`--volume ${quote(`${dir}:${dir}`)}`, ...variables];
  if (group !== undefined) options.push(`--group-add ${group}`);
  return `${options.join(' ')}\n`;
}

function forSystemd({ dir, makeflags, group }: Pool): string {
  const words = (text: string) => text.replaceAll('%', '%%').replaceAll('"', '\\"');
  const lines = [
    '[Service]',
    ...['MAKEFLAGS', 'CARGO_MAKEFLAGS'].map((name) => `Environment="${name}=${words(makeflags)}"`),
    `BindPaths=${words(dir)}`,
  ];
  if (group !== undefined) lines.push(`SupplementaryGroups=${groupName(group)}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** Says which `name` on PATH knows no path, if it is one. */
function tooOld(name: string, least: readonly [number, number]): string | undefined {
  const version = new Versions(runtimeDir(process.env).tools).of(name, process.env.PATH);
  if (version === undefined || atLeast(version, least)) return undefined;
  const what = name === 'make' ? 'ends with an error on a path' : 'takes no jobserver by a path';
  return `${name} ${version.join('.')} ${what}`;
}

function refuse(what: string | undefined, hint: string): void {
  if (what !== undefined) throw new StintError(what, { hint });
}

const setting = (name: string, value: string): string => `export ${name}=${quote(value)}\n`;
const unset = (name: string): string => (process.env[name] ? `unset ${name}\n` : '');
/** As one word of a shell. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
