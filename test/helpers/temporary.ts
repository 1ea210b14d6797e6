// Folders that a test gets for itself and that are gone when it ends.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Ends {
  after(done: () => void): void;
}

/** A new empty folder, without symlinks in its path, removed when the test or suite `t` ends. */
export function temporaryFolder(t: Ends): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'stint-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
