// make demo: three upstream projects, built at the same time by make, ninja and cargo, share one pool of job slots.
// The jobs that really run at once are counted (trace.c). It fails when they are more than the pool has, when a build
// fails, or when a slot is missing at the end. Everything that it fetches, builds and logs lies in .cache/demo.
import { parseArgs } from 'node:util';
import { buildAll } from './builds.ts';
import { openPool } from './pool.ts';
import { prepare } from './projects.ts';
import { report } from './report.ts';
import { openWorkshop } from './workshop.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));

try {
  const { values } = parseArgs({ options: { jobs: { type: 'string', default: '2' } } });
  process.exitCode = (await demo(values.jobs)) ? 0 : 1;
} catch (error) {
  console.error(stop.signal.aborted ? `demo: stopped by ${stop.signal.reason}` : `demo: ${(error as Error).message}`);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}

async function demo(slots: string): Promise<boolean> {
  console.log('fetching and preparing the sources (pinned in demo/sources) ...');
  const shop = await openWorkshop(stop.signal);
  const projects = await prepare(shop);
  stop.signal.throwIfAborted();
  const pool = await openPool(slots, shop.env);
  try {
    const outcome = await buildAll(projects, pool, shop);
    return report(outcome, await pool.afterwards());
  } finally {
    await pool.close();
  }
}
