// A terminal with somebody at it: runs a program on a pseudo-terminal and plays a dialogue. Node cannot open one, Python can.
import type { Place, Result } from './pool.ts';

/**
 * What is typed, and the regular expression that the answer to it must match. A control character (`\x03` is Ctrl-C, `\x1a`
 * Ctrl-Z) is typed when a command of the shell runs in the foreground. What may get lost is typed `again` and again.
 */
export type Step = readonly [typed: string, answer: string, again?: 'again'];

/** Milliseconds for each answer. */
const PATIENCE = 20_000;

const PLAYER = `
import json, os, pty, re, select, sys, time
steps, patience, program = json.loads(sys.argv[1]), int(sys.argv[2]) / 1000, sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
seen, at = '', 0
def foreground():
    group = os.tcgetpgrp(terminal)
    try:
        with open(f'/proc/{group}/stat') as stat:
            return group != pid and stat.read().rpartition(') ')[2][0] not in 'TZ'
    except OSError:
        return False
for typed, answer, *again in steps:
    end = time.monotonic() + patience
    next = time.monotonic() + 0.5
    while typed[0] < ' ' and not foreground():
        if time.monotonic() > end:
            sys.exit(f'nothing is in the foreground, after {seen!r}')
        time.sleep(0.01)
    os.write(terminal, typed.encode())
    while not (found := re.compile(answer).search(seen, at)):
        if again and time.monotonic() > next:
            os.write(terminal, typed.encode())
            next += 0.5
        if time.monotonic() > end:
            sys.exit(f'no {answer!r} in {seen[at:]!r}, after {seen[:at]!r}')
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536).decode(errors='replace')
            except OSError:
                sys.exit(f'it hung up: no {answer!r} in {seen[at:]!r}')
    at = found.end()
os.close(terminal)
os.waitpid(pid, 0)
`;

/** Plays `steps` with `program` on a terminal of its own; at the end the terminal hangs up. Standard error tells what failed. */
export function dialogue(place: Place, program: readonly string[], steps: readonly Step[]): Promise<Result> {
  const args = ['-c', PLAYER, JSON.stringify(steps), String(PATIENCE), ...program];
  return place.spawn('python3', args, { env: { TERM: 'dumb' }, deadline: steps.length * PATIENCE }).ended;
}
