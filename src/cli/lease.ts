// `stint lease`: leases for scripts. `hold` is a process beside the script that holds a lease as long as its standard input is
// open; `show` and `resize` look at and change any lease of the user's.
import { createInterface } from 'node:readline';
import { type LeaseList, type LeaseStatus, MAX_CAPACITY } from '../api/schema.ts';
import { type Lease, type LeaseEvent, takeLease } from '../client/lease.ts';
import { EXIT, StintError } from '../errors.ts';
import { findRuntime, type RuntimeDir } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { question } from './client.ts';
import { parseSlots } from './demands.ts';
import { print } from './print.ts';
import { poolAround, reach } from './reach.ts';
import { printable } from './term/width.ts';
import { LEASE } from './verbs/lease.ts';

const WORDS: Record<string, (args: readonly string[]) => Promise<number>> = { hold, show, resize };

export async function lease(args: readonly string[]): Promise<number> {
  const [word = ''] = args;
  if (word === '--help' || word === '-h') return showHelp(LEASE);
  const verb = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (verb !== undefined) return verb(args.slice(1));
  const what = word === '' ? 'nothing to do given' : `cannot '${word}'`;
  throw new StintError(`lease: ${what}`, {
    exit: EXIT.USAGE,
    hint: 'say hold, show or resize; see: stint lease --help',
  });
}

async function hold(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, LEASE.words.hold.options, 'lease hold');
  if (options.has('help')) return showHelp(LEASE);
  const slots = parseSlots(only(operands, 'MIN..MAX'), 'MIN..MAX', EXIT.USAGE);
  const order = { ...slots, label: options.get('label') ?? 'lease' };
  const input = createInterface({ input: process.stdin });
  const end = new AbortController();
  input.on('close', () => end.abort());
  const changed = ({ type, slots }: LeaseEvent) => void print(`${type} ${slots}\n`);
  try {
    const user = options.has('user');
    const ask = (runtime: RuntimeDir) => takeLease(runtime, order, { signal: end.signal, changed });
    const held = await reach(findRuntime(process.env, { user }), { jobs: undefined, user, ask });
    input.on('line', (line) => void change(held, line));
    await held.over;
  } catch (error) {
    if (!end.signal.aborted) throw error; // else it was given up while it waited
  } finally {
    process.stdin.destroy(); // it may stay open for ever
  }
  if (end.signal.aborted) return EXIT.OK;
  throw new StintError('the lease is over: it was ended, or the daemon has left');
}

/** Asks for as many slots as the line says; a number that changes is told by `changed`. */
async function change(held: Lease, line: string): Promise<void> {
  const wanted = Number(/^\s*(\d{1,6})\s*$/.exec(line)?.[1] ?? 0);
  const before = held.slots;
  const asks = wanted >= 1 && wanted <= MAX_CAPACITY && wanted !== before;
  const after = asks ? await held.resize(wanted).catch(() => before) : before;
  if (after === before) print(`slots ${after}\n`);
}

async function show(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, LEASE.words.show.options, 'lease show');
  if (options.has('help')) return showHelp(LEASE);
  if (operands.length > 1) throw new StintError(`lease show: unexpected argument ${operands[1]}`, { exit: EXIT.USAGE });
  const id = operands[0] ?? process.env.STINT_LEASE;
  const runtime = poolAround({ user: options.has('user') });
  const found =
    id === undefined
      ? await question<LeaseList>(runtime, 'GET', '/leases')
      : await question<LeaseStatus>(runtime, 'GET', `/leases/${encodeURIComponent(id)}`);
  if (options.has('json')) return print(`${JSON.stringify(found, undefined, 2)}\n`);
  const leases = 'leases' in found ? found.leases : [found];
  return print(leases.length === 0 ? 'no leases\n' : leases.map((one) => `${line(one)}\n`).join(''));
}

async function resize(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, LEASE.words.resize.options, 'lease resize');
  if (options.has('help')) return showHelp(LEASE);
  const { max: slots } = parseSlots(only(operands, 'N'), 'N', EXIT.USAGE);
  const id = options.get('lease') ?? process.env.STINT_LEASE;
  if (id === undefined) {
    throw new StintError('lease resize: which lease?', {
      exit: EXIT.USAGE,
      hint: "name one by --lease; 'stint lease show' lists them",
    });
  }
  const path = `/leases/${encodeURIComponent(id)}`;
  const after = await question<LeaseStatus>(poolAround({ user: options.has('user') }), 'PATCH', path, { slots });
  return print(`${after.slots}\n`);
}

function only([operand, more]: readonly string[], what: string): string {
  if (operand !== undefined && more === undefined) return operand;
  throw new StintError(more === undefined ? `lease: ${what} is missing` : `lease: unexpected argument ${more}`, {
    exit: EXIT.USAGE,
    hint: 'see: stint lease --help',
  });
}

function line({ id, slots, min, max, wish, state, reason, label }: LeaseStatus): string {
  const asked = min === max ? `${min}` : `${min}..${max}`;
  const has = state === 'starting' ? `waits for ${min}${reason === undefined ? '' : ` (${reason})`}` : `has ${slots}`;
  const should = state === 'starting' || wish === slots ? '' : `, ${wish < slots ? 'should have' : 'may have'} ${wish}`;
  return `lease ${id}: ${has} of ${asked}${should}: ${printable(label)}`;
}
