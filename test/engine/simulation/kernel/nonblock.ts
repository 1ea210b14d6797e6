// O_NONBLOCK of the simulated machine.
import { machine } from '../machine.ts';

export const setNonblocking = (fd: number, on: boolean): void => machine().setWaiting(fd, !on);
