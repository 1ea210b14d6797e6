// The two interpreters that `stint test` is tried with: with pytest as Debian 12 has it, and as it is today.
import { join } from 'node:path';
import { missing, toolPath } from '../../helpers/toolchain.ts';

export interface Python {
  which: 'old' | 'new';
  /** For the `skip` option of a test. */
  skip: string | false;
  path(): string;
}

export const PYTHONS: readonly Python[] = (['old', 'new'] as const).map((which) => {
  const tool = which === 'old' ? 'pytestOld' : 'pytestNew';
  return { which, skip: missing(tool), path: () => join(toolPath(tool), '../python') };
});
