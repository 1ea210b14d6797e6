// Another user puts links and directories of his own where a user's daemon is to have its directory, again and again while it starts:
// either it starts in a directory of its user's, or nothing is done and the reason said.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NOBODY, noMachine } from '../helpers/machine.ts';
import { Place, STINT } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const RUNS = Number(process.env.STINT_ROUNDS ?? 4);
/** Nobody's number: so is the directory's name below /tmp. */
const USER = 61_234;
const DIR = `/tmp/stint-${USER}`;

const IMPOSTOR = `
import os, shutil, sys
place, own = sys.argv[1], sys.argv[2]
def undo():
    try: os.unlink(place)
    except OSError: pass
    try: shutil.rmtree(place)
    except OSError: pass
n = 0
while True:
    undo()
    try:
        if n % 3 == 0: os.symlink(own, place)
        elif n % 3 == 1: os.mkdir(place, 0o777)
        else: os.symlink('/nowhere', place)
    except OSError: pass
    n += 1
    if n == 1: print('begun', flush=True)
`;

test(`another user's links and directories get nothing of a daemon's, in ${RUNS} starts`, {
  skip: (noMachine() !== undefined && 'needs root') || missing('python3'),
  timeout: 120_000 + 20_000 * RUNS,
}, async (t) => {
  const place = new Place(t);
  chmodSync(place.folder, 0o755);
  t.after(() => rmSync(DIR, { recursive: true, force: true }));
  const own = join(place.folder, 'own');
  mkdirSync(own, { mode: 0o777 });
  chmodSync(own, 0o777);
  chownSync(own, 65534, 65534);
  const as = (user: readonly string[], file: string, args: readonly string[], env = {}) =>
    place.spawn('setpriv', [...user, file, ...args], { cwd: '/', env, deadline: 100_000 + 20_000 * RUNS });
  const impostor = as(NOBODY, '/usr/bin/python3', ['-c', IMPOSTOR, DIR, own]);
  await until('it has begun', () => impostor.output.stdout === 'begun\n', 60_000);
  const user = NOBODY.map((one) => one.replace('65534', String(USER)));
  const ended = { started: 0, refused: 0 };
  for (let i = 0; i < RUNS; i++) {
    const args = ['run', '--user', '--jobs', '1', '--', 'echo', 'ran'];
    const { code, stdout, stderr } = await as(user, STINT, args, { XDG_RUNTIME_DIR: undefined, HOME: '/nowhere' })
      .ended;
    if (code === 0) {
      assert.deepEqual([stdout, stderr.replace(/^stint: waiting .*\n/, '')], ['ran\n', '']);
      ended.started++;
      await until('its daemon has its lock', () => existsSync(join(DIR, 'lock')), 60_000);
      const daemon = (await as(user, '/bin/cat', [join(DIR, 'lock')]).ended).stdout.trim();
      await as(user, '/bin/kill', [daemon]).ended;
      await until('its daemon has left', () => !existsSync(`/proc/${daemon}`), 60_000);
      rmSync(DIR, { recursive: true, force: true });
    } else {
      assert.equal(code, 125, stderr);
      assert.match(stderr, /^stint: (will not use|cannot|the daemon) /, stderr);
      ended.refused++;
    }
    assert.deepEqual(readdirSync(own), [], 'nothing was made where the impostor could read it');
  }
  impostor.killAll('SIGKILL');
  await impostor.ended;
  t.diagnostic(JSON.stringify(ended));
});
