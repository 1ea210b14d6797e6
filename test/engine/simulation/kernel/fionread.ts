// FIONREAD of the simulated machine.
import { machine } from '../machine.ts';

export const bytesInPipe = (fd: number): number => machine().lying(fd);
