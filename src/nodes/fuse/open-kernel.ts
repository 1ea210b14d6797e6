// Opening what the kernel gives servers to hear it by, and saying what to do where that cannot be done.
import { openSync } from 'node:fs';
import { reason, StintError } from '../../errors.ts';

/** @param denied what to do for who may not. @throws StintError */
export function openKernel(feature: 'FUSE' | 'CUSE', denied: string): number {
  const path = `/dev/${feature.toLowerCase()}`;
  try {
    return openSync(path, 'r+');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const hint =
      code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO'
        ? `the kernel has no ${feature}, or its module is not loaded: modprobe ${feature.toLowerCase()}; in a container: --device ${path}`
        : denied;
    throw new StintError(`cannot open ${path}: ${reason(error)}`, { cause: error, hint });
  }
}
