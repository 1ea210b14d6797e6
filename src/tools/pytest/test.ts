// `stint test`: runs pytest with as many workers as it gets slots, and says what came of it. This process watches; pytest is another one,
// which has the slots (start.ts). What happens there comes here as events.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { LeaseStatus } from '../../api/schema.ts';
import { parse, showHelp } from '../../cli/args.ts';
import { call } from '../../cli/client.ts';
import { parseDuration } from '../../cli/demands.ts';
import { note, print } from '../../cli/print.ts';
import { poolAround } from '../../cli/reach.ts';
import { TEST } from '../../cli/verbs/test.ts';
import { EXIT, reason, StintError } from '../../errors.ts';
import { MAIN } from '../../paths.ts';
import { invocation } from './arguments.ts';
import { cleanUp } from './clean.ts';
import { type Event, readEvents } from './events.ts';
import { forBash } from './lists.ts';
import { pythonOf, settingsFrom } from './options.ts';
import { Fold, type Results } from './results.ts';
import type { Plan } from './start.ts';
import { annotations, summary } from './summary.ts';
import { askTarget, type Target } from './target.ts';
import { verdict } from './verdict.ts';

export async function test(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, TEST.options, 'test');
  if (options.has('help')) return showHelp(TEST);
  const limit = options.get('run-timeout');
  const plan: Plan = {
    settings: settingsFrom(options),
    target: askTarget(pythonOf(options)),
    junit: '',
    rest: operands,
    label: options.get('label') ?? `pytest ${basename(process.cwd())}`,
    pool: !options.has('no-pool'),
    user: options.has('user'),
    limit: limit === undefined ? undefined : parseDuration(limit, '--run-timeout', EXIT.USAGE),
  };
  const annotate = options.get('annotations');
  if (annotate !== undefined && annotate !== 'github')
    throw new StintError(`--annotations must be github, not '${annotate}'`, { exit: EXIT.USAGE });
  needs(plan);
  plan.junit = junitPath(options.get('junit'), plan.target, options.has('print-argv'));
  if (options.has('print-argv')) return printArguments(plan, options.has('json'));

  const { results, code } = await runPytest(plan);
  if (options.has('clean') || process.env.EBUILD_PHASE) cleanUp(process.cwd());
  if (results.slots.length === 0) return code; // it never came to pytest; why is said already
  const { status, notes } = verdict(results, code, { allowUnawaited: options.has('allow-skipped-async') });
  if (annotate !== undefined) print(annotations(results));
  if (options.has('json')) print(`${JSON.stringify({ ...results, status, junit: plan.junit })}\n`);
  else process.stderr.write(summary(results, { junit: plan.junit, jobs: plan.settings.jobs }));
  for (const line of notes) note(line);
  return status;
}

/** What is asked for has to be there. @throws StintError naming what is not */
function needs({ settings, target }: Plan): void {
  const wanted = [
    ['pytest', true],
    ['pytest-rerunfailures', settings.reruns !== undefined],
    ['pytest-timeout', settings.timeout !== undefined],
    ['pytest-xdist', settings.xdist && settings.jobs > 1],
  ] as const;
  for (const [name, asked] of wanted) {
    if (!asked || target.versions[name] !== undefined) continue;
    throw new StintError(`test: ${name} is not installed for ${target.python}`, {
      hint: name === 'pytest' ? 'name a Python that has it: --python PYTHON' : 'install it there, or do without it',
    });
  }
}

/** A new file each time, named after the interpreter as the eclass does. */
function junitPath(said: string | undefined, { implementation }: Target, dry: boolean): string {
  const name = `pytest-${implementation}-${process.pid}${Date.now() % 100_000}.xml`;
  try {
    if (said === undefined)
      return join(process.env.T || (dry ? os.tmpdir() : mkdtempSync(join(os.tmpdir(), 'stint-test-'))), name);
    const path = resolve(said);
    if (!said.endsWith('/') && !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
    if (!dry) mkdirSync(path, { recursive: true });
    return join(path, name);
  } catch (error) {
    throw new StintError(`test: cannot write a report in ${said ?? os.tmpdir()}: ${reason(error)}`, { cause: error });
  }
}

/** What would be run with as many slots as can be had. */
function printArguments({ settings, target, junit, rest }: Plan, json: boolean): number {
  const made = invocation(settings, target, { jobs: settings.jobs, junit, rest, env: process.env, gated: true });
  for (const line of made.notes) note(line);
  const argv = [target.python, '-m', 'pytest', ...made.args];
  if (json) return print(`${JSON.stringify({ argv, env: made.env })}\n`);
  const env = Object.entries(made.env).map(([name, value]) => `${name}=${forBash(value)}`);
  return print(`${[...env, ...argv.map(forBash)].join(' ')}\n`);
}

async function runPytest(plan: Plan): Promise<{ results: Results; code: number }> {
  const folder = mkdtempSync(join(os.tmpdir(), 'stint-test-'));
  try {
    const path = join(folder, 'plan.json');
    writeFileSync(path, JSON.stringify(plan), { mode: 0o600 });
    const fold = new Fold(Date.now() / 1000);
    const args = [...process.execArgv, MAIN, 'pytest-start', String(process.pid), path, plan.target.python];
    const child = spawn(process.execPath, args, { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
    const ended = endOf(child);
    const give = giver(plan, fold);
    await readEvents(child.stdio[3] as Readable, (event) => {
      fold.add(event);
      give(event);
    });
    const code = await ended;
    return { results: fold.results(Date.now() / 1000), code };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives a worker's slot back when the worker has ended. */
function giver(plan: Plan, fold: Fold): (event: Event) => void {
  let lease: number | undefined;
  let slots = 0;
  const workers = new Set<string>();
  const give = async () => {
    const wanted = Math.max(1, workers.size);
    if (lease === undefined || wanted >= slots) return;
    slots = wanted;
    const pool = poolAround({ user: plan.user });
    const { slots: has } = await call<LeaseStatus>(pool, 'PATCH', `/leases/${lease}`, { slots: wanted });
    fold.held(Date.now() / 1000, has);
  };
  return (event) => {
    if (event.what === 'begun') ({ lease, slots } = event);
    if (event.what !== 'worker') return;
    if (event.up) workers.add(event.worker);
    else if (workers.delete(event.worker)) give().catch(() => {}); // they come back when pytest ends
  };
}

/** Its exit code, as a shell has it. Signals of the terminal go to pytest as well, which knows how to end. */
function endOf(child: ChildProcess): Promise<number> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((ended, failed) => {
    child.on('error', (error) => failed(new StintError(`test: cannot start: ${reason(error)}`, { cause: error })));
    child.on('exit', (code, signal) => ended(code ?? 128 + (signal === null ? 0 : os.constants.signals[signal])));
  });
}
