// What the demo works with: its folder, an environment without the settings of an outer build, and jobtrace.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from './command.ts';

export interface Workshop {
  /** .cache/demo: all that is fetched, built and logged. */
  root: string;
  /** The environment for every program. */
  env: NodeJS.ProcessEnv;
  /** Path of jobtrace. */
  trace: string;
  /** Aborted when the demo is told to stop. */
  signal: AbortSignal;
}

/** @throws Error when a program that the demo cannot do without is missing. */
export async function openWorkshop(signal: AbortSignal): Promise<Workshop> {
  const root = resolve(import.meta.dirname, '../.cache/demo');
  if (/\s/.test(root)) throw new Error(`cannot build in ${root}: make takes no path with a space`);
  const env = plain(process.env);
  for (const tool of ['cc', 'c++', 'make', 'npm', 'tar']) {
    await run([tool, '--version'], { env, signal }).catch(() => {
      throw new Error(`the demo needs ${tool}, and it does not run\nhint: on Debian: apt install build-essential npm`);
    });
  }
  await mkdir(join(root, 'log'), { recursive: true });
  const trace = join(root, 'jobtrace');
  await run(['cc', '-O2', '-Wall', '-o', trace, join(import.meta.dirname, 'trace.c')], { env, signal });
  return { root, env, trace, signal };
}

// Compilers and flags of the user, a pool that the demo itself was started under, and the make that started it.
const foreign =
  /^(STINT_(?!NODE$).*|.*MAKEFLAGS|MFLAGS|MAKE(LEVEL|FILES|OVERRIDES)|BUILD|CC|CXX|AR|(C|CXX|CPP|LD|RUST)FLAGS|RUSTC.*|CMAKE_.*|CARGO_(BUILD|TARGET|PROFILE|ENCODED)_.*)$/;

function plain(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}
