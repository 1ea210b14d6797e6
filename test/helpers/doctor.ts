// `stint doctor` in a test's place, on a machine where other work goes on: of what it finds, only what is the place's own.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Report } from '../../src/cli/doctor/report.ts';
import { type Place, type SpawnOptions, STINT, type Started } from './pool.ts';
import { isMarked } from './processes.ts';
import { toolPath } from './toolchain.ts';
import { until } from './until.ts';

/** docs/doctor.schema.json, without fields that it does not name: the page would not explain them. */
export const reportSchema = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../docs/doctor.schema.json'), 'utf8'),
);
const strict = structuredClone(reportSchema);
for (const part of [strict, ...Object.values<object>(strict.$defs)])
  Object.assign(part, { additionalProperties: false });
export const isReport = new Ajv2020({ allErrors: true }).compile<Report>(strict);

export interface Examination extends SpawnOptions {
  /** Arguments of `stint doctor`, after --json. */
  args?: readonly string[];
  /** A command that is given another one to run, such as `stint run --`. */
  through?: readonly string[];
}

/** The report, and the names of what was found. @throws AssertionError when the report does not fit its schema, or the exit code */
export async function examine(
  place: Place,
  { args = [], through = [], env, ...options }: Examination = {},
): Promise<{ report: Report; ids: string[]; stderr: string }> {
  const [file, ...rest] = [...through, STINT, 'doctor', '--json', ...args] as [string, ...string[]];
  const { code, stdout, stderr } = await place.spawn(file, rest, {
    deadline: 60_000,
    ...options,
    env: { PATH: goodPath(place), PORTAGE_CONFIGROOT: place.folder, ...env },
  }).ended;
  assert.ok(code === 0 || code === 1, `exit code ${code}: ${stderr}`);
  const report: unknown = JSON.parse(stdout);
  assert.ok(isReport(report), JSON.stringify(isReport.errors));
  assert.equal(code, report.findings.length === 0 ? 0 : 1);
  const findings = report.findings.filter((finding) => isOf(place, finding));
  return { report: { ...report, findings }, ids: findings.map(({ id }) => id), stderr };
}

/** What is about processes and daemons of others is not: their tests run at the same time. */
function isOf(place: Place, { id, pid, on }: Report['findings'][number]): boolean {
  if (id === 'two-pools') return on.split(', ').every((dir) => dir.startsWith(place.folder));
  return (
    (id !== 'outside-pool' && id !== 'stray-jobs') || pid === undefined || isMarked(pid, `TEST_PLACE=${place.folder}`)
  );
}

const made = new WeakMap<Place, string>();

/** A PATH where make and ninja are new enough. */
export function goodPath(place: Place): string {
  let folder = made.get(place);
  if (folder === undefined) {
    folder = join(place.folder, 'good');
    made.set(place, folder);
    mkdirSync(folder);
    symlinkSync(toolPath('make44'), join(folder, 'make'));
    for (const name of ['ninja', 'ctest'] as const) symlinkSync(toolPath(name), join(folder, name));
  }
  return `${folder}:/usr/bin:/bin`;
}

/** A PATH on which the program `name` says `version` before anything else can. */
export function pathWith(place: Place, name: string, version: string): string {
  const folder = join(place.folder, `old-${name}`);
  mkdirSync(folder);
  writeFileSync(join(folder, name), `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 });
  return `${folder}:${goodPath(place)}`;
}

/** A program that does nothing for a long time and goes by the name of a compiler. */
export function sleeper(place: Place, name: string): string {
  const path = join(place.folder, name);
  copyFileSync('/usr/bin/sleep', path);
  return path;
}

/** Starts a program below nobody: else the make that may have started the tests would be who has started it all. */
export async function orphan(place: Place, file: string, args: string): Promise<{ pid: number; started: Started }> {
  const started = place.spawn('sh', ['-c', `"$0" ${args} >&2 & echo $!`, file]);
  const pid = await until('it is started', () => Number(started.output.stdout) || undefined);
  return { pid, started };
}
