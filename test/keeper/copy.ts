// A copy of the program that a test may change under a daemon, as upgrades do, also half-done ones.
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
}

export function copyProgram(t: { after(done: () => void): void }): Copy {
  const folder = temporaryFolder(t);
  for (const name of ['bin', 'src', 'package.json'])
    cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  return {
    stint: join(folder, 'bin/stint'),
    damage: (file) => {
      const path = join(folder, file);
      const sound = readFileSync(path);
      writeFileSync(path, 'this is no program');
      return () => writeFileSync(path, sound);
    },
    setVersion: (version) => {
      const path = join(folder, 'src/cli/version.ts');
      const draft = `${path}.new`; // whole or not at all, as installers do: somebody may be reading it
      writeFileSync(draft, readFileSync(path, 'utf8').replace(/'\d+\.\d+\.\d+'/, `'${version}'`));
      renameSync(draft, path);
    },
  };
}
