// The thread that may wait: answers the questions of Lookups. It may block for as long as a process it looks at likes.
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { type MessagePort, workerData } from 'node:worker_threads';
import { signalEventfd } from '../kernel/eventfd.ts';
import { openReadEnd, openWriteEnd } from '../kernel/fifo.ts';
import { ownThread } from '../kernel/libc.ts';
import { PIPE_PREFIX } from '../nodes/fuse/session.ts';
import { lineageOf } from '../process/lineage.ts';
import type { Answer, PipeEnds, Question } from './lookups.ts';

const { port, wakeFd, mount } = workerData as { port: MessagePort; wakeFd: number; mount: string };

port.on('message', (question: Question) => {
  if (question.type === 'pipe') answer({ type: 'pipe', request: question.request, ends: openPipe(question) });
  else
    void lineageOf(question.tid).then(
      (lineage) => answer({ type: 'who', request: question.request, lineage }),
      () => answer({ type: 'who', request: question.request, lineage: undefined }),
    );
});

answer({ type: 'here', tid: ownThread() });

function answer(message: Answer): void {
  port.postMessage(message);
  signalEventfd(wakeFd);
}

function openPipe({ id, returnId }: { id: number; returnId: number }): PipeEnds | undefined {
  const name = (of: number) => join(mount, `${PIPE_PREFIX}${of}`);
  const opened: number[] = [];
  const keep = (fd: number) => {
    opened.push(fd);
    return fd;
  };
  try {
    const readEnd = keep(openReadEnd(name(id)));
    const writeEnd = keep(openWriteEnd(name(id)));
    const both = constants.O_RDWR | constants.O_NONBLOCK;
    return { readEnd, writeEnd, returnEnd: returnId === 0 ? -1 : keep(openSync(name(returnId), both)) };
  } catch {
    for (const fd of opened) closeSync(fd);
    return undefined;
  }
}
