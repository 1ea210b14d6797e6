// Clients in other places than the daemon's: another pid and mount namespace, another root, another user, and one that has
// the node open a thousand times. Each is accounted for by the pid that the daemon sees, and all slots come back.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { type Machine, noMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { buildRacers, NODES, Racer, type RacerOptions, startTrack, untilTrue } from './racers.ts';

/** The group that may take slots here. */
const GROUP = 54_321;
const NOBODY = 65_534;
const SLOTS = 4;

for (const kind of NODES) {
  const options = { skip: noMachine() ?? missing('gcc'), timeout: 280_000 };
  test(`clients in other places, at the ${kind} node`, options, async (t) => {
    const machine = await startTrack(t, SLOTS, `group = ${GROUP}`);
    chmodSync(machine.folder, 0o711);
    const program = buildRacers(t, ['-static'])[kind]; // there is no library in the other root
    const other = join(machine.folder, 'other');
    mkdirSync(other);
    const start = (how: RacerOptions, path = program) => new Racer(machine, [path, 'interrupt', 1], how);

    await t.test('in namespaces of its own, where the directory is bound elsewhere', async () => {
      const script = `mount --bind "${machine.mount}" "${other}" && exec "$@"`;
      const namespaces = ['unshare', '--pid', '--mount', '--fork', '--kill-child'];
      const racer = start({ node: join(other, 'jobserver'), through: [...namespaces, 'sh', '-c', script, 'sh'] });
      await drawn(machine, racer, await onlyChild(racer.pid));
    });

    await t.test('in another root', async () => {
      const root = join(machine.folder, 'root');
      const inside = join(root, 'run');
      mkdirSync(inside, { recursive: true });
      const path = `/${basename(program)}`;
      copyFileSync(program, join(root, path));
      const script = `mount --bind "${machine.mount}" "${inside}" && exec chroot "${root}" "$@"`;
      const through = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
      await drawn(machine, start({ node: '/run/jobserver', through }, path));
    });

    await t.test("as another user in the node's group", async () => {
      await drawn(machine, start({ through: nobody(GROUP), cwd: '/' }));
    });

    await t.test('as another user who may not: it can still see who holds what', async () => {
      const refused = start({ through: nobody(NOBODY), cwd: '/' });
      const { code, stderr } = await refused.started.ended;
      assert.equal(code, 2);
      assert.match(stderr, /cannot open \S+: Permission denied/);
      const [setpriv = '', ...rest] = nobody(NOBODY);
      const seen = await machine.spawn(setpriv, [...rest, 'cat', join(machine.mount, 'status')], { cwd: '/' }).ended;
      assert.equal(JSON.parse(seen.stdout).free, SLOTS);
    });

    await t.test('with 1,024 descriptors', async () => {
      await withMany(machine, start({}));
    });

    assert.equal((await machine.untilIdle()).surplus, 0);
    await machine.stop();
  });
}

/** A user without rights who has only the group `gid`. */
const nobody = (gid: number): string[] => [
  'setpriv',
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  gid === NOBODY ? '--clear-groups' : `--groups=${gid}`,
];

/** The racer, which the daemon knows by `pid`, takes all slots; half of them it returns, the others come back when it ends. */
async function drawn(machine: Machine, racer: Racer, pid: number = racer.pid): Promise<void> {
  for (let i = 1; i <= SLOTS; i++) await racer.read();
  await untilTrue(machine, [{ pid, held: SLOTS }]);
  await racer.run(100);
  for (let i = 1; i <= SLOTS / 2; i++) await racer.read();
  await untilTrue(machine, [{ pid, held: SLOTS / 2 }]);
  await racer.end();
  await untilTrue(machine, []);
}

async function withMany(machine: Machine, racer: Racer): Promise<void> {
  await racer.ask('many 1024');
  for (let round = 0; round < 50; round++) {
    for (let i = 1; i <= SLOTS; i++) await racer.read();
    await untilTrue(machine, [racer]);
    await racer.run(0); // by other descriptors
    await untilTrue(machine, []);
  }
  await drawn(machine, racer);
}

/** The one child of `pid`, as soon as there is one. */
function onlyChild(pid: number): Promise<number> {
  return until('it has a child', () => {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return children !== '' && Number(children);
  });
}
