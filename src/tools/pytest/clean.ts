// What pytest and hypothesis leave in a build tree, which must not be installed.
import { globSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const LEFT = ['**/.hypothesis', '**/.pytest_cache', '**/__pycache__/*-pytest-*.pyc'];

export function cleanUp(folder: string): void {
  for (const name of globSync(LEFT, { cwd: folder })) rmSync(join(folder, name), { recursive: true, force: true });
}
