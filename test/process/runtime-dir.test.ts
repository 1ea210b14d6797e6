import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { StintError } from '../../src/errors.ts';
import { checkRuntimeDir, ensureRuntimeDir, runtimeDir } from '../../src/process/runtime-dir.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const uid = process.getuid?.() as number;
const asRoot = { skip: uid !== 0 && 'needs root' };
const NOBODY = 65534;

describe('the runtime directory', () => {
  const chosen = (XDG_RUNTIME_DIR?: string) => runtimeDir({ XDG_RUNTIME_DIR }).dir;
  const fallback = `/tmp/stint-${uid}`;

  it('is stint in XDG_RUNTIME_DIR, and everything else is in it', (t) => {
    const base = temporaryFolder(t);
    const { dir, socket, lock, log, fifo, tools } = runtimeDir({ XDG_RUNTIME_DIR: base });
    assert.equal(dir, join(base, 'stint'));
    for (const path of [socket, lock, log, fifo, tools]) assert.ok(path.startsWith(`${dir}/`), path);
    assert.equal(new Set([socket, lock, log, fifo, tools]).size, 5);
    assert.ok(!existsSync(dir), 'asking for the names makes nothing');
  });

  it('is in /tmp without XDG_RUNTIME_DIR, or with an empty or relative one', () => {
    assert.equal(chosen(), fallback);
    assert.equal(chosen(''), fallback);
    assert.equal(chosen('run/user/0'), fallback);
  });

  it('is in /tmp when XDG_RUNTIME_DIR is not there or is no directory', (t) => {
    const base = temporaryFolder(t);
    assert.equal(chosen(join(base, 'missing')), fallback);
    writeFileSync(join(base, 'file'), '');
    assert.equal(chosen(join(base, 'file')), fallback);
  });

  it('is in /tmp when XDG_RUNTIME_DIR belongs to another user', asRoot, (t) => {
    const base = temporaryFolder(t);
    chownSync(base, NOBODY, NOBODY);
    assert.equal(chosen(base), fallback, 'as it is under sudo');
  });

  for (const name of ['a b', 'tab\there', 'new\nline', 'back\\slash', 'dollar$x']) {
    it(`is in /tmp when XDG_RUNTIME_DIR cannot stand in MAKEFLAGS: ${JSON.stringify(name)}`, (t) => {
      const base = join(temporaryFolder(t), name);
      mkdirSync(base);
      assert.equal(chosen(base), fallback);
    });
  }

  it('is in XDG_RUNTIME_DIR as long as a socket there has an address', (t) => {
    const base = temporaryFolder(t);
    const ofLength = (length: number) => {
      const path = join(base, 'x'.repeat(length - base.length - 1));
      mkdirSync(path);
      return path;
    };
    const most = 107 - '/stint/api.sock'.length;
    assert.ok(runtimeDir({ XDG_RUNTIME_DIR: ofLength(most) }).socket.startsWith(base));
    assert.equal(chosen(ofLength(most + 1)), fallback);
  });

  it('counts bytes, not characters', (t) => {
    const base = join(temporaryFolder(t), 'ä'.repeat(45));
    mkdirSync(base);
    assert.equal(chosen(base), fallback);
  });

  it('has the number of the user in its name in /tmp', (t) => {
    t.mock.method(process as { getuid(): number }, 'getuid', () => 4711);
    assert.equal(chosen(), '/tmp/stint-4711');
  });
});

describe('making the runtime directory', () => {
  it('makes it for its user alone, whatever the umask', (t) => {
    const dir = join(temporaryFolder(t), 'stint');
    const before = process.umask(0);
    t.after(() => process.umask(before));
    ensureRuntimeDir(dir);
    assert.equal(statSync(dir).mode & 0o7777, 0o700);
    ensureRuntimeDir(dir);
  });

  it('says why it cannot', (t) => {
    const base = temporaryFolder(t);
    assert.throws(() => ensureRuntimeDir(join(base, 'missing/stint')), {
      name: 'StintError',
      message: `cannot make the directory ${base}/missing/stint: no such file or directory`,
    });
    writeFileSync(join(base, 'file'), '');
    assert.throws(() => ensureRuntimeDir(join(base, 'file/stint')), /cannot make the directory .*: not a directory$/);
  });

  /** What stands where the directory should be, and what is said of it. */
  const wrong: [what: string, make: (dir: string) => void, said: string, root?: boolean][] = [
    ['a symbolic link', (dir) => symlinkSync('.', dir), 'is a symbolic link'],
    ['a dangling link', (dir) => symlinkSync('/no/such/place', dir), 'is a symbolic link'],
    ['a file', (dir) => writeFileSync(dir, ''), 'is not a directory'],
    ["another user's directory", (dir) => chown(dir), `belongs to user ${NOBODY}`, true],
    ['a directory that others may list', (dir) => mode(dir, 0o755), 'is open to other users (mode 755)'],
    ['a directory that others may write to', (dir) => mode(dir, 0o1777), 'is open to other users (mode 777)'],
    ['a directory that the group may enter', (dir) => mode(dir, 0o710), 'is open to other users (mode 710)'],
  ];
  for (const [what, make, said, root] of wrong) {
    it(`refuses ${what}`, root === true ? asRoot : {}, (t) => {
      const dir = join(temporaryFolder(t), 'stint');
      make(dir);
      for (const refuses of [ensureRuntimeDir, checkRuntimeDir]) {
        assert.throws(
          () => refuses(dir),
          (error) => {
            assert.ok(error instanceof StintError);
            assert.equal(error.message, `will not use ${dir}: it ${said}`);
            assert.match(error.hint ?? '', /XDG_RUNTIME_DIR/);
            return true;
          },
        );
      }
    });
  }

  it('finds out without making it', (t) => {
    const dir = join(temporaryFolder(t), 'stint');
    assert.equal(checkRuntimeDir(dir), false);
    mkdirSync(dir, { mode: 0o700 });
    assert.equal(checkRuntimeDir(dir), true);
    rmSync(dir, { recursive: true });
    assert.equal(checkRuntimeDir(dir), false);
  });

  const chown = (dir: string) => {
    mkdirSync(dir, { mode: 0o700 });
    chownSync(dir, NOBODY, NOBODY);
  };
  const mode = (dir: string, bits: number) => {
    mkdirSync(dir);
    chmodSync(dir, bits);
  };
});
