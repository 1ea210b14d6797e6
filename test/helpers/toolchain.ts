// Where the real clients stand that tests and benchmarks run. toolchain/install.sh puts them there; nothing here does.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export type Tool = { path: string; version: string } | { path: undefined; reason: string };

const root = join(import.meta.dirname, '../..');
const modules = join(root, 'node_modules/.bin');
/** Clients written in Python; `pytest` there has the plug-ins pytest-xdist and pytest-jobserver. */
const python = join(root, '.cache/toolchain/python/bin');

interface Place {
  /** Folders that are searched, the first hit wins. */
  folders: string[];
  program: string;
  /** What the first line of `--version` must look like. Anything when absent. */
  version?: RegExp;
  /** What it answers by; without: `--version`. */
  ask?: string;
  /** What to do when it is missing. */
  hint: string;
}

const onPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
const install = 'run toolchain/install.sh';

const places = {
  /** The last GNU make that knows only inherited descriptors, as Debian 12 ships it. */
  make43: { folders: ['/usr/bin'], program: 'make', version: /^GNU Make 4\.3\b/, hint: 'Debian 12 has it' },
  make44: {
    folders: [join(root, '.cache/toolchain/make-4.4/bin')],
    program: 'make',
    version: /^GNU Make 4\.4/,
    hint: install,
  },
  ninja: { folders: [modules], program: 'ninja', version: /^1\.13\./, hint: install },
  cmake: { folders: [modules], program: 'cmake', hint: install },
  ctest: { folders: [modules], program: 'ctest', hint: install },
  cargo: { folders: [...onPath, join(homedir(), '.cargo/bin')], program: 'cargo', hint: 'install cargo' },
  rustc: { folders: [...onPath, join(homedir(), '.cargo/bin')], program: 'rustc', hint: 'install rustc' },
  gcc: { folders: onPath, program: 'gcc', hint: install },
  'g++': { folders: onPath, program: 'g++', hint: install },
  emerge: { folders: [python], program: 'emerge', version: /^Portage 3\./, hint: install },
  /** As Debian 12 has it, and as it is today. */
  pytestOld: {
    folders: [join(root, '.cache/toolchain/pytest-old/bin')],
    program: 'pytest',
    version: /^pytest 7\.2\./,
    hint: install,
  },
  pytestNew: {
    folders: [join(root, '.cache/toolchain/pytest-new/bin')],
    program: 'pytest',
    version: /^pytest 9\./,
    hint: install,
  },
  pytest: { folders: [python], program: 'pytest', version: /^pytest \d/, hint: install },
  bash: { folders: onPath, program: 'bash', hint: 'install bash' },
  fish: { folders: onPath, program: 'fish', hint: install },
  zsh: { folders: onPath, program: 'zsh', hint: install },
  mandoc: { folders: onPath, program: 'mandoc', ask: '-Tascii', hint: install },
  xz: { folders: onPath, program: 'xz', hint: 'install xz-utils' },
  /** The Python that has gnumake-tokenpool. */
  tokenpool: { folders: [python], program: 'python', version: /^Python 3\./, hint: install },
  bwrap: { folders: onPath, program: 'bwrap', hint: install },
  podman: { folders: onPath, program: 'podman', hint: install },
  crun: { folders: onPath, program: 'crun', hint: install },
  python3: { folders: onPath, program: 'python3', hint: install },
} satisfies Record<string, Place>;

export type ToolName = keyof typeof places;

const known = new Map<ToolName, Tool>();

/** Where the tool `name` is and what it calls itself, or why it cannot be used. */
export function tool(name: ToolName): Tool {
  let found = known.get(name);
  if (found === undefined) {
    found = find(name, places[name]);
    known.set(name, found);
  }
  return found;
}

/** For the `skip` option of a test that needs all of `names`: false, or why it is skipped. */
export function missing(...names: ToolName[]): string | false {
  const reasons = names.map(tool).flatMap((found) => (found.path === undefined ? [found.reason] : []));
  return reasons.length > 0 && reasons.join('; ');
}

/** The path of a tool that a test cannot do without. @throws Error with the reason */
export function toolPath(name: ToolName): string {
  const found = tool(name);
  if (found.path === undefined) throw new Error(found.reason);
  return found.path;
}

function find(name: ToolName, { folders, program, version: wanted, ask = '--version', hint }: Place): Tool {
  const path = folders.map((folder) => join(folder, program)).find(executable);
  if (path === undefined) return { path, reason: `no ${name}: ${hint}` };
  const { stdout, status } = spawnSync(path, [ask], { encoding: 'utf8', timeout: 30_000 });
  const version = stdout?.split('\n')[0] ?? '';
  if (status !== 0) return { path: undefined, reason: `no ${name}: ${path} ${ask} failed` };
  if (wanted?.test(version) === false)
    return { path: undefined, reason: `no ${name}: ${path} is ${version} (${hint})` };
  return { path, version };
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
