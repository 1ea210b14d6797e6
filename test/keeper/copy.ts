// A copy of the program that a test may change under a daemon, as upgrades do, also half-done ones.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../helpers/temporary.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

export interface Copy {
  /** Its launcher. */
  stint: string;
  /** Makes one of its files something that is no program; returns what mends it. */
  damage(file: string): () => void;
  setVersion(version: string): void;
  /** Changes the formats of its journal: that of the facts, and that of the counters; 1 has no checksums. */
  setFormat(facts: number, counters: number): void;
}

export function copyProgram(t: { after(done: () => void): void }): Copy {
  const folder = temporaryFolder(t);
  for (const name of ['bin', 'src', 'package.json'])
    cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  /** Whole or not at all, as installers do: somebody may be reading it. */
  const change = (file: string, from: RegExp, to: string) => {
    const path = join(folder, file);
    const before = readFileSync(path, 'utf8');
    assert.match(before, from, `what is changed is there in ${file}`);
    writeFileSync(`${path}.new`, before.replace(from, to));
    renameSync(`${path}.new`, path);
  };
  const layout = 'src/engine/journal/layout.ts';
  return {
    stint: join(folder, 'bin/stint'),
    damage: (file) => {
      const path = join(folder, file);
      const sound = readFileSync(path);
      writeFileSync(path, 'this is no program');
      return () => writeFileSync(path, sound);
    },
    setVersion: (version) => change('src/version.ts', /'\d+\.\d+\.\d+'/, `'${version}'`),
    setFormat: (facts, counters) => {
      change('src/engine/journal/facts.ts', /const FORMAT = \d+;/, `const FORMAT = ${facts};`);
      change(layout, /const VERSION = \d+;/, `const VERSION = ${counters};`);
      const packed = counters === 1 ? 'value;' : '(checksum(value, at, generation) << 16) | (value & 0xffff);';
      change(layout, /(const packed = \(.*\): number =>)\s+.*;/, `$1 ${packed}`);
    },
  };
}
