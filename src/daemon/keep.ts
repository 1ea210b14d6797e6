// Files that outlive the daemon: written whole or not at all.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Puts `text` into the file `path`; its folder is made if need be. `flush`: it outlives a loss of power, too. @throws Error */
export function keep(path: string, text: string, { flush = false } = {}): void {
  const draft = `${path}.new`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(draft, text, { mode: 0o600, flush });
  renameSync(draft, path);
}
