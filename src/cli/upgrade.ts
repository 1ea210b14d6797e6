// `stint upgrade`: has a daemon that runs go on as the program that is installed now. No build notices it.
import { setTimeout as pause } from 'node:timers/promises';
import type { Status } from '../api/schema.ts';
import { EXIT, reason, StintError } from '../errors.ts';
import { findRuntime, type RuntimeDir } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';
import { UPGRADE } from './verbs/upgrade.ts';

/** How long it may take, milliseconds. */
const PATIENCE = 60_000;
/** How often to look, milliseconds. */
const PAUSE = 50;

export async function upgrade(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, UPGRADE.options, 'upgrade');
  if (options.has('help')) return showHelp(UPGRADE);
  if (operands.length > 0) throw new StintError(`upgrade: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const runtime = findRuntime(process.env, { user: options.has('user') });
  const before = await question<Status>(runtime, 'GET', '/status');
  tell(before.pids.keeper);
  const after = await next(runtime, before.pids.engine);
  return print(
    `stint: ${before.daemon.version} goes on as ${after.daemon.version}, with process ${after.pids.engine}\n`,
  );
}

function tell(keeper: number): void {
  try {
    process.kill(keeper, 'SIGUSR2');
  } catch (error) {
    throw new StintError(`cannot signal the daemon, process ${keeper}: ${reason(error)}`, {
      cause: error,
      hint: 'that is for root, or for the user whose pool it is',
    });
  }
}

async function next(runtime: RuntimeDir, engine: number): Promise<Status> {
  for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; await pause(PAUSE)) {
    const now = await question<Status>(runtime, 'GET', '/status');
    if (now.pids.engine !== engine && now.degraded === undefined) return now;
  }
  throw new StintError(`the daemon has not gone on as another one for ${PATIENCE / 1000} s`, {
    hint: `its log says why${runtime.system ? '' : `: ${runtime.log}`}`,
  });
}
