// Clients that do with the files of the mount what nobody does: nothing hangs, nothing breaks, nothing is left. And who may not open
// the node never does, however closely others open it beside him.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';

const skip = noMachine() ?? missing('python3');
const NOBODY = 65534;
/** How often each of two members and two others opens the node. */
const OPENS = Number(process.env.STINT_ROUNDS ?? 200);

/** A daemon whose clients in Python are all shown the same kind of node. */
async function open(t: TestContext, kind: 'file' | 'pipe' | 'split', mode: string): Promise<Machine> {
  const config = join(temporaryFolder(t), 'stint.toml');
  const client = `[[client]]\nprogram = "python*"\nnode = "${kind}"\nimplicit = false\n`;
  writeFileSync(config, `mode = "${mode}"\n${client}`);
  const machine = await startMachine(t, 3, { args: ['--config', config] });
  chmodSync(machine.folder, 0o755);
  return machine;
}

for (const [kind, user] of [
  ['file', 0],
  ['file', NOBODY],
  ['pipe', NOBODY],
  ['split', 0],
] as const) {
  test(`whatever user ${user} does with the names in the mount, at a ${kind}, it ends and nothing is left`, {
    skip,
  }, async (t) => {
    const machine = await open(t, kind, '0666');
    const script = join(machine.folder, 'odd.py');
    copyFileSync(join(import.meta.dirname, 'odd.py'), script);
    chmodSync(script, 0o644);
    const args = [script, machine.node, String(user)];
    const { code, stdout, stderr } = await machine.spawn('/usr/bin/python3', args, { cwd: '/', deadline: 120_000 })
      .ended;
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.match(stdout, /\nEND\n$/);
    const tried = stdout.match(/^(jobserver|status|README|api\.sock) stat=.*$/gm) ?? [];
    assert.equal(tried.length, 4);
    for (const line of tried) {
      const changing = 'chmod|chown|link|symlink|rename|unlink|rmdir|mkdir|mkfifo|mknod|excl';
      const done = line.match(new RegExp(` (${changing}|setxattr)=ok`, 'g'));
      assert.equal(done, null, `nobody changes what is there: ${line}`);
    }
    assert.match(stdout, /^\.own stat=ENOENT /m);
    await machine.stop();
  });
}

/** Two processes of root's open the node in many ways, and two of another user's at the same time. */
const BOTH = `
import os, sys
node, count = sys.argv[1], int(sys.argv[2])
WAYS = [os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_PATH, os.O_RDWR | os.O_TRUNC, os.O_WRONLY | os.O_APPEND]
def opens(user):
    os.setgroups([]); os.setgid(user); os.setuid(user)
    got = 0
    for i in range(count):
        try:
            os.close(os.open(node, WAYS[i % len(WAYS)] | os.O_NONBLOCK))
            got += 1
        except PermissionError: pass
        for look in (lambda: os.stat(node), lambda: os.stat(os.path.dirname(node) + '/.own')):
            try: look()
            except OSError: pass
    os._exit(0 if got == (count if user == 0 else 0) else 1)
children = []
for user in (0, 0, ${NOBODY}, ${NOBODY}):
    child = os.fork()
    if child == 0: opens(user)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
`;

for (const kind of ['file', 'pipe'] as const) {
  test(`who may not open the node does not get it beside others who open it, ${OPENS} times each, at a ${kind}`, {
    skip,
    timeout: 3_000_000,
  }, async (t) => {
    const machine = await open(t, kind, '0660');
    const args = ['-c', BOTH, machine.node, String(OPENS)];
    const ended = machine.spawn('/usr/bin/python3', args, { cwd: '/', deadline: 3_000_000 }).ended;
    const { stdout, stderr } = await ended;
    assert.deepEqual([stdout, stderr], ['[0, 0, 0, 0]\n', '']);
    await machine.stop();
  });
}
