// Why a build that waits has nothing more at this moment, and when that may change, in words for people.
import type { Limit } from '../core/limits.ts';
import type { Turn } from '../core/turn.ts';
import type { Cause, Wait } from '../core/waits.ts';
import { expected, type Lately } from '../observe/returns.ts';

/** What has to be known beside its figures. */
export interface Circumstances {
  /** The name of its user. */
  user: string;
  /** Slots in the pool, and how many may be out now. */
  capacity: number;
  limit: number;
  /** What allows fewer slots than the pool has, smallest first. */
  limits: readonly Pick<Limit, 'reason'>[];
}

export function reasonOf({ position, aside, needs, cause }: Wait, circumstances: Circumstances): string {
  const parts = [
    causeOf(cause, needs, circumstances),
    position === undefined ? undefined : `${ordinal(position)} in the queue`,
    aside > 0 ? `${aside} set aside` : undefined,
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}

/** When who waits probably has what he needs, milliseconds; undefined: that cannot be told. And why that is said. */
export function estimateOf(
  turn: Turn,
  lately: (of?: readonly number[]) => Lately,
): { estimate?: number; basis: string } {
  if (turn.returns === undefined)
    return { basis: turn.why === 'itself' ? 'it has to return a slot itself' : 'others go first as long as they wait' };
  const { returns, of } = turn;
  if (returns === 0) return { estimate: 0, basis: 'it is its turn' };
  const found = lately(of);
  const estimate = expected(returns, found);
  const came = `${found.slots === 0 ? 'no slot' : slots(found.slots)}${of === undefined ? '' : ' under the same bound'} came back in the last`;
  if (estimate === undefined) return { basis: `${found.slots === 1 ? 'only ' : ''}${came} minute` };
  return { estimate, basis: `${came} ${spanOf(found.span)}, and the ${ordinal(returns)} from now is probably its own` };
}

const spanOf = (ms: number): string => (ms > 50_000 ? 'minute' : `${Math.max(1, Math.round(ms / 1000))} s`);

function causeOf(cause: Cause, needs: number, { user, capacity, limit, limits }: Circumstances): string | undefined {
  switch (cause.why) {
    case 'bound':
      return `${whose(cause, user)} may have ${slots(cause.slots)}${cause.of === 'build' ? '' : ' in all'}; ${cause.out} of these ${cause.out === 1 ? 'is' : 'are'} out`;
    case 'client':
      return `each of its processes may have ${slots(cause.slots)}`;
    case 'away':
      return `others go first for a while, as ${needs} slots did not come together in time`;
    case 'background':
      return 'it is in the background, and others wait';
    case 'limit':
      return `${limit} of ${slots(capacity)} may be out now${limits[0] === undefined ? '' : `: ${limits[0].reason}`}`;
    case 'aside':
      return `what is free${cause.under === undefined ? '' : ` under ${cause.under}`} is kept for a build that needs ${cause.needs} at once`;
    case 'share':
      return `it has ${slots(cause.has)}, and its share is ${Number(cause.share.toFixed(1))}`;
    case 'turn':
      return needs === 1 ? `${limit === 1 ? 'the slot is' : `all ${slots(limit)} are`} out` : undefined;
  }
}

function whose({ of, name }: Extract<Cause, { why: 'bound' }>, user: string): string {
  if (of === 'build') return 'it';
  if (of === 'user') return `builds of user ${user}`;
  return name.startsWith('cgroup:') ? `builds in ${name.slice('cgroup:'.length)}` : `builds under ${name}`;
}

const slots = (count: number): string => `${count} ${count === 1 ? 'slot' : 'slots'}`;

function ordinal(n: number): string {
  const ending = n % 100 > 10 && n % 100 < 14 ? undefined : ['st', 'nd', 'rd'][(n % 10) - 1];
  return `${n}${ending ?? 'th'}`;
}
