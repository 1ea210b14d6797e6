// How many tasks want a processor at this moment, as /proc/loadavg has it: its averages are too slow to act on.
import { textOf } from './text.ts';

/** Tasks that run or could run, without the one that looks; undefined where the kernel does not say. */
export function runningTasks(root: string = '/proc'): number | undefined {
  // AVERAGE AVERAGE AVERAGE RUNNING/ALL LAST-PID (proc_loadavg(5))
  const running = /^(?:\S+ ){3}(\d+)\/\d+ /.exec(textOf(`${root}/loadavg`) ?? '')?.[1];
  return running === undefined ? undefined : Math.max(0, Number(running) - 1);
}
