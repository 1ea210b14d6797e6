// The rules that keep the house in order (biome.json) bite: each offence below is reported, and its lawful twin is not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from './helpers/temporary.ts';

const repository = join(import.meta.dirname, '..');
const biome = join(repository, 'node_modules/.bin/biome');

type Pair = [file: string, imports: string];

const lawful: Pair[] = [
  ['src/core/ledger.ts', './types.ts'],
  ['src/core/ledger.ts', '../errors.ts'],
  ['src/jobserver/makeflags.ts', '../errors.ts'],
  ['src/kernel/libc.ts', 'koffi'],
  ['src/kernel/libc.ts', 'node:util'],
  ['src/process/proc.ts', 'node:fs'],
  ['src/nodes/fuse/session.ts', '../node.ts'],
  ['src/nodes/fuse/session.ts', '../../core/ledger.ts'],
  ['src/nodes/pipe.ts', '../kernel/fifo.ts'],
  ['src/observe/metrics.ts', '../core/types.ts'],
  ['src/engine/engine.ts', '../nodes/pipe.ts'],
  ['src/engine/engine.ts', '../core/ledger.ts'],
  ['src/api/server.ts', '../observe/snapshot.ts'],
  ['src/api/server.ts', './schema.ts'],
  ['src/daemon/daemon.ts', '../engine/handle.ts'],
  ['src/daemon/daemon.ts', '../api/server.ts'],
  ['src/daemon/daemon.ts', '../core/policy.ts'],
  ['src/cli/status.ts', '../api/schema.ts'],
  ['src/cli/run.ts', '../kernel/exec.ts'],
  ['src/cli/engine.ts', '../daemon/daemon.ts'],
  ['src/cli/serve.ts', '../keeper/keeper.ts'],
  ['src/keeper/keeper.ts', '../kernel/fds.ts'],
  ['src/engine/worker.ts', '../keeper/store.ts'],
  ['src/plain/machine.ts', '../engine/journal/past.ts'],
  ['src/main.ts', './cli/run.ts'],
  ['src/main.ts', './tools/pytest/test.ts'],
  ['src/tools/pytest/test.ts', '../../cli/client.ts'],
  ['src/main.ts', './process/launch.ts'],
  ['test/core/ledger.test.ts', '../../src/core/ledger.ts'],
  ['src/conformance/agent.ts', '../kernel/io.ts'],
  ['src/conformance/told.ts', '../jobserver/makeflags.ts'],
  ['src/cli/conformance.ts', '../conformance/kit.ts'],
  ['src/client/lease.ts', '../api/schema.ts'],
  ['src/client/call.ts', '../process/runtime-dir.ts'],
  ['src/cli/client.ts', '../client/call.ts'],
  ['src/cli/web/machine.ts', '../../sensors/pressure.ts'],
  ['web/src/feed.ts', '../../src/api/schema.ts'],
  ['web/src/feed.ts', '../../src/cli/web/contract.ts'],
];

const unlawful: Pair[] = [
  ['src/core/ledger.ts', 'node:fs'],
  ['src/core/ledger.ts', 'node:fs/promises'],
  ['src/core/ledger.ts', '../kernel/io.ts'],
  ['src/core/ledger.ts', '../jobserver/makeflags.ts'],
  ['src/jobserver/makeflags.ts', 'node:process'],
  ['src/jobserver/makeflags.ts', '../core/types.ts'],
  ['src/kernel/io.ts', '../process/proc.ts'],
  ['src/kernel/io.ts', '../main.ts'],
  ['src/process/proc.ts', '../kernel/io.ts'],
  ['src/process/proc.ts', 'koffi'],
  ['src/sensors/loadavg.ts', '../core/types.ts'],
  ['src/nodes/pipe.ts', '../engine/engine.ts'],
  ['src/nodes/pipe.ts', '../observe/snapshot.ts'],
  ['src/nodes/fuse/session.ts', '../../engine/engine.ts'],
  ['src/nodes/fuse/session.ts', 'koffi'],
  ['src/observe/snapshot.ts', '../nodes/node.ts'],
  ['src/engine/engine.ts', '../api/server.ts'],
  ['src/engine/engine.ts', '../daemon/daemon.ts'],
  ['src/api/server.ts', '../core/ledger.ts'],
  ['src/api/server.ts', '../engine/handle.ts'],
  ['src/api/server.ts', '../daemon/daemon.ts'],
  ['src/daemon/daemon.ts', '../cli/serve.ts'],
  ['src/cli/status.ts', '../daemon/daemon.ts'],
  ['src/cli/status.ts', '../core/types.ts'],
  ['src/cli/term/table.ts', '../../engine/handle.ts'],
  ['src/cli/serve.ts', '../daemon/daemon.ts'],
  ['src/cli/engine.ts', '../engine/handle.ts'],
  ['src/cli/engine.ts', '../core/ledger.ts'],
  ['src/keeper/keeper.ts', '../core/ledger.ts'],
  ['src/plain/node.ts', '../core/ledger.ts'],
  ['src/keeper/store.ts', '../process/proc.ts'],
  ['src/kernel/fds.ts', '../keeper/store.ts'],
  ['src/tools/pytest/test.ts', '../../core/ledger.ts'],
  ['src/tools/pytest/test.ts', '../../daemon/daemon.ts'],
  ['src/cli/run.ts', '../tools/pytest/test.ts'],
  ['src/daemon/daemon.ts', '../tools/pytest/test.ts'],
  ['src/conformance/kit.ts', '../nodes/node.ts'],
  ['src/conformance/kit.ts', '../cli/print.ts'],
  ['src/client/lease.ts', '../kernel/libc.ts'],
  ['src/client/call.ts', '../api/server.ts'],
  ['src/client/call.ts', '../cli/print.ts'],
  ['src/nodes/pipe.ts', '../conformance/judge.ts'],
  ['src/daemon/daemon.ts', '../client/call.ts'],
  ['src/main.ts', './conformance/kit.ts'],
  ['src/main.ts', './daemon/daemon.ts'],
  ['src/main.ts', './core/ledger.ts'],
  ['test/kernel/io.test.ts', 'koffi'],
  ['web/src/feed.ts', '../../src/api/server.ts'],
  ['web/src/feed.ts', '../../src/core/types.ts'],
];

