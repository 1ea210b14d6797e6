// `stint explain`: why a process waits, or why it draws nothing from the pool, in sentences.
import type { BuildStatus, ProcessStatus, Status } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import { ancestorsOf } from '../process/lineage.ts';
import { relativesOf } from '../process/proc.ts';
import { findRuntime, type RuntimeDir } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';
import { age, plural, remark } from './status.ts';
import { printable } from './term/width.ts';
import { EXPLAIN } from './verbs/explain.ts';

/** Builds that are named as those that hold slots. */
const MAX_HOLDERS = 3;

export async function explain(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, EXPLAIN.options, 'explain');
  if (options.has('help')) return showHelp(EXPLAIN);
  const pid = pidOf(operands);
  const runtime = findRuntime(process.env, { user: options.has('user') });
  const found = await question<ProcessStatus>(runtime, 'GET', `/processes/${pid}`);
  if (options.has('json')) return print(`${JSON.stringify(found, undefined, 2)}\n`);
  const status = await question<Status>(runtime, 'GET', '/status');
  return print(
    sentences(found, status, runtime)
      .map((line) => `${printable(line)}\n`)
      .join(''),
  );
}

/** @throws StintError */
function pidOf([pid, more]: readonly string[]): string {
  if (pid !== undefined && more === undefined && /^[1-9]\d{0,9}$/.test(pid)) return pid;
  const wrong =
    pid === undefined
      ? 'no process id given'
      : more === undefined
        ? `'${pid}' is no process id`
        : `unexpected argument ${more}`;
  throw new StintError(`explain: ${wrong}`, { exit: EXIT.USAGE, hint: 'for example: stint explain 4711' });
}

function sentences(found: ProcessStatus, status: Status, runtime: RuntimeDir): string[] {
  const { pid, program, user } = found;
  const build = status.builds.find(({ id }) => id === found.build);
  const name = `process ${pid} (${program}, of ${user})`;
  if (build === undefined)
    return [`${name} is in no build: it draws nothing from the pool.`, ...outside(found, status, runtime)];
  return [
    `${name} ${found.root ? 'is the root of' : 'is in'} build ${build.id}: ${build.label}${remark(build)}`,
    ...itself(found, status),
    ...waiting(found, build, status),
  ];
}

/** What the process has. */
function itself({ client, above, root, build }: ProcessStatus, { daemon }: Status): string[] {
  if (client !== undefined) {
    const { held, implicit } = client;
    const without = implicit > 0 ? `, and is charged ${slots(implicit)} for a job without a token` : '';
    return [`It has the jobserver open and holds ${slots(held)}${without}.`];
  }
  if (above !== undefined)
    return [
      `It has not opened the jobserver itself: it is a job of ${above.program} (pid ${above.pid}), or below one.`,
    ];
  if (root || build === undefined) return [];
  return daemon.mode === 'user'
    ? ["In a user's pool processes cannot be told apart: what follows is of the whole build."]
    : ['Neither it nor a process above it has the jobserver open.'];
}

/** Whether it waits, and what keeps it waiting. */
function waiting({ waits, client }: ProcessStatus, build: BuildStatus, status: Status): string[] {
  const { share, implicit, held } = build;
  const has = implicit + held;
  const part = `Build ${build.id} has ${slots(has)}; its share now is ${share.toFixed(1)} of ${status.limit}.`;
  if (waits === undefined) {
    const why = build.reason === undefined ? '' : ` (${build.reason})`;
    const idle =
      client === undefined && build.waiting > 0 ? `, but its build waits for ${slots(build.waiting)}${why}` : '';
    const unseen = client !== undefined && client.node !== 'file' ? '; at a pipe that cannot be seen' : '';
    return [`It is not known to wait for a slot${idle}${unseen}.`, part, ...(idle === '' ? [] : others(build, status))];
  }
  const needs = waits.slots === 1 ? 'a slot' : `${waits.slots} slots in one step`;
  return [
    `It has waited ${age(waits.for)} for ${needs}: ${waits.reason}.`,
    `${expectation(waits)}: ${waits.basis}.`,
    part,
    ...others(build, status),
  ];
}

function expectation({ slots: count, estimate }: NonNullable<ProcessStatus['waits']>): string {
  const them = count === 1 ? 'it' : 'them';
  if (estimate === undefined) return `When it gets ${them} cannot be told`;
  return estimate < 1000
    ? `It probably gets ${them} in a moment`
    : `It probably gets ${them} in about ${age(estimate)}`;
}

/** Who has slots that a build waits for. */
function others(build: BuildStatus, { builds }: Status): string[] {
  const holders = builds
    .filter(({ id }) => id !== build.id)
    .map((one) => ({ ...one, has: one.implicit + one.held }))
    .filter(({ has }) => has > 0)
    .sort((a, b) => b.has / b.share - a.has / a.share);
  const named = holders
    .slice(0, MAX_HOLDERS)
    .map(({ id, label, has, share }) => `${id} (${label}) has ${has} of its share of ${share.toFixed(1)}`);
  return named.length === 0 ? [] : [`Who else has slots: ${named.join('; ')}.`];
}

/** What would put it into the pool. */
function outside({ pid, would }: ProcessStatus, { daemon, capacity }: Status, runtime: RuntimeDir): string[] {
  const self = relativesOf(pid);
  const above = self === undefined ? [] : ancestorsOf(self);
  const line = above.map(({ comm, pid: number }) => `${comm} (${number})`).join(', ');
  return [
    ...(line === '' ? [] : [`Above it are: ${line}.`]),
    'What runs already cannot be put into the pool. Start it by: stint run -- CMD',
    ...(daemon.mode === 'system'
      ? [
          `or give what starts it the environment: MAKEFLAGS=' -j${capacity} --jobserver-auth=fifo:${runtime.fifo}'`,
          ...(would === undefined ? [] : [`It would then be in a build of its ${would.kind}: ${would.label}`]),
        ]
      : []),
  ];
}

const slots = (count: number): string => `${count} ${plural(count, 'slot')}`;
