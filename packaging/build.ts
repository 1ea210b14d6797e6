// Builds the program as it is installed: dist/bin/stint, and dist/lib with all modules in few files, and the page of `stint web`, for which
// Vite makes web/dist; dist/share with the manual and the completions of shells. A program of few files starts in a third of the time. The
// same sources make the same bytes. Does nothing when nothing has changed.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { files } from './manual/files.ts';

const ROOT = resolve(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const PAGE = 'web/dist/index.html';
/** What pages of the manual are made from. */
const PAGES = ['CHANGELOG.md', 'docs/{protocol,reference}.md', 'docs/stint.toml'];
const LAUNCHER = 'bin/stint';
const PYTHON = 'src/tools/pytest/python';
/** What npm shows of it. */
const WORDS = ['README.md', 'LICENSE'];

if (isOlder(PAGE, ['web/**', 'package-lock.json'])) {
  const { build } = await import('vite');
  await build({ root: join(ROOT, 'web'), logLevel: 'warn' });
}
if (
  isOlder('dist/package.json', [
    'src/**',
    'package*.json',
    'packaging/{build.ts,manual/**}',
    ...PAGES,
    ...WORDS,
    LAUNCHER,
    PAGE,
  ])
) {
  const draft = join(ROOT, `.dist-${process.pid}`);
  await build(draft);
  rmSync(DIST, { recursive: true, force: true });
  try {
    renameSync(draft, DIST);
  } catch {
    rmSync(draft, { recursive: true }); // another one has built it at the same time
  }
}

/** Whether one of the sources has changed since `made` was made of them. */
function isOlder(made: string, sources: string[]): boolean {
  const time = (name: string) => statSync(join(ROOT, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return (
    globSync(sources, { cwd: ROOT, exclude: ['web/dist'] }).some((name) => time(name) > time(made)) || time(made) === 0
  );
}

async function build(folder: string): Promise<void> {
  const bundle = await rolldown({
    cwd: ROOT,
    // The names that src/paths.ts knows.
    input: { main: 'src/main.ts', worker: 'src/engine/worker.ts', client: 'src/client/index.ts' },
    platform: 'node',
    external: ['koffi'], // it has a compiled part
    experimental: { attachDebugInfo: 'none' }, // it would name where node_modules is
  });
  await bundle.write({ dir: join(folder, 'lib'), comments: { annotation: false, jsdoc: false, legal: true } });
  await bundle.close();
  writeTypes(join(folder, 'lib/types'));
  mkdirSync(join(folder, 'bin'));
  copyFileSync(join(ROOT, LAUNCHER), join(folder, LAUNCHER));
  copyFileSync(join(ROOT, PAGE), join(folder, 'lib/page.html'));
  for (const [name, text] of files()) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  mkdirSync(join(folder, 'lib/python'));
  for (const name of globSync('*.py', { cwd: join(ROOT, PYTHON) }))
    copyFileSync(join(ROOT, PYTHON, name), join(folder, 'lib/python', name));
  for (const name of WORDS) copyFileSync(join(ROOT, name), join(folder, name));
  symlinkSync('../node_modules', join(folder, 'node_modules')); // for a start from here
  const { name, version, description, license, type, os, engines, bin, dependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  );
  const { koffi } = dependencies;
  const exports = { './client': { types: './lib/types/client/index.d.ts', default: './lib/client.js' } };
  const about = { name, version, description, license, type, os, engines, bin, exports, dependencies: { koffi } };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(about, undefined, 2)}\n`);
}

/** What TypeScript has to know of `stint/client`. */
function writeTypes(folder: string): void {
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', join(ROOT, 'packaging/types.tsconfig.json'), '--outDir', folder], { stdio: 'inherit' });
  for (const name of globSync('**/*.d.ts', { cwd: folder })) {
    const path = join(folder, name);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/(from '[^']*)\.ts'/g, "$1.js'"));
  }
}
