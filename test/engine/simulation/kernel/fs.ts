// What the engine asks of node:fs, on the simulated machine.
import { machine } from '../machine.ts';

export { constants } from 'node:fs';

export const closeSync = (fd: number): void => machine().close(fd);

export function unlinkSync(path: string): void {
  machine().fifos.delete(path);
}
