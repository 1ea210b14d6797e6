// Eight short jobs, as tests of a suite or as targets of a make, which write into a log when they begin and end.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const JOBS = 8;

export const SUITE = `import os, time
import pytest
def log(word):
    with open(os.environ["LOG"], "a") as file:
        file.write(word + "\\n")
@pytest.mark.parametrize("n", range(${JOBS}))
def test_job(n):
    log("start")
    time.sleep(0.05)
    log("end")
`;

const TARGETS = Array.from({ length: JOBS }, (_, n) => `job${n}`).join(' ');
export const MAKEFILE = `all: ${TARGETS}\n${TARGETS}:\n\t@echo start >>"$$LOG"; sleep 0.05; echo end >>"$$LOG"\n`;

/** Of so many runs all jobs have run, and no more at once than there are slots. */
export function checkLog(path: string, runs: number, slots: number): void {
  let running = 0;
  let most = 0;
  const words = readFileSync(path, 'utf8').trim().split('\n');
  for (const word of words) most = Math.max(most, (running += word === 'start' ? 1 : -1));
  assert.equal(words.length, 2 * runs * JOBS, 'all jobs have run');
  assert.ok(most <= slots, `${most} jobs ran at once on ${slots} slots`);
}
