// Which style `--style auto` chooses, with pretended tools of every version.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Choice, chooseStyle } from '../../src/cli/style.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** Programs that say `says` when asked for their version, and how to choose among them. */
function tools(t: TestContext, says: Record<string, string>): { folder: string; choose(...args: string[]): Choice } {
  const folder = temporaryFolder(t);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const [name, text] of Object.entries(says)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho asked >>"${folder}/asked"\necho '${text}'\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return {
    folder,
    choose: (...args) => chooseStyle({ args, path: bin, cwd: folder, cache: join(folder, 'tools.json') }),
  };
}

const old = { make: 'GNU Make 4.3' };
const recent = { make: 'GNU Make 4.4.1' };
const ninja = { ninja: '1.13.2' };

test('a make that knows paths gets a path, an older one descriptors', (t) => {
  assert.deepEqual(tools(t, recent).choose('make'), { style: 'fifo' });
  assert.deepEqual(tools(t, { make: 'GNU Make 4.10' }).choose('make'), { style: 'fifo' });
  assert.deepEqual(tools(t, old).choose('make', '-k'), { style: 'fds' });
  assert.deepEqual(tools(t, { gmake: 'GNU Make 3.82' }).choose('gmake'), { style: 'fds' });
});

test('what knows only paths gets a path, whatever make is there', (t) => {
  for (const command of ['ninja', '/usr/bin/ninja', 'meson', 'emerge']) {
    assert.deepEqual(tools(t, { ...old, ...ninja }).choose(command), { style: 'fifo' });
  }
});

test('clients that take either style get descriptors where make is old, and no note', (t) => {
  for (const command of ['cargo', 'ctest', 'gcc', 'g++-12']) {
    assert.deepEqual(tools(t, { ...old, ...ninja }).choose(command), { style: 'fds' });
  }
});

test('when there is no telling and both may be needed, one line says so', (t) => {
  const { style, note } = tools(t, { ...old, ...ninja }).choose('./build.sh');
  assert.equal(style, 'fds');
  assert.match(note as string, /^make 4\.3 needs inherited descriptors, which ninja does not take: --style fifo .*$/);
  assert.deepEqual(tools(t, { ...old, ninja: '1.11.1' }).choose('./build.sh'), { style: 'fds' });
  assert.deepEqual(tools(t, old).choose('./build.sh'), { style: 'fds' });
  assert.deepEqual(tools(t, { ...recent, ...ninja }).choose('./build.sh'), { style: 'fifo' });
  assert.deepEqual(tools(t, {}).choose('./build.sh'), { style: 'fifo' });
});

test('cmake --build is what its tree was made for', (t) => {
  const { folder, choose } = tools(t, { ...old, ...ninja });
  for (const [tree, file] of [
    ['a', 'build.ninja'],
    ['b', 'Makefile'],
  ] as const) {
    mkdirSync(join(folder, tree));
    writeFileSync(join(folder, tree, file), '');
  }
  assert.deepEqual(choose('cmake', '--build', 'a'), { style: 'fifo' });
  assert.deepEqual(choose('cmake', '--build', 'b'), { style: 'fds' });
});

test('a tool is asked for its version once, until its file changes', (t) => {
  const { folder, choose } = tools(t, old);
  for (let i = 0; i < 3; i++) choose('make');
  assert.equal(readFileSync(join(folder, 'asked'), 'utf8'), 'asked\n');
  writeFileSync(join(folder, 'bin/make'), '#!/bin/sh\necho GNU Make 4.4.90\n');
  assert.deepEqual(choose('make'), { style: 'fifo' });
});
