// Pidfds of the simulated machine.
import { machine } from '../machine.ts';

export const openPidfd = (pid: number): number => machine().openPid(pid);

export function signalPidfd(): void {}
