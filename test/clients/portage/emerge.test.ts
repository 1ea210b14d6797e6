// The real emerge on the machine's pool, set as `stint env --for portage` says: packages that are built by make, ninja, cargo and
// pytest, four at a time, in Portage's own namespaces. One is killed, the engine is killed, the daemon is upgraded; whatever
// should end well does, no more jobs run than may, and every slot comes back. STINT_ROUNDS above 1 kills engines all the time.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY, overcommitBound } from '../../../src/core/policy.ts';
import { killEngine, killEngines } from '../../helpers/engine-kills.ts';
import { type Machine, noMachine, startMachine } from '../../helpers/machine.ts';
import { seeded } from '../../helpers/random.ts';
import { missing, toolPath } from '../../helpers/toolchain.ts';
import { until } from '../../helpers/until.ts';
import { copyProgram } from '../../keeper/copy.ts';
import { Site } from '../../machine/site.ts';
import { KINDS, PYTHON_KINDS } from '../projects.ts';
import { PATIENCE } from '../rounds.ts';
import { ebuild, settingsFor } from './ebuilds.ts';
import { writePrefix } from './prefix.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 1);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const SLOTS = 3;
const BEYOND = overcommitBound(DEFAULT_POLICY, SLOTS);
const NAMES = ['make44', 'ninja', 'cargo', 'pytest-jobserver'];
const ALL = [...KINDS, ...PYTHON_KINDS].filter(({ name }) => NAMES.includes(name));
/** What keeps a package away from the rest of the machine, but for what needs a user of Portage's own. */
const NAMESPACES = 'FEATURES="${FEATURES} ipc-sandbox mount-sandbox network-sandbox pid-sandbox"';

const skip = noMachine() ?? missing('emerge', ...ALL.flatMap(({ needs }) => needs));

for (let round = 1; round <= ROUNDS; round++) {
  test(`emerge of all kinds, one killed, over a dead engine and an upgrade, round ${round}, seed ${SEED}`, {
    skip,
    timeout: 3 * PATIENCE,
  }, async (t) => {
    const random = seeded(SEED + round);
    const copy = copyProgram(t);
    const machine = await startMachine(t, SLOTS, { strict: false, stint: copy.stint });
    const kills = ROUNDS > 1 ? killEngines(machine, random, 5_000) : undefined;
    const site = new Site(t);
    const { names, folder, args } = await writeAll(machine, site, random);
    const emerge = machine.spawn(args[0] as string, args.slice(1), {
      ...site.options('emerge'),
      deadline: 2 * PATIENCE,
    });

    process.kill(await clientWith(machine, join(site.folder, 'victim')), 'SIGKILL');
    await until('others are under way', () => site.running('held') === 1, PATIENCE / 2);
    if (kills === undefined) await killEngine(machine);
    copy.setVersion('0.1.7');
    // A machine that is too busy to answer in time is asked again.
    await until('it is upgraded', async () => (await machine.stint(['upgrade'])).code === 0, PATIENCE);
    site.open('gate');
    const { code, stdout, stderr } = await emerge.ended;
    await kills?.stop();

    const said = stdout + stderr;
    const merged = [...names, 'held', 'victim'].filter((name) =>
      existsSync(join(folder, `var/db/pkg/test-jobs/${name}-1`)),
    );
    assert.deepEqual(merged, [...names, 'held'], said);
    assert.equal(code, 1, 'one was killed');
    const { all, builds } = site.traced();
    for (const name of names) assert.ok((builds.get(name)?.jobs ?? 0) > 0, `${name} was traced`);
    assert.ok(all.peak <= SLOTS + BEYOND, `${all.peak} jobs at once, seed ${SEED}`);
    t.diagnostic(`${all.jobs} jobs, up to ${all.peak} at once`);
    assert.equal((await machine.untilIdle()).surplus, 0);
    machine.daemon.kill('SIGTERM');
    assert.equal((await machine.daemon.ended).code, 0);
  });
}

/** Writes a package of each kind, one that waits at a gate, and one that never ends. */
async function writeAll(machine: Machine, site: Site, random: (n: number) => number) {
  const projects = ALL.map(({ name, make }) => {
    const folder = join(site.folder, name);
    mkdirSync(folder);
    return ebuild({ name, folder, ...make({ folder, trace: site.trace, random }) });
  });
  const held = site.makefile('held', `all:\n\t@${site.job('gate')}\n`);
  const victim = site.makefile('victim', 'all: a b\na b:\n\t@sleep 1000\n');
  const make = [toolPath('make44'), 'all'];
  const folder = join(machine.folder, 'prefix');
  const args = writePrefix({
    folder,
    packages: [
      ebuild({ name: 'victim', folder: victim, args: [...make, '-C', victim] }),
      ebuild({ name: 'held', folder: held, args: make }),
      ...projects,
    ],
    settings: `${NAMESPACES}\n${await settingsFor(machine)}`,
  });
  return { names: projects.map(({ name }) => name), folder, args: [...args, '--keep-going'] };
}

/** The number of the client with this word on its command line, when it has the node open. */
function clientWith(machine: Machine, word: string): Promise<number> {
  return until(
    `a client with ${word}`,
    async () => {
      const { builds } = await machine.status();
      const pids = builds.flatMap(({ clients = [] }) => clients.map(({ pid }) => pid));
      return pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word));
    },
    PATIENCE,
  );
}
