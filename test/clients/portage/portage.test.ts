// Clients written in Python by themselves, on a plain FIFO: that the toolchain gives real ones, and how they take their
// tokens. STINT_SEED repeats the projects of an earlier run.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTrace, type Trace } from '../../../demo/trace.ts';
import { Place, type Started } from '../../helpers/pool.ts';
import { seeded } from '../../helpers/random.ts';
import { missing } from '../../helpers/toolchain.ts';
import { until } from '../../helpers/until.ts';
import { buildTracer, PYTHON_KINDS } from '../projects.ts';
import { PlainFifo } from './plain-fifo.ts';
import { writePrefix } from './prefix.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const PATIENCE = 120_000;

interface Build {
  args: readonly string[];
  env?: Record<string, string>;
}

function start(place: Place, folder: string, { args: [file = '', ...args], env }: Build): Started {
  const log = { STINT_DEMO_LOG: join(place.folder, 'log'), STINT_DEMO_BUILD: 'build' };
  return place.spawn(file, args, { cwd: folder, env: { ...env, ...log }, deadline: PATIENCE });
}

/** That it ended well, and what was traced. */
async function end(place: Place, { ended }: Started): Promise<Trace['all']> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, stdout + stderr);
  return readTrace(readFileSync(join(place.folder, 'log'), 'utf8')).all;
}

for (const { name, needs, make } of PYTHON_KINDS) {
  test(`${name} returns each token and runs one job without, seed ${SEED}`, {
    skip: missing(...needs),
    timeout: PATIENCE,
  }, async (t) => {
    const place = new Place(t);
    const folder = join(place.folder, 'project');
    mkdirSync(folder);
    const project = make({ folder, trace: buildTracer(place.folder), random: seeded(SEED) });
    const fifo = new PlainFifo(t, place.folder, 2);
    const env = { ...project.env, MAKEFLAGS: fifo.makeflags };
    const { jobs, peak } = await end(place, start(place, folder, { args: project.args, env }));
    assert.equal(jobs, project.jobs);
    assert.ok(peak <= 3, `${peak} jobs on 2 tokens and the implicit slot`);
    assert.equal(fifo.tokens, 2);
    t.diagnostic(`${jobs} jobs, up to ${peak} at once`);
  });
}

test('portage waits for a token before its first package when its jobserver stands in make.conf', {
  skip: missing('emerge', 'make44'),
  timeout: PATIENCE,
}, async (t) => {
  const place = new Place(t);
  const job = `${buildTracer(place.folder)} sleep 0.05`;
  const fifo = new PlainFifo(t, place.folder, 0);
  const args = writePrefix({
    folder: join(place.folder, 'prefix'),
    packages: [
      [job, job],
      [job, job],
    ],
    settings: `MAKEFLAGS="${fifo.makeflags}"`,
  });
  const emerge = start(place, place.folder, { args });
  await until('it has opened the FIFO', () => fifo.isOpenIn(emerge.pid));
  const putAt = Number(process.hrtime.bigint()) / 1e6; // the clock of the trace
  fifo.put(1);
  const { jobs, peak, firstAt } = await end(place, emerge);
  assert.equal(jobs, 4);
  assert.equal(peak, 1);
  assert.ok(firstAt > putAt, 'no job ran before');
  assert.equal(fifo.tokens, 1);
});
