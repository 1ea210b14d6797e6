// Loaded by Node before anything of a daemon under test (`--import`), in each of its processes and threads: puts a point (points.ts)
// before and after each call of src/ into src/kernel, node:fs and node:child_process, and before each store into the journal's counters. What runs
// otherwise is the daemon as it is; nothing of this is part of it.
import { ServerResponse } from 'node:http';
import { createRequire, registerHooks } from 'node:module';
import { MessagePort, Worker } from 'node:worker_threads';
import { pointsIn } from './points.ts';

const SOURCE = new URL('../../src/', import.meta.url).href;
const KERNEL = `${SOURCE}kernel/`;
const COUNTERS = `${SOURCE}engine/journal/counters.ts`;
const POINTS = new URL('points.ts', import.meta.url).href;
/** Ends the address of a module that stands for another one. */
const MARK = '?points';
/** Everybody needs these before there is anything to fail. */
const PLAIN = new Set(['libc', 'exec', 'notify', 'exit', 'parent'].map((name) => `${KERNEL}${name}.ts`));

const require = createRequire(import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const from = context.parentURL ?? '';
    if (!from.startsWith(SOURCE) || from.endsWith(MARK)) return resolved;
    const { url } = resolved;
    if (url === 'node:fs' || url === 'node:child_process') return { url: `${url}${MARK}`, shortCircuit: true };
    const inner = from.startsWith(KERNEL);
    const kernel = !inner && url.startsWith(KERNEL) && !PLAIN.has(url);
    return kernel || url === COUNTERS ? { ...resolved, url: `${url}${MARK}` } : resolved;
  },
  load(url, context, next) {
    if (!url.endsWith(MARK)) return next(url, context);
    return { format: 'module', shortCircuit: true, source: moduleFor(url.slice(0, -MARK.length)) };
  },
});

/** The source of a module that exports what that of `url` does, with points. */
function moduleFor(url: string): string {
  const of = url.startsWith('node:') ? url : new URL(url);
  const names = Object.keys(require(typeof of === 'string' ? of : of.pathname) as object);
  const room = url.replace(/^.*[/:]|\.ts$/g, '');
  const lines = names
    .filter((name) => name !== 'default' && name !== 'module.exports')
    .map((name) => `export const ${name} = withPoints('${room}.${name}', real.${name});`);
  return `import * as real from '${url}';\nimport { withPoints } from '${POINTS}';\n${lines.join('\n')}`;
}

// What the threads say to each other, and what callers of the API are told.
pointsIn('thread', MessagePort.prototype, ['postMessage']);
pointsIn('thread', Worker.prototype, ['postMessage']);
pointsIn('http', ServerResponse.prototype, ['end', 'write']);
