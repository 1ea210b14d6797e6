// Runs the benchmarks one after the other, for they measure the machine that they share:
//   node bench/run.ts [NAME]...      (all of bench/*.bench.ts, or those whose name holds one of the NAMEs)
// Each is a program of its own that prints its figures. Exits 1 when one of them fails.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename } from 'node:path';

const names = process.argv.slice(2);
const all = globSync('*.bench.ts', { cwd: import.meta.dirname }).sort();
const chosen = all.filter((file) => names.length === 0 || names.some((name) => basename(file).includes(name)));
if (chosen.length === 0) {
  process.stderr.write(`bench: no benchmark called ${names.join(' or ') || '*.bench.ts'}\n`);
  process.exitCode = 1;
}

for (const file of chosen) {
  process.stdout.write(`\n${file}\n`);
  const { status } = spawnSync(process.execPath, [file], { cwd: import.meta.dirname, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
