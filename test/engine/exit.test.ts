// How a process ended is known whether its parent has reaped it or not.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { type Exit, exitOf } from '../../src/engine/exit.ts';
import { EPOLLIN, Epoll } from '../../src/kernel/epoll.ts';
import { infoOf, openPidfd } from '../../src/kernel/pidfd.ts';
import { missing } from '../helpers/toolchain.ts';

const telling = (): boolean => {
  const fd = openPidfd(process.pid);
  const info = infoOf(fd);
  closeSync(fd);
  return info !== undefined;
};
const skip = telling() ? false : 'the kernel does not tell how a process ended';

const ENDS: readonly [script: string, exit: Exit][] = [
  ['exit 0', 0],
  ['exit 255', 255],
  ['kill -KILL $$', 'KILL'],
  ['ulimit -c 0; kill -SEGV $$', 'SEGV'],
  ['kill -40 $$', 'RT40'],
];

function watched(t: TestContext, pid: number): number {
  const fd = openPidfd(pid);
  t.after(() => closeSync(fd));
  return fd;
}

for (const [script, exit] of ENDS) {
  test(`a shell that did '${script}' and was reaped ended by ${exit}`, { skip }, async (t) => {
    const child = spawn('sh', ['-c', `read x; ${script}`], { stdio: ['pipe', 'ignore', 'ignore'] });
    const fd = watched(t, child.pid as number);
    assert.equal(exitOf(fd), undefined, 'while it runs');
    child.stdin.end('\n');
    await once(child, 'exit');
    if (exitOf(fd) === undefined) return t.skip('Linux 6.15 is the first that tells that');
    assert.equal(exitOf(fd), exit);
  });

  test(`the same of one that was not reaped yet: '${script}'`, { skip: skip || missing('python3') }, async (t) => {
    const parent = spawn(
      'python3',
      [
        '-c',
        'import os,sys\npid=os.fork()\nif pid==0:\n  sys.stdin.readline(); os.execvp("sh",["sh","-c",sys.argv[1]])\nprint(pid,flush=True)\nos.read(3,1)',
        script,
      ],
      { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] },
    );
    t.after(() => parent.kill('SIGKILL'));
    const [line] = await once(createInterface(parent.stdout as NodeJS.ReadableStream), 'line');
    const fd = watched(t, Number(line));
    const epoll = new Epoll();
    t.after(() => epoll.close());
    epoll.add(fd, EPOLLIN);
    parent.stdin?.write('\n');
    assert.equal(
      epoll.wait(60_000, () => {}),
      1,
    );
    assert.equal(exitOf(fd), exit);
  });
}
