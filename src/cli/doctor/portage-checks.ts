// Whether emerge, with the settings that Portage has here, draws from the machine's pool.
import { findJobserver } from '../../jobserver/makeflags.ts';
import { groupName } from '../../process/groups.ts';
import type { Facts, Portage } from './facts.ts';
import { type Check, type Finding, within } from './finding.ts';

export const PORTAGE_CHECKS: readonly Check[] = [settings, deniedUser, sandbox];

const SEE = 'stint env --for portage prints the lines';

function settings({ machine, portage, target }: Facts): Finding[] {
  if (machine.state !== 'serves' || portage === undefined) return [];
  const { variables } = portage.settings;
  const wrong = (variable: string, what: string): Finding => ({
    id: 'portage-settings',
    on: within(variable, portage.settings),
    what,
    hint: SEE,
  });
  // What the environment says goes before it.
  const makeflags = target.sources[0]?.variables.get('MAKEFLAGS') ?? variables.get('MAKEFLAGS') ?? '';
  if (findJobserver(makeflags) === undefined)
    return [wrong('MAKEFLAGS', 'it names no jobserver: emerge gives each make a -j of its own, outside the pool')];
  const found: Finding[] = [];
  if (has(portage, 'jobserver-token') !== true)
    found.push(wrong('FEATURES', 'without jobserver-token each package has one job that no slot is taken for'));
  if (!variables.has('NINJAOPTS'))
    found.push(wrong('NINJAOPTS', 'not set: eninja of older trees then gives ninja a -j, and it uses no jobserver'));
  if (!variables.has('MAKEOPTS'))
    found.push(wrong('MAKEOPTS', "not set: Portage's own xz and the like then use all processors beside the pool"));
  return found;
}

function deniedUser({ machine: { node, place, state }, portage }: Facts): Finding[] {
  if (state !== 'serves' || portage?.user === undefined || node?.mode === undefined || node.gid === undefined)
    return [];
  const { name, groups } = portage.user;
  const may = (node.mode & 0o006) === 0o006 || ((node.mode & 0o060) === 0o060 && groups.includes(node.gid));
  if (may || has(portage, 'userpriv') === false) return [];
  return [
    {
      id: 'node-denied',
      on: place.fifo,
      what: `user ${name} may not open it, and as that one Portage builds`,
      hint: `usermod -aG ${groupName(node.gid)} ${name}`,
    },
  ];
}

function sandbox({ machine: { place, state }, portage }: Facts): Finding[] {
  const { sandbox: writable } = portage ?? {};
  if (state !== 'serves' || portage === undefined || writable === undefined) return [];
  if (writable.some((path) => place.fifo.startsWith(path)) || has(portage, 'sandbox') === false) return [];
  const what = "Portage's sandbox lets no build open it for writing";
  const hint = `put SANDBOX_WRITE="${place.dir}" into a file in /etc/sandbox.d`;
  return [{ id: 'sandbox-denied', on: place.fifo, what, hint }];
}

/** The last word of FEATURES on `feature`; undefined: make.conf says nothing of it, so that Portage's defaults count. */
function has({ settings: { variables } }: Portage, feature: string): boolean | undefined {
  const words = (variables.get('FEATURES') ?? '').split(/\s+/);
  const last = words.findLast((word) => word === feature || word === `-${feature}` || word === '-*');
  return last === undefined ? undefined : last === feature;
}
