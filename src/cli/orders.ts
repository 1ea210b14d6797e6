// What the keeper tells the process that serves: lines on standard input.

export interface Orders {
  /** To leave; the second time, at once. */
  stop(): void;
  /** To read the configuration again. */
  reload(): void;
  /** To make room for the next process, which goes on. */
  yield(): void;
}

export function hearKeeper(orders: Orders): void {
  let text = '';
  process.stdin.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${text}${chunk}`.split('\n');
    text = lines.pop() as string;
    for (const line of lines) if (line === 'stop' || line === 'reload' || line === 'yield') orders[line]();
  });
}
