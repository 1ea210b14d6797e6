// Whether the clients on PATH and the kernel are what a pool needs.
import { findJobserver } from '../../jobserver/makeflags.ts';
import type { Facts } from './facts.ts';
import type { Check, Finding } from './finding.ts';

export const HOST_CHECKS: readonly Check[] = [oldMake, oldNinja, noPidfd, fuseTimeout, noPressure];

function oldMake({ tools, target }: Facts): Finding[] {
  const make = tools.find(({ name }) => name === 'make');
  const source = target.sources.find(
    ({ variables }) => findJobserver(variables.get('MAKEFLAGS') ?? '')?.auth.style === 'fifo',
  );
  if (make?.takes !== 'descriptors' || source === undefined) return [];
  return [
    {
      id: 'make-too-old',
      on: make.path,
      what: `GNU make ${make.version?.join('.')} ends with an error on the path that MAKEFLAGS names in ${source.name}`,
      hint: 'put make 4.4 or later before it on PATH; or unset MAKEFLAGS and start it by stint run, which finds another way',
    },
  ];
}

function oldNinja({ tools }: Facts): Finding[] {
  const ninja = tools.find(({ name }) => name === 'ninja');
  if (ninja?.takes !== 'nothing') return [];
  return [
    {
      id: 'ninja-too-old',
      on: ninja.path,
      what: `ninja ${ninja.version?.join('.')} takes no jobserver by a path: its builds run outside the pool`,
      hint: 'put ninja 1.13 or later before it on PATH; or give it a lease: stint run --slots 2..8 -- ninja -j {slots}',
    },
  ];
}

function noPidfd({ kernel }: Facts): Finding[] {
  if (kernel.pidfd) return [];
  return [
    {
      id: 'pidfd-missing',
      on: 'the kernel',
      what: 'pidfd_open does not work: no daemon can tell when a process ends',
      hint: 'Linux 5.4 or later has it; in a container a seccomp profile may forbid it',
    },
  ];
}

function fuseTimeout({ kernel, machine }: Facts): Finding[] {
  if (kernel.fuseTimeout === 0 || machine.state === 'none') return [];
  return [
    {
      id: 'fuse-timeout',
      on: machine.place.dir,
      what: `the kernel ends a FUSE mount in which a read waits for ${kernel.fuseTimeout} s, as clients that wait for a slot do`,
      hint: 'sysctl fs.fuse.default_request_timeout=0 fs.fuse.max_request_timeout=0, then start the daemon again',
    },
  ];
}

function noPressure({ kernel }: Facts): Finding[] {
  if (kernel.pressure) return [];
  return [
    {
      id: 'psi-missing',
      on: '/proc/pressure',
      what: 'the kernel tells no pressure: limits by it have no effect, and memory is judged by what is free alone',
      hint: 'boot with psi=1, or take a kernel with CONFIG_PSI',
    },
  ];
}
