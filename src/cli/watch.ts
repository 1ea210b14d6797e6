// `stint watch`: what happens in the pool, a line for each event, until somebody stops it. A daemon that ends is waited for.
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolEvent, Status } from '../api/schema.ts';
import { openEvents } from '../client/events.ts';
import { EXIT, StintError } from '../errors.ts';
import { findRuntime, type RuntimeDir } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { call, NoDaemon, Refused } from './client.ts';
import { write } from './print.ts';
import { plural } from './status.ts';
import { printable } from './term/width.ts';
import { WATCH } from './verbs/watch.ts';

/** How long until a daemon is looked for again, milliseconds. */
const AGAIN = 500;

/** An event, or what became of the daemon; `reason`: of one that tells no events now. */
type Told = PoolEvent | { type: 'watching'; time: number } | { type: 'lost'; time: number; reason?: string };

export async function watch(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, WATCH.options, 'watch');
  if (options.has('help')) return showHelp(WATCH);
  if (operands.length > 0) throw new StintError(`watch: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const names = new Map<number, string>();
  const tell = (told: Told): boolean =>
    write(options.has('json') ? `${JSON.stringify(told)}\n` : `${clock(told.time)}  ${sentence(told, names)}\n`);
  /** Why nothing was to be heard, as it was said last. */
  let said: string | undefined;
  for (;;) {
    const runtime = findRuntime(process.env, { user: options.has('user') });
    let why = '';
    try {
      if ((await follow(runtime, names, tell)) === 'unread') return EXIT.OK;
      said = undefined;
    } catch (error) {
      if (error instanceof Refused) why = error.message;
      else if (!(error instanceof NoDaemon)) throw error;
    }
    // Said once, also where there has been none from the start.
    if (why !== said && !tell({ type: 'lost', time: Date.now(), ...(why !== '' && { reason: why }) })) return EXIT.OK;
    said = why;
    names.clear();
    await pause(AGAIN);
  }
}

/** Tells what happens until the daemon ends, or until nobody reads it. @throws NoDaemon, Refused, and what `openEvents` throws */
async function follow(
  runtime: RuntimeDir,
  names: Map<number, string>,
  tell: (told: Told) => boolean,
): Promise<'ended' | 'unread'> {
  let read = true;
  const pass = (told: Told) => {
    read = read && tell(told);
    if (!read) hangUp();
  };
  /** What came before it was known which builds there are. */
  let early: PoolEvent[] | undefined = [];
  const { ended, hangUp } = openEvents(runtime, 'GET /events', undefined, (_, data) => {
    if (early === undefined) pass(data as PoolEvent);
    else early.push(data as PoolEvent);
  });
  try {
    const { builds } = await call<Status>(runtime, 'GET', '/status');
    for (const { id, label } of builds) if (!names.has(id)) names.set(id, label);
    pass({ type: 'watching', time: Date.now() });
    for (const event of early) pass(event);
    early = undefined;
    if (read) await ended;
  } finally {
    hangUp();
  }
  return read ? 'ended' : 'unread';
}

/** An event in words; builds are known by their labels, too. */
function sentence(told: Told, names: Map<number, string>): string {
  const named = (id: number) => `build ${id}${names.has(id) ? ` (${printable(names.get(id) as string)})` : ''}`;
  switch (told.type) {
    case 'watching':
      return 'watching';
    case 'lost':
      return told.reason === undefined ? 'no daemon is running' : `nothing is told: ${printable(told.reason)}`;
    case 'capacity':
      return `the pool has ${told.capacity} ${plural(told.capacity, 'slot')}`;
    case 'opened':
      names.set(told.build.id, told.build.label);
      return `${named(told.build.id)} of ${told.build.user} came`;
    case 'started':
      return `${named(told.id)} started`;
    case 'ended': {
      const words = `${named(told.id)} ended${ending(told.exit)}`;
      names.delete(told.id);
      return words;
    }
    case 'wish':
      return `${named(told.id)} should have ${told.slots} ${plural(told.slots, 'slot')}`;
    case 'slots':
      return `${named(told.id)} has ${told.slots} ${plural(told.slots, 'slot')}`;
    case 'expired':
      return `the time of ${named(told.id)} is over: it is being ended`;
    default:
      return `something that this stint does not know: ${printable(JSON.stringify(told))}`;
  }
}

function ending(exit: number | string | undefined): string {
  if (exit === undefined) return '';
  return typeof exit === 'number' ? `, exit code ${exit}` : `, by signal ${printable(exit)}`;
}

const clock = (time: number): string => new Date(time).toTimeString().slice(0, 8);
