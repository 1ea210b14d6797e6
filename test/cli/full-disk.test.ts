// A runtime directory on a file system that is full sooner or later: by its number of files, or by its size.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Place, type Result, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

/** Whether this process may mount: root may not in every container. */
const canMount = () => {
  const script = 'mount -t tmpfs none /mnt && umount /mnt';
  return process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'sh', '-c', script]).status === 0;
};
const skip = !canMount() && 'needs the right to mount';

/** A place whose XDG_RUNTIME_DIR is a file system with `options`. */
function tightPlace(t: TestContext, options: string): { small: string; run(args: string[]): Promise<Result> } {
  const small = mkdtempSync(join(realpathSync(tmpdir()), 'stint-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `${options},mode=700`, 'none', small]);
  t.after(() => {
    execFileSync('umount', ['--lazy', small]); // the daemon in it is ended with the place, after this
    rmdirSync(small);
  });
  const place = new Place(t);
  return { small, run: (args) => place.stint(args, { env: { XDG_RUNTIME_DIR: small } }) };
}

/** That a run worked, or failed with one clear error and without leaving a FIFO. Returns whether it worked. */
async function worksOrSays(tight: ReturnType<typeof tightPlace>, args: string[]): Promise<boolean> {
  const { code, stdout, stderr } = await tight.run(args);
  const dir = join(tight.small, 'stint');
  if (code === 0) {
    assert.deepEqual([stdout, stderr], ['ok\n', '']);
    return true;
  }
  assert.equal(code, 125, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^stint: [^\n]*no space left on device[^\n]*\n(?:hint: [^\n]*\n)?$/);
  const left = existsSync(dir) ? readdirSync(dir).filter((name) => name.startsWith('fifo-')) : [];
  assert.deepEqual(left, []);
  return false;
}

test('stint run works, or says in one line that there is no space, wherever the last file was used up', {
  skip,
}, async (t) => {
  const worked: boolean[] = [];
  // The file system's root, the directory, the log, the lock, the socket, the FIFO, and the versions of tools twice.
  for (let files = 1; files <= 8; files++) {
    const tight = tightPlace(t, `size=64k,nr_inodes=${files}`);
    worked.push(await worksOrSays(tight, ['run', '--jobs', '2', 'echo', 'ok']));
  }
  assert.deepEqual(worked, worked.toSorted(), `more files never make it worse: ${worked}`);
  assert.equal(worked[0], false);
  assert.equal(worked.at(-1), true);
});

test('stint run works, or says in one line that there is no space, when all space is taken', { skip }, async (t) => {
  const tight = tightPlace(t, 'size=8k,nr_inodes=20');
  spawnSync('sh', ['-c', 'cat /dev/zero >filler 2>/dev/null'], { cwd: tight.small });
  assert.throws(() => writeFileSync(join(tight.small, 'more'), 'x'), { code: 'ENOSPC' });
  await worksOrSays(tight, ['run', '--jobs', '2', 'echo', 'ok']);
});

test('a daemon survives that there was no space for a build, and serves the next one', { skip }, async (t) => {
  const tight = tightPlace(t, 'size=64k,nr_inodes=20');
  assert.ok(await worksOrSays(tight, ['run', '--jobs', '2', 'echo', 'ok']));
  const pid = async () => JSON.parse((await tight.run(['status', '--json'])).stdout).daemon.pid;
  const before = await pid();
  const fillers: string[] = [];
  for (let i = 0; ; i++) {
    const filler = join(tight.small, `filler-${i}`);
    try {
      writeFileSync(filler, '');
    } catch {
      break;
    }
    fillers.push(filler);
  }
  assert.equal(await worksOrSays(tight, ['run', 'echo', 'ok']), false);
  execFileSync('rm', fillers);
  assert.ok(await worksOrSays(tight, ['run', 'echo', 'ok']));
  assert.equal(await pid(), before);
});

test('a daemon whose folder of state is full serves, and says of what it cannot keep', { skip }, async (t) => {
  const small = mkdtempSync(join(realpathSync(tmpdir()), 'stint-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,mode=700', 'none', small]);
  t.after(() => {
    execFileSync('umount', ['--lazy', small]);
    rmdirSync(small);
  });
  spawnSync('sh', ['-c', 'mkdir stint; cat /dev/zero >filler 2>/dev/null'], { cwd: small });
  const pool = await startPool(t, 2, { env: { XDG_STATE_HOME: small } });
  for (let i = 0; i < 3; i++) assert.equal((await pool.run(['--', 'true'])).code, 0);
  const set = await pool.stint(['set', 'jobs=3']);
  assert.equal(set.code, 1);
  assert.match(set.stderr, /settings\.json: no space left on device; nothing was changed\n$/);
  await until('it is said', () => pool.daemon.output.stderr !== '');
  assert.match(pool.daemon.output.stderr, /^stint: cannot write \S+history\.db: database or disk is full\n$/, 'once');
  process.kill(await pool.enginePid(), 'SIGKILL');
  await pool.untilStatus(({ daemon }) => daemon.restarts === 1);
  assert.equal((await pool.status()).capacity, 2);
  assert.equal((await pool.run(['--', 'true'])).code, 0);
});
