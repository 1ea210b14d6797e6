// Whether there is a pool, one, and within reach.
import type { Facts, Place, Pool, Target } from './facts.ts';
import { type Check, count, type Finding } from './finding.ts';

export const POOL_CHECKS: readonly Check[] = [
  noDaemon,
  brokenDaemon,
  otherNamespace,
  deniedNode,
  hiddenNode,
  twoPools,
  versionMix,
  lowNofile,
  strandedSlots,
];

const BIND = 'let it in: docker run -v /run/stint:/run/stint, or bwrap --bind /run/stint /run/stint';

const poolsOf = ({ machine, own }: Facts): Pool[] => [machine, own];

function noDaemon(facts: Facts): Finding[] {
  if (poolsOf(facts).some(({ state }) => state !== 'none') || isHidden(facts)) return [];
  const { machine, own, target } = facts;
  const start = "'stint run -- CMD' starts one for its user, 'stint serve' as root one for the machine";
  const hint = target.sandboxed ? `this is a sandbox or container; if the machine has a pool, ${BIND}` : start;
  return [{ id: 'no-daemon', on: `${machine.place.dir}, ${own.place.dir}`, what: 'no daemon serves a pool', hint }];
}

/** Daemons that are there, or were, and cannot be used. */
function brokenDaemon(facts: Facts): Finding[] {
  return poolsOf(facts).flatMap(({ place, state, why }): Finding[] => {
    const on = place.dir;
    switch (state) {
      case 'dead':
        return [
          {
            id: 'mount-dead',
            on,
            what: 'its daemon is gone, and nobody has taken its mount away',
            hint: `start it again: stint serve; or as root: umount ${on}`,
          },
        ];
      case 'stale':
        return [
          {
            id: 'socket-stale',
            on: place.socket,
            what: 'nobody listens there: its daemon was killed',
            hint: "the next 'stint run' starts another; builds of the old one are not counted any more",
          },
        ];
      case 'hangs':
        return [
          {
            id: 'daemon-hangs',
            on,
            what: 'its daemon does not answer',
            hint: 'it may be stopped (SIGCONT), or the machine may be out of memory; see ps and the log of the daemon',
          },
        ];
      case 'unfit':
        return [
          { id: 'daemon-unfit', on, what: why ?? 'it is of no use', hint: 'stop whoever is there, or remove it' },
        ];
      default:
        return [];
    }
  });
}

function otherNamespace({ machine, servers }: Facts): Finding[] {
  const told = machine.status?.daemon.pid;
  const server = servers.find(({ inner, pid }) => inner === told && pid !== told);
  if (server === undefined || servers.some(({ pid }) => pid === told)) return [];
  return [
    {
      id: 'other-pid-namespace',
      on: machine.place.fifo,
      what: `its daemon (process ${server.pid}) lives in a pid namespace of its own and refuses whoever is outside`,
      hint: 'start the daemon outside of the container, and bind its directory into containers',
      pid: server.pid,
    },
  ];
}

function deniedNode(facts: Facts): Finding[] {
  const { machine, target } = facts;
  const { node, place } = machine;
  if (node === undefined || otherNamespace(facts).length > 0) return [];
  const denied = node.kind === 'denied' || (target.pid !== undefined && !mayOpen(target, node));
  if (!denied) return [];
  const who = target.pid === undefined ? `user ${target.uid}` : `user ${target.uid} of process ${target.pid}`;
  const join = target.joinsLater
    ? 'the user is in group jobserver now, but this session is older: log in again'
    : "let root add the user to the node's group (usermod -aG jobserver USER), and log in again";
  const hint = `${join}; or use a pool of your own: stint run --user`;
  return [{ id: 'node-denied', on: place.fifo, what: `${who} may not open it`, hint }];
}

/** As the daemon decides it, from what the node shows of itself; yes where it shows nothing. */
function mayOpen({ uid, gid, groups }: Target, { mode, gid: group }: Place): boolean {
  if (mode === undefined || group === undefined || uid === 0 || (mode & 0o006) === 0o006) return true;
  return (mode & 0o060) === 0o060 && (gid === group || groups.includes(group));
}

function hiddenNode(facts: Facts): Finding[] {
  const { machine, target } = facts;
  if (!isHidden(facts)) return [];
  const whose = target.pid === undefined ? 'here' : `to process ${target.pid}`;
  return [
    {
      id: 'node-hidden',
      on: machine.place.fifo,
      what: `a daemon serves it, but it is not there ${whose}: a sandbox, container or mount namespace hides it`,
      hint: BIND,
    },
  ];
}

/** Whether somebody serves the machine's pool, and it cannot be seen where the target is. */
function isHidden({ machine, servers, target }: Facts): boolean {
  const served = servers.some(({ dir }) => dir === machine.place.dir);
  if (machine.state === 'none') return served;
  return machine.state === 'serves' && target.paths.get(machine.place.fifo)?.kind === 'missing';
}

function twoPools({ machine, own, elsewhere }: Facts): Finding[] {
  const serving = [machine, own, ...elsewhere].filter(({ state }) => state === 'serves');
  const [first, ...others] = serving;
  if (first === undefined || others.length === 0) return [];
  const words = serving.map(({ place, status }) => `${count(status?.capacity ?? 0, 'slot')} at ${place.dir}`);
  return [
    {
      id: 'two-pools',
      on: serving.map(({ place }) => place.dir).join(', '),
      what: `several pools give out the same processors: ${words.join(', ')}`,
      hint: first.place.system
        ? "run builds without --user, and let the user's daemon leave, which it does when it is idle"
        : 'start builds with the same XDG_RUNTIME_DIR everywhere, also from cron, ssh and sudo',
    },
  ];
}

function versionMix(facts: Facts): Finding[] {
  return poolsOf(facts).flatMap(({ place, status }): Finding[] => {
    if (status === undefined || status.daemon.version === facts.version) return [];
    return [
      {
        id: 'version-mix',
        on: place.socket,
        what: `its daemon is stint ${status.daemon.version}, this is stint ${facts.version}`,
        hint: 'start the daemon again when its builds are done (SIGTERM waits for them)',
        pid: status.daemon.pid,
      },
    ];
  });
}

/** For each slot a process that has the node open, with its pidfd and the ends of its pipe, and some for the daemon itself. */
const FILES_PER_SLOT = 8;
const OWN_FILES = 256;

function lowNofile(facts: Facts): Finding[] {
  return poolsOf(facts).flatMap(({ place, status, openFiles }): Finding[] => {
    const needs = OWN_FILES + FILES_PER_SLOT * (status?.capacity ?? 0);
    if (status === undefined || openFiles === undefined || openFiles >= needs) return [];
    return [
      {
        id: 'low-nofile',
        on: place.socket,
        what: `its daemon may have ${openFiles} files open; ${count(status.capacity, 'slot')} can need ${needs}`,
        hint: 'raise the hard limit where it is started: ulimit -Hn, LimitNOFILE= of its unit',
        pid: status.daemon.pid,
      },
    ];
  });
}

function strandedSlots(facts: Facts): Finding[] {
  return poolsOf(facts).flatMap(({ status }) =>
    (status?.builds ?? [])
      .filter(({ stranded }) => stranded > 0)
      .map(
        ({ id, label, stranded, rootPid }): Finding => ({
          id: 'stranded-slots',
          on: `build ${id} (${label})`,
          what: `${count(stranded, 'slot')} held by nobody: most likely a client in it was killed`,
          hint: "they come back when the build ends; on the machine's pool a killed client's slots come back at once",
          pid: rootPid,
        }),
      ),
  );
}
