// Eventfds of the simulated machine.
import { machine } from '../machine.ts';

export function clearEventfd(fd: number): void {
  machine().read(fd, 8);
}
