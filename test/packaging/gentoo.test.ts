// The ebuilds, installed by the real emerge into a prefix of its own. What they inherit of Gentoo's repository is stood in for by
// classes that do nothing, as that repository is not at hand.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { writePrefix } from '../clients/portage/prefix.ts';
import { Place } from '../helpers/pool.ts';
import { tool } from '../helpers/toolchain.ts';

const root = join(import.meta.dirname, '../..');
const emerge = tool('emerge');
const make = tool('make44');
const missing = [emerge, make].map((one) => ('reason' in one ? one.reason : undefined)).find(Boolean);

/** What the classes of Gentoo do for us, as far as this test needs it. */
const CLASSES = {
  'acct-group': 'S=${WORKDIR}; SLOT=0; LICENSE=MIT; HOMEPAGE=https://example.org; KEYWORDS=~amd64\n',
  'linux-info': '',
  tmpfiles: 'tmpfiles_process() { :; }\n',
};

test('emerge installs the ebuilds, and what it has installed runs', {
  skip: missing ?? false,
  timeout: 300_000,
}, async (t) => {
  const place = new Place(t);
  const folder = join(place.folder, 'prefix');
  const [program = '', ...args] = writePrefix({ folder, packages: [], settings: 'ACCEPT_KEYWORDS="~amd64"' });
  const repository = join(folder, 'repository');
  for (const category of ['acct-group', 'dev-build'])
    cpSync(join(root, 'packaging/gentoo', category), join(repository, category), { recursive: true });
  writeFileSync(join(repository, 'profiles/categories'), 'acct-group\ndev-build\nnet-libs\n');
  mkdirSync(join(repository, 'eclass'));
  for (const [name, text] of Object.entries(CLASSES)) writeFileSync(join(repository, `eclass/${name}.eclass`), text);
  const node = join(repository, 'net-libs/nodejs');
  mkdirSync(node, { recursive: true });
  const about =
    'EAPI=8\nDESCRIPTION="Node"\nHOMEPAGE="https://example.org"\nLICENSE="MIT"\nSLOT="0"\nKEYWORDS="amd64"\n';
  writeFileSync(join(node, 'nodejs-24.0.ebuild'), `${about}S="\${WORKDIR}"\n`);
  writeFileSync(join(folder, 'etc/portage/bashrc'), 'gtar() { tar "$@"; }\n'); // so Gentoo calls it
  execFileSync(join(root, 'packaging/tarball.sh'), [join(folder, 'distfiles')]);

  const done = await place.spawn(program, [...args, 'dev-build/stint'], { deadline: 240_000 }).ended;
  assert.equal(done.code, 0, done.stdout + done.stderr);
  assert.doesNotMatch(done.stdout + done.stderr, /QA Notice/);
  const has = (path: string) => existsSync(join(folder, path));
  for (const path of [
    'etc/init.d/stint',
    'etc/conf.d/stint',
    'etc/stint/stint.toml',
    'usr/lib/systemd/system/stint.service',
  ])
    assert.ok(has(path), path);
  assert.match(readFileSync(join(folder, 'etc/sandbox.d/10stint'), 'utf8'), /^SANDBOX_WRITE="\/run\/stint"$/m);
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const { code, stdout } = await place.spawn(join(folder, 'usr/bin/stint'), ['run', '--', 'echo', 'it runs'], {
    env: { PATH: path },
  }).ended;
  assert.deepEqual([code, stdout], [0, 'it runs\n']);
  await place.finish();
});
