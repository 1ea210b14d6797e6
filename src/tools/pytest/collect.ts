// Which tests there are: pytest itself is asked, and nothing is run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { StintError } from '../../errors.ts';
import { invocation } from './arguments.ts';
import { pluginVariables } from './plugin.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';

export interface Asked {
  settings: Settings;
  target: Target;
  /** Arguments of pytest. */
  rest: readonly string[];
}

/** How long collecting, or one test alone, may take, milliseconds. */
const PATIENCE = 30 * 60_000;
/** pytest's statuses that still tell something: all well, errors while collecting, nothing there. */
const TELLING = new Set([0, 2, 5]);

/** The ids of all tests. @throws StintError when pytest cannot tell */
export function collect(asked: Asked): string[] {
  const { ids, status, output } = start(asked, ['--collect-only', '-q']);
  if (ids === undefined || !TELLING.has(status)) {
    throw new StintError(`deselect: pytest cannot collect: ${lastLine(output) || `exit code ${status}`}`, {
      hint: 'give the arguments that the tests were run with, after --; or --no-collect',
    });
  }
  return ids;
}

/** Whether a test fails when it is run alone, in one process. */
export const failsAlone = (asked: Asked, id: string): boolean => start({ ...asked, rest: [] }, [id]).status !== 0;

function start({ settings, target, rest }: Asked, more: readonly string[]) {
  const folder = mkdtempSync(join(os.tmpdir(), 'stint-deselect-'));
  try {
    const alone = { ...settings, xdist: false, reruns: undefined };
    const occasion = {
      jobs: 1,
      junit: join(folder, 'report.xml'),
      rest: [...rest, ...more],
      env: process.env,
      gated: false,
    };
    const { args, env } = invocation(alone, target, occasion);
    const path = join(folder, 'ids.json');
    const { status, stdout, stderr, error } = spawnSync(target.python, ['-m', 'pytest', ...args], {
      encoding: 'utf8',
      timeout: PATIENCE,
      maxBuffer: 1024 ** 3,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env, ...pluginVariables({ ids: path }, process.env) },
    });
    if (error !== undefined) throw new StintError(`deselect: cannot run pytest: ${error.message}`, { cause: error });
    return { ids: idsIn(path), status: status ?? -1, output: `${stdout}\n${stderr}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function idsIn(path: string): string[] | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as string[];
  } catch {
    return undefined; // it never came so far
  }
}

const lastLine = (text: string): string | undefined => text.trim().split('\n').at(-1);
