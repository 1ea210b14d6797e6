// Pure: settings and what the target has → the arguments of pytest and the variables that go with them. The order and the conditions are
// those of Gentoo's eclass python-utils-r1 (epytest), so that an ebuild may use either.
import { StintError } from '../../errors.ts';
import type { Settings, Variables } from './settings.ts';
import { type EntryPoint, has, normalized, type Target } from './target.ts';

export interface Invocation {
  /** After `python -m pytest`. */
  args: readonly string[];
  /** Set for pytest, beside what is in the environment. */
  env: Readonly<Record<string, string>>;
  /** What the user should know of the decisions. */
  notes: readonly string[];
}

export interface Occasion {
  /** Workers; 1: none. */
  jobs: number;
  /** Where the JUnit file is to be. */
  junit: string;
  /** The caller's own arguments. */
  rest: readonly string[];
  env: Variables;
  /** Whether a plugin shall take a slot of the jobserver for each step: not where as many slots are held as there are workers. */
  gated: boolean;
}

/** Blocked where everything installed is loaded: they change what other people's tests do. */
const BLOCKED = [
  'cov',
  'flake8',
  'flakes',
  'pylint',
  'markdown',
  'sugar',
  'xvfb',
  'pytest-describe',
  'plus',
  'tavern',
  'salt-factories',
];

/** @throws StintError naming a distribution that is not installed */
export function invocation(settings: Settings, target: Target, occasion: Occasion): Invocation {
  const { env, jobs, junit, rest, gated } = occasion;
  const notes: string[] = [];
  const plugins = pluginsOf(settings, target, env);
  const loaded = plugins.env.PYTEST_PLUGINS ?? env.PYTEST_PLUGINS ?? '';
  const unlessLoaded = (module: string, name: string) => (loaded.includes(module) ? [] : ['-p', name]);
  const args = [
    ...['-vv', '-ra', '-l', '-Wdefault', `--color=${env.NO_COLOR ? 'no' : 'yes'}`],
    ...[
      '-o',
      'console_output_style=count',
      '-o',
      'tmp_path_retention_count=0',
      '-o',
      'tmp_path_retention_policy=failed',
    ],
    ...[`--junit-xml=${junit}`, '-o', 'junit_family=xunit1'],
    ...(has(target, 'pytest', '8.4') ? ['--force-short-summary'] : []),
    ...plugins.args,
  ];
  if (settings.reruns !== undefined) {
    const force = has(target, 'pytest-rerunfailures', '16.1') ? '--force-reruns' : '--reruns';
    args.push(...unlessLoaded('pytest_rerunfailures', 'rerunfailures'), `${force}=${settings.reruns}`);
  }
  if (settings.timeout !== undefined) {
    args.push(...unlessLoaded('pytest_timeout', 'timeout'), `--timeout=${settings.timeout}`);
    if (settings.reruns !== undefined) args.push('-o', 'timeout_func_only=true');
  }
  if (settings.xdist && jobs > 1) {
    const steals = has(target, 'pytest-xdist', '3.2');
    if (!steals) notes.push(`pytest-xdist ${target.versions['pytest-xdist']} cannot steal work: --dist=load`);
    args.push(...unlessLoaded('xdist.plugin', 'xdist'), '-n', String(jobs), `--dist=${steals ? 'worksteal' : 'load'}`);
    if (gated) args.push(...gate(target, env, notes));
  }
  if (settings.plugins.includes('hypothesis') && target.hypothesisGentoo && !env.HYPOTHESIS_NO_PLUGINS)
    args.push('--hypothesis-profile=gentoo');
  args.push(...settings.deselect.flatMap((id) => ['--deselect', id]));
  args.push(...settings.ignore.flatMap((path) => ['--ignore', path]));
  args.push(...rest, ...settings.flags);
  return { args, env: plugins.env, notes };
}

/** pytest-jobserver, where there is a jobserver and it is installed. */
function gate(target: Target, { MAKEFLAGS }: Variables, notes: string[]): string[] {
  if (!MAKEFLAGS?.includes('--jobserver-auth='))
    notes.push('there is no jobserver in MAKEFLAGS: workers take no slots');
  else if (target.versions['pytest-jobserver'] === undefined)
    notes.push(`pytest-jobserver is not installed for ${target.python}: workers take no slots`);
  else return ['-p', 'jobserver'];
  return [];
}

function pluginsOf(settings: Settings, target: Target, { PYTEST_PLUGINS = '' }: Variables): Omit<Invocation, 'notes'> {
  if (settings.autoload) return { args: BLOCKED.flatMap((name) => ['-p', `no:${name}`]), env: {} };
  const env = { PYTEST_DISABLE_PLUGIN_AUTOLOAD: '1' };
  if (settings.plugins.length === 0) return { args: [], env };
  const found = entryPointsOf(settings.plugins, target);
  if (settings.loadViaEnv)
    return { args: [], env: { ...env, PYTEST_PLUGINS: found.map(({ value }) => value).join(',') } };
  const there = PYTEST_PLUGINS.split(',');
  const names = new Set(found.filter(({ value }) => !there.includes(value)).map(({ name }) => name));
  return { args: [...names].sort().map((name) => `-p${name}`), env };
}

/** The plugins of distributions. @throws StintError naming one that is not installed */
function entryPointsOf(distributions: readonly string[], target: Target): EntryPoint[] {
  const wanted = new Set(distributions.map(normalized));
  for (const name of distributions) {
    if (target.versions[normalized(name)] !== undefined) continue;
    throw new StintError(`test: there is no distribution '${name}' for ${target.python}`, {
      hint: `install it there, or take it out of the list of plugins; see: ${target.python} -m pip list`,
    });
  }
  return target.entryPoints.filter(({ distribution }) => wanted.has(normalized(distribution)));
}