const words = ([file, imports]: Pair): string => `${file} imports ${imports}`;

/** Those of `pairs` that biome's `rule` reports as errors, in a tree that holds nothing else. */
function reported(t: TestContext, rule: string, pairs: Pair[]): string[] {
  const root = temporaryFolder(t);
  cpSync(join(repository, 'biome.json'), join(root, 'biome.json'));
  const files = Map.groupBy(pairs, ([file]) => file);
  for (const [file, ofFile] of files) write(join(root, file), ofFile);
  // One import stands on each line.
  return diagnostics(root, rule).map(({ location }) =>
    words(files.get(location.path)?.[location.start.line - 1] ?? [location.path, '?']),
  );
}

/** What biome's `rule` has to say about the tree at `root`. */
function diagnostics(root: string, rule: string): Diagnostic[] {
  const args = ['lint', '--reporter=json', '--max-diagnostics=none', `--only=${rule}`];
  const result = spawnSync(biome, args, { cwd: root, encoding: 'utf8', timeout: 60_000 });
  assert.match(result.stdout, /^\{/, result.stderr);
  const found = (JSON.parse(result.stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  assert.equal(result.status, found.length === 0 ? 0 : 1, result.stderr);
  return found;
}

interface Diagnostic {
  location: { path: string; start: { line: number } };
}

/** An import of each form in turn: no form of it is a back door. */
const statement = (imports: string, n: number): string =>
  [
    `export * as import${n} from '${imports}';\n`,
    `export type { Type${n} } from '${imports}';\n`,
    `export const lazy${n} = () => import('${imports}');\n`,
  ][n % 3] as string;

function write(path: string, pairs: Pair[]): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, pairs.map(([, imports], n) => statement(imports, n)).join(''));
}

test('what the plan of the house allows passes', (t) => {
  assert.deepEqual(reported(t, 'style/noRestrictedImports', lawful), []);
});

test('every import that points upwards or sideways is an error', (t) => {
  assert.deepEqual(reported(t, 'style/noRestrictedImports', unlawful).sort(), unlawful.map(words).sort());
});

test('a circle of imports within a folder is an error', (t) => {
  const circle: Pair[] = [
    ['src/api/one.ts', './two.ts'],
    ['src/api/two.ts', './three.ts'],
    ['src/api/three.ts', './one.ts'],
  ];
  assert.deepEqual(reported(t, 'suspicious/noImportCycles', circle).sort(), circle.map(words).sort());
});

test('the pure rooms have no clock, no timer and no process, not even as globals', (t) => {
  const root = temporaryFolder(t);
  cpSync(join(repository, 'biome.json'), join(root, 'biome.json'));
  const globals = ['process.pid', 'Date.now()', 'performance.now()', 'setTimeout(() => {}, 1)', "console.log('x')"];
  for (const room of ['core', 'jobserver', 'kernel']) {
    mkdirSync(join(root, 'src', room), { recursive: true });
    const lines = globals.map((global, n) => `export const use${n} = () => ${global};\n`);
    writeFileSync(join(root, 'src', room, 'it.ts'), lines.join(''));
  }
  const reports = diagnostics(root, 'style/noRestrictedGlobals').map(({ location }) => location.path);
  assert.equal(reports.filter((path) => path === 'src/core/it.ts').length, globals.length);
  assert.equal(reports.filter((path) => path === 'src/jobserver/it.ts').length, globals.length);
  assert.equal(reports.length, 2 * globals.length);
});
