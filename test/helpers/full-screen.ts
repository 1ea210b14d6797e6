// A full-screen program with somebody before it: runs it on a pseudo-terminal that understands the escape sequences such programs
// use, and plays steps. What is waited for is looked for in what stands on the screen. Node cannot open a terminal, Python can.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Place } from './pool.ts';

export type Step =
  /** Types. */
  | { type: string }
  /** Waits until the screen fits this regular expression; the rows are joined by line feeds. */
  | { see: string }
  | { size: [columns: number, rows: number] }
  /** Sends a signal to the process in the foreground. */
  | { signal: string }
  /** Runs a command beside it. */
  | { shell: string }
  /** Leaves what the program writes where it is for so many seconds. */
  | { deaf: number }
  /** Reads it for so many seconds, whatever it is. */
  | { idle: number }
  | { hangUp: true };

export interface Seen {
  /** Exit code as a shell shows it: 128 + n after signal n. */
  code: number;
  /** The screen at the end, and at each `see`. */
  screen: string;
  screens: string[];
  /** Whether the program had another screen than the shell's, and whether it has left that, with the cursor and the modes as before. */
  full: boolean;
  restored: boolean;
  /** All that it wrote, and its bytes between one `see` and the next. */
  text: string;
  bytes: number[];
  /** Milliseconds until something stood on the screen. */
  first: number;
  /** Milliseconds of a processor that it took in all. */
  cpu: number;
}

/** Milliseconds for each step. */
const PATIENCE = 40_000;

const PLAYER = `
import fcntl, json, os, pty, re, select, signal, struct, subprocess, sys, termios, time
steps, patience, program = json.loads(sys.argv[1]), int(sys.argv[2]) / 1000, sys.argv[3:]
columns, rows = 80, 24
primary, secondary = pty.openpty()
def resize():
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
resize()
modes = termios.tcgetattr(secondary)
begun = time.monotonic()
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(secondary, termios.TIOCSCTTY, 0)
    for fd in range(3): os.dup2(secondary, fd)
    os.closerange(3, 64)
    os.execvp(program[0], program)
cells, row, column, wide = {}, 0, 0, re.compile('[\\u1100-\\u115f\\u2e80-\\ua4cf\\uac00-\\ud7a3\\uff00-\\uff60\\U0001f300-\\U0001f9ff]')
alternate = hidden = full = False
text, rest, first, screens, counts, last = '', '', None, [], [], 0
SEQUENCE = re.compile('\\x1b\\[([?0-9;]*)([A-Za-z])')
def feed(data):
    global row, column, shell, alternate, hidden, full, rest, cells, first
    data, rest = rest + data, ''
    at = 0
    while at < len(data):
        char = data[at]
        if char == '\\x1b':
            found = SEQUENCE.match(data, at)
            if not found:
                rest = data[at:]
                return
            args, kind = found.groups()
            if kind == 'H':
                place = (args or '1;1').split(';')
                row, column = int(place[0]) - 1, int(place[1]) - 1
            elif kind == 'J': cells = {}
            elif kind == 'K': cells = {k: v for k, v in cells.items() if k[0] != row or k[1] < column}
            elif kind in 'hl':
                if args == '?1049':
                    if kind == 'h' and not alternate: shell = (cells, row, column)
                    if kind == 'h': cells = {}
                    elif alternate: cells, row, column = shell
                    alternate = kind == 'h'
                    full = full or alternate
                if args == '?25': hidden = kind == 'l'
            at = found.end()
            continue
        at += 1
        if char == '\\r': column = 0
        elif char == '\\n': row += 1
        elif char >= ' ':
            if alternate: column = min(column, columns - 1) # it does not wrap
            cells[row, column] = char
            column += 2 if wide.match(char) else 1
            if first is None and char != ' ': first = (time.monotonic() - begun) * 1000
def screen():
    bottom = max(rows, max((k[0] for k in cells), default=0) + 1)
    lines = []
    for r in range(bottom):
        line, c = '', 0
        while c < columns:
            char = cells.get((r, c), ' ')
            line += char
            c += 2 if wide.match(char) else 1
        lines.append(line.rstrip())
    return '\\n'.join(lines)
def drain(wait):
    global text
    if not select.select([primary], [], [], wait)[0]: return
    try: data = os.read(primary, 65536).decode(errors='replace')
    except OSError: return
    text += data
    feed(data)
for step in steps:
    end = time.monotonic() + patience
    if 'type' in step: os.write(primary, step['type'].encode())
    elif 'size' in step:
        columns, rows = step['size']
        resize()
    elif 'signal' in step: os.kill(os.tcgetpgrp(primary), getattr(signal, step['signal']))
    elif 'shell' in step: subprocess.run(['sh', '-c', step['shell']], check=True)
    elif 'deaf' in step: time.sleep(step['deaf'])
    elif 'idle' in step:
        end = time.monotonic() + step['idle']
        while time.monotonic() < end: drain(0.05)
    elif 'hangUp' in step: os.close(primary); os.close(secondary); primary = None
    else:
        pattern = re.compile(step['see'])
        while not pattern.search(screen()):
            drain(0.05)
            if time.monotonic() > end: sys.exit(f'no {step["see"]!r} on the screen:\\n{screen()}\\nafter {text[-2000:]!r}')
        screens.append(screen())
        counts.append(len(text.encode()) - last)
        last = len(text.encode())
end = time.monotonic() + patience
while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
    if primary is not None: drain(0.05)
    else: time.sleep(0.05)
    if time.monotonic() > end: sys.exit(f'it does not end:\\n{screen()}')
while primary is not None and select.select([primary], [], [], 0)[0]: drain(0)
_, status, used = os.wait4(pid, 0)
code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
restored = primary is None or not alternate and not hidden and termios.tcgetattr(secondary)[:4] == modes[:4]
print(json.dumps(dict(code=code, screen=screen(), screens=screens, full=full, restored=restored, text=text, bytes=counts, first=first or 0, cpu=(used.ru_utime + used.ru_stime) * 1000)))
`;

/** Why there can be no terminal here, or false. */
export const noTerminal: string | false =
  spawnSync('python3', ['-c', 'import pty']).status !== 0 && 'needs python3 to open a terminal';

/** Plays `steps` with `program` on a terminal of 80 by 24 of its own, and waits until it has ended. */
export async function play(
  place: Place,
  program: readonly string[],
  steps: readonly Step[],
  env: Record<string, string> = {},
): Promise<Seen> {
  const args = ['-c', PLAYER, JSON.stringify(steps), String(PATIENCE), ...program];
  const full = { TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', NO_COLOR: undefined, ...env };
  const { code, stdout, stderr } = await place.spawn('python3', args, {
    env: full,
    deadline: (steps.length + 1) * PATIENCE,
  }).ended;
  assert.ok(code === 0 && stderr === '', stderr);
  return JSON.parse(stdout) as Seen;
}
