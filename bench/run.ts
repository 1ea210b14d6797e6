// Runs the benchmarks one after the other, for they measure the machine that they share, and writes what they print into
// RESULTS.md, which nobody edits by hand:
//   node bench/run.ts [NAME]...      (all of bench/*.bench.ts, or those whose name holds one of the NAMEs)
// A section whose benchmark was not run stays as it is. Exits 1 when one of them fails.
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import '../packaging/build.ts'; // what is measured is the program as it is installed

const results = join(import.meta.dirname, 'RESULTS.md');
const HEAD = `# Figures

Made by \`make bench\`; each section says with which command, when and where. Ratios compare two things measured in turns in
the same run: they hold where the machine is noisy, absolute figures do not. \`median (lowest … highest)\` of all rounds.
`;

const names = process.argv.slice(2);
const all = globSync('*.bench.ts', { cwd: import.meta.dirname }).sort();
const chosen = all.filter((file) => names.length === 0 || names.some((name) => basename(file).includes(name)));
if (chosen.length === 0) {
  process.stderr.write(`bench: no benchmark called ${names.join(' or ') || '*.bench.ts'}\n`);
  process.exitCode = 1;
}

const sections = readSections();
for (const file of chosen) {
  const name = basename(file, '.bench.ts');
  process.stdout.write(`\n${name}\n`);
  const { status, stdout } = spawnSync(process.execPath, [file], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  process.stdout.write(stdout);
  if (status === 0) sections.set(name, section(name, file, stdout));
  else process.exitCode = 1;
}
const present = [...sections].filter(([name]) => all.includes(`${name}.bench.ts`)).sort(([a], [b]) => (a < b ? -1 : 1));
if (present.length > 0) writeFileSync(results, [HEAD, ...present.map(([, text]) => text)].join('\n'));

function section(name: string, file: string, output: string): string {
  const purpose = readFileSync(join(import.meta.dirname, file), 'utf8').match(/^(?:\/\/ ?.*\n)+/)?.[0] ?? '';
  const cpu = cpus()[0]?.model ?? 'unknown processor';
  const memory = Math.round(totalmem() / 2 ** 30);
  const where = `${availableParallelism()} × ${cpu}, ${memory} GiB, Linux ${release()}, Node ${process.version}`;
  const when = new Date().toISOString().slice(0, 10);
  return `## ${name}\n\n${purpose.replace(/^\/\/ ?/gm, '')}\n${output.trim()}\n\n\`node bench/run.ts ${name}\`, ${when}, ${where}.\n`;
}

function readSections(): Map<string, string> {
  let text = '';
  try {
    text = readFileSync(results, 'utf8');
  } catch {
    // The first run makes it.
  }
  const found = new Map<string, string>();
  for (const part of text.split(/^(?=## )/m).slice(1))
    found.set(part.slice(3, part.indexOf('\n')), `${part.trimEnd()}\n`);
  return found;
}
