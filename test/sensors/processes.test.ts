// What the processes of builds have: on a pretended /proc, and on the real one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Processes } from '../../src/sensors/processes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

interface Pretended {
  name?: string;
  ppid: number;
  /** KiB. */
  anon?: number;
  file?: number;
  hwm?: number;
  state?: string;
}

function procOf(t: TestContext) {
  const root = temporaryFolder(t);
  for (const name of ['self', 'sys', 'loadavg']) mkdirSync(join(root, name));
  return {
    processes: new Processes(root),
    put: (pid: number, { name = 'cc', ppid, anon, file = 0, hwm = 0, state = 'S (sleeping)' }: Pretended) => {
      const memory =
        anon === undefined
          ? '' // a thread of the kernel
          : `VmHWM:\t${hwm || anon + file} kB\nVmRSS:\t${anon + file} kB\nRssAnon:\t${anon} kB\nRssFile:\t${file} kB\nRssShmem:\t0 kB\n`;
      mkdirSync(join(root, String(pid)), { recursive: true });
      const text = `Name:\t${name}\nState:\t${state}\nPid:\t${pid}\nPPid:\t${ppid}\n${memory}Threads:\t1\n`;
      writeFileSync(join(root, String(pid), 'status'), text);
    },
    end: (pid: number) => rmSync(join(root, String(pid)), { recursive: true }),
    odd: (pid: number, text: string) => {
      mkdirSync(join(root, String(pid)), { recursive: true });
      writeFileSync(join(root, String(pid), 'status'), text);
    },
  };
}

test('all below a root is its build, but for what is below another root', (t) => {
  const { processes, put } = procOf(t);
  put(1, { ppid: 0, anon: 5000 });
  put(2, { ppid: 0 });
  put(10, { name: 'make', ppid: 1, anon: 100 });
  put(11, { ppid: 10, anon: 2000, file: 300, hwm: 3300, state: 'R (running)' });
  put(12, { ppid: 10, anon: 50 });
  put(20, { name: 'ninja', ppid: 12, anon: 70 });
  put(21, { ppid: 20, anon: 7 });
  put(30, { ppid: 1, anon: 9000 });
  const roots = new Map([
    [10, 'a'],
    [20, 'b'],
    [99, 'c'],
  ]);
  const found = processes.walk(roots, 0);
  assert.deepEqual(found.get('a'), {
    program: 'make',
    processes: 3,
    young: 3,
    running: 1,
    bytes: 2150 * 1024,
    peak: 3150 * 1024,
  });
  assert.deepEqual(found.get('b'), {
    program: 'ninja',
    processes: 2,
    young: 2,
    running: 0,
    bytes: 77 * 1024,
    peak: 77 * 1024,
  });
  assert.equal(found.size, 2);
});

test('what belonged to no build is found when a build is made of it, and what has ended is gone', (t) => {
  const { processes, put, end } = procOf(t);
  put(10, { ppid: 1, anon: 100 });
  put(11, { ppid: 10, anon: 100 });
  assert.equal(processes.walk(new Map(), 0).size, 0);
  put(11, { ppid: 10, anon: 900 });
  put(12, { ppid: 11, anon: 1 });
  assert.equal(processes.walk(new Map([[10, 'a']]), 1000).get('a')?.bytes, 1001 * 1024);
  assert.deepEqual(processes.walk(new Map([[10, 'a']]), 121_500).get('a')?.young, 0);
  put(13, { ppid: 11, anon: 1 });
  end(12);
  const { young, processes: count } = processes.walk(new Map([[10, 'a']]), 122_000).get('a') ?? {};
  assert.deepEqual([young, count], [1, 3]);
});

test('odd files neither end the walk nor send it round in circles', (t) => {
  const { processes, put, odd } = procOf(t);
  put(10, { ppid: 11, anon: 1 });
  put(11, { ppid: 10, anon: 1 });
  put(12, { ppid: 12, anon: 1 });
  odd(13, '');
  odd(14, 'Name:\tx\nPPid:\tmany\nRssAnon:\n');
  odd(15, 'Name:\tPPid:\t10\nState:\tS\nPPid:\t14\n');
  const found = processes.walk(new Map([[14, 'a']]), 0);
  assert.equal(found.get('a')?.processes, 2);
  assert.equal(found.size, 1);
  assert.equal(new Processes('/nowhere').walk(new Map([[1, 'a']]), 0).size, 0);
});

test('on the real machine a child is found with what it has', async (t) => {
  const script = 'const big = Buffer.alloc(64 << 20, 1); console.log(big.length); setInterval(() => {}, 1000);';
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until('it has its memory', () => said !== '');
  const processes = new Processes();
  for (let again = 0; again < 2; again++) {
    const found = processes.walk(new Map([[child.pid ?? 0, 'child']]), again).get('child');
    assert.equal(found?.processes, 1);
    assert.ok(found.bytes > 64 * 2 ** 20 && found.bytes < 256 * 2 ** 20, `${found.bytes}`);
    assert.ok(found.peak >= found.bytes);
  }
});
