// Whether the jobserver that the environment names, or Portage's settings, is one that clients can use, and stint's.
import { findAuth, findJobserver, parseAuth } from '../../jobserver/makeflags.ts';
import type { Facts, Place, Source } from './facts.ts';
import { type Check, type Finding, RUN, WITH_JOBSERVER, within } from './finding.ts';

export const JOBSERVER_CHECKS: readonly Check[] = [malformedAuth, unfitPath, closedDescriptors];

const LEAVE = `${RUN}, or unset the variable`;

function malformedAuth({ target }: Facts): Finding[] {
  return inEach(target.sources, (source, variable, value) => {
    const auth = findAuth(value);
    // Descriptors below 0 are make's word for none.
    if (auth === undefined || parseAuth(auth) !== undefined || /^-\d+,-\d+$/.test(auth)) return undefined;
    const what = `--jobserver-auth=${auth} is neither fifo:PATH nor two descriptors`;
    return { id: 'jobserver-malformed', on: within(variable, source), what, hint: 'stint env prints the right words' };
  });
}

/** Paths that lead to no pool of stint that is there. */
function unfitPath(facts: Facts): Finding[] {
  return inEach(facts.target.sources, (source, variable, value) => {
    const auth = findJobserver(value)?.auth;
    const place = auth?.style === 'fifo' ? facts.target.paths.get(auth.path) : undefined;
    if (auth?.style !== 'fifo' || place === undefined) return undefined;
    const { machine, own, servers } = facts;
    const path = place.to ?? auth.path; // a link to ours is ours
    const served = servers.some(({ dir }) => `${dir}/jobserver` === path);
    // What is wrong with the machine's node is found where its daemon is looked at.
    if (path === machine.place.fifo && (place.kind !== 'missing' || machine.state !== 'none' || served))
      return undefined;
    const wrong =
      unreachable(path, place, { hidden: facts.target.sandboxed || served, uid: facts.target.uid }) ??
      (path.startsWith(own.place.fifo) ? leftOver(path, facts) : foreign(path, place, facts));
    return wrong && { on: within(variable, source), ...wrong };
  });
}

type Wrong = Omit<Finding, 'on'> | undefined;

/** `hidden`: whether it would be missing because of where the target lives. */
function unreachable(path: string, { kind }: Place, { hidden, uid }: { hidden: boolean; uid: number }): Wrong {
  if (kind === 'denied') return { id: 'node-denied', what: `user ${uid} may not open ${path}`, hint: LEAVE };
  if (kind !== 'missing' && kind !== 'dead') return undefined;
  if (hidden) {
    const hint = 'let it in: bind its directory into the sandbox or container, at the same path';
    return { id: 'node-hidden', what: `${path} is not there in this sandbox or container`, hint };
  }
  const what = `nothing is at ${path}: make fails or runs one job, ninja runs as many as it likes`;
  return { id: 'jobserver-missing', what, hint: LEAVE };
}

/** A FIFO in the directory of the user's daemon. */
function leftOver(path: string, { own }: Facts): Wrong {
  const [pid, build] = path.slice(own.place.fifo.length).split('-').map(Number);
  const { daemon, builds = [] } = own.status ?? {};
  if (daemon?.pid === pid && builds.some(({ id }) => id === build)) return undefined;
  const what = `${path} is left from a build or a daemon that is over: a make waits there for ever`;
  return { id: 'jobserver-dead', what, hint: LEAVE };
}

function foreign(path: string, { kind, open }: Place, { machine, own }: Facts): Wrong {
  if (open === false) {
    const what = `nobody has ${path} open: a make waits there for ever`;
    return { id: 'jobserver-dead', what, hint: `remove it; ${LEAVE}` };
  }
  if (path === machine.status?.daemon.device) return undefined;
  const name = KINDS[kind];
  if (name === undefined || ![machine, own].some(({ state }) => state === 'serves')) return undefined;
  const what = `${path} is ${name} that is not stint's: builds there are outside the pool`;
  return { id: 'jobserver-foreign', what, hint: `${RUN}, or take over what stint env prints` };
}

const KINDS: Partial<Record<Place['kind'], string>> = {
  fifo: 'a FIFO',
  device: 'a device',
  file: 'a file',
  other: 'something',
};

function closedDescriptors({ target }: Facts): Finding[] {
  return inEach(target.sources, (source, variable, value) => {
    const auth = findJobserver(value)?.auth;
    const { descriptors } = source;
    if (auth?.style !== 'fds' || descriptors === undefined) return undefined;
    const wrong = [auth.read, auth.write].filter((fd) => !isPipe(descriptors.get(fd)));
    if (wrong.length === 0) return undefined;
    const [fd] = wrong as [number];
    const found = descriptors.get(fd);
    const what = `descriptor ${fd} is ${found === undefined ? 'not open' : `${found}, not a pipe`}: clients find no jobserver`;
    const hint = "run makes from a recipe as $(MAKE) or with '+'; elsewhere unset the variable, or start by stint run";
    return { id: 'jobserver-descriptors', on: within(variable, source), what, hint };
  });
}

/** Names of FIFOs are paths; of what other paths lead to nothing is known. */
const isPipe = (link: string | undefined): boolean =>
  link !== undefined && /^(?:pipe:|\/)/.test(link) && !/^\/dev\/(?:null|zero|full|tty)$/.test(link);

/** What `find` says of each variable that may name a jobserver. */
function inEach(
  sources: readonly Source[],
  find: (source: Source, variable: string, value: string) => Finding | undefined,
): Finding[] {
  return sources
    .flatMap((source) => WITH_JOBSERVER.map((name) => find(source, name, source.variables.get(name) ?? '')))
    .filter((one) => one !== undefined);
}
