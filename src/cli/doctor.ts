// `stint doctor`: whether the pool is really used here, and what to do where it is not.
import { EXIT, StintError } from '../errors.ts';
import { exitNow } from '../kernel/exit.ts';
import { statusOf } from '../process/proc.ts';
import { isReading } from '../process/proc-memory.ts';
import { parse, showHelp } from './args.ts';
import { ENVIRONMENT_CHECKS } from './doctor/environment-checks.ts';
import { gather } from './doctor/gather.ts';
import { HOST_CHECKS } from './doctor/host-checks.ts';
import { JOBSERVER_CHECKS } from './doctor/jobserver-checks.ts';
import { isLate } from './doctor/patience.ts';
import { POOL_CHECKS } from './doctor/pool-checks.ts';
import { PORTAGE_CHECKS } from './doctor/portage-checks.ts';
import { PROCESS_CHECKS } from './doctor/process-checks.ts';
import { reportOf, text } from './doctor/report.ts';
import { note, print } from './print.ts';
import { DOCTOR } from './verbs/doctor.ts';

const CHECKS = [
  ...POOL_CHECKS,
  ...JOBSERVER_CHECKS,
  ...ENVIRONMENT_CHECKS,
  ...PORTAGE_CHECKS,
  ...PROCESS_CHECKS,
  ...HOST_CHECKS,
];

export async function doctor(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, DOCTOR.options, 'doctor');
  if (options.has('help')) return showHelp(DOCTOR);
  if (operands.length > 1) throw usage(`unexpected argument ${operands[1]}`);
  const facts = await gather(processOf(operands[0]));
  if (facts.target.sources.length === 0) note(`the environment of process ${facts.target.pid} is not ours to read`);
  const report = reportOf(
    facts,
    CHECKS.flatMap((check) => check(facts)),
  );
  print(options.has('json') ? `${JSON.stringify(report, undefined, 2)}\n` : text(report));
  const code = report.findings.length === 0 ? EXIT.OK : EXIT.FAILED;
  if (isLate() || isReading()) exitNow(code); // a thread may hang in a mount
  return code;
}

function processOf(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const pid = /^[1-9]\d{0,8}$/.test(word) ? Number(word) : undefined;
  if (pid === undefined) throw usage(`PID must be the number of a process, not '${word}'`);
  if (statusOf(pid)?.tgid !== pid) throw usage(`there is no process ${pid}`);
  return pid;
}

const usage = (what: string): StintError =>
  new StintError(`doctor: ${what}`, { exit: EXIT.USAGE, hint: 'see: stint doctor --help' });
