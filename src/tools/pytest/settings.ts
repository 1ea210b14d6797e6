// What a run of pytest is asked to be, wherever that was said; each later source goes before the earlier ones:
// pyproject.toml, EPYTEST_* variables, options.
import { findJobs } from '../../jobserver/makeflags.ts';

/** Everything is optional until `complete` has filled in what nobody said. */
export interface Asked {
  /** Distributions whose plugins are loaded; undefined: nobody said which. */
  plugins?: readonly string[];
  /** Whether pytest loads whatever is installed. */
  autoload?: boolean;
  /** Plugins by PYTEST_PLUGINS, which subprocesses see, in place of -p. */
  loadViaEnv?: boolean;
  /** How often a failed test is tried again. */
  reruns?: string;
  /** Seconds for one test. */
  timeout?: string;
  /** Whether tests run in workers of pytest-xdist. */
  xdist?: boolean;
  /** Workers at most. */
  jobs?: number;
  deselect?: readonly string[];
  ignore?: readonly string[];
  /** Further arguments, after all others. */
  flags?: readonly string[];
}

export interface Settings {
  plugins: readonly string[];
  autoload: boolean;
  loadViaEnv: boolean;
  reruns: string | undefined;
  timeout: string | undefined;
  xdist: boolean;
  jobs: number;
  deselect: readonly string[];
  ignore: readonly string[];
  flags: readonly string[];
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** The EAPI without one: plugins are opt-in from 9 on. */
const LATEST_EAPI = 9;

/**
 * What the environment asks for. Lists are the lines of a variable, or its words where it has one line; a shell does not export arrays.
 */
export function askedByEnvironment(env: Variables): Asked {
  const list = (name: string) => (env[name] === undefined ? undefined : listOf(env[name]));
  return dropUnset({
    plugins: list('EPYTEST_PLUGINS'),
    // An empty one says nothing.
    autoload: env.EPYTEST_PLUGIN_AUTOLOAD ? true : undefined,
    loadViaEnv: env.EPYTEST_PLUGIN_LOAD_VIA_ENV ? true : undefined,
    reruns: env.EPYTEST_RERUNS || undefined,
    timeout: env.EPYTEST_TIMEOUT || undefined,
    xdist: env.EPYTEST_XDIST ? true : undefined,
    jobs: number(env.EPYTEST_JOBS) ?? jobsIn(env.MAKEOPTS),
    deselect: list('EPYTEST_DESELECT'),
    ignore: list('EPYTEST_IGNORE'),
    flags: env.EPYTEST_FLAGS?.split(/\s+/).filter(Boolean),
  });
}

/** Fills in what nobody said. `processors` is the last word on jobs. */
export function complete(asked: Asked, env: Variables, processors: number): Settings {
  const eapi = number(env.EAPI) ?? LATEST_EAPI;
  const off = Boolean(env.PYTEST_DISABLE_PLUGIN_AUTOLOAD);
  const autoload = asked.autoload ?? (asked.plugins === undefined && eapi < LATEST_EAPI);
  return {
    plugins: (asked.plugins ?? []).map((name) => name.replaceAll(/\$\{PN\}|\$PN\b/g, env.PN ?? '')).filter(Boolean),
    autoload: autoload && !off,
    loadViaEnv: asked.loadViaEnv ?? false,
    reruns: asked.reruns,
    timeout: asked.timeout,
    xdist: asked.xdist ?? false,
    jobs: Math.max(1, asked.jobs ?? processors),
    deselect: asked.deselect ?? [],
    ignore: asked.ignore ?? [],
    flags: asked.flags ?? [],
  };
}

export const listOf = (text: string): string[] =>
  (text.includes('\n') ? text.split('\n').map((line) => line.trim()) : text.split(/\s+/)).filter(Boolean);

/** Without the keys that have no value, so that they hide nothing. */
export const dropUnset = <T extends object>(asked: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as T;

const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;

/** How many jobs make's options allow; undefined where they bound none. */
function jobsIn(options: string | undefined): number | undefined {
  const jobs = findJobs(options ?? '', { letters: false });
  return jobs !== undefined && Number.isFinite(jobs) ? jobs : undefined;
}
