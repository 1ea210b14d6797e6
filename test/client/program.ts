// Programs that use `stint/client` as it is installed.
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Place, Started } from '../helpers/pool.ts';

const root = join(import.meta.dirname, '../..');

/** An empty folder in which a program finds the package, and further ones that stand in ours. */
export function project(place: Place, packages: readonly string[] = []): string {
  const folder = mkdtempSync(join(place.folder, 'project-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(join(root, 'dist'), join(modules, 'stint'));
  for (const name of packages) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  return folder;
}

/** Starts a program; each line of its standard input is an event `line`. */
export function start(place: Place, text: string): Started {
  const cwd = project(place);
  const file = join(cwd, 'program.mjs');
  writeFileSync(file, `import { acquire, lease, run } from 'stint/client';\n${text}`);
  return place.spawn(process.execPath, [file], { cwd, stdio: 'pipe', deadline: 120_000 });
}
