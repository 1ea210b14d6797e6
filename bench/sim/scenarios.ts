// The scenes that are played, each under every policy.
import type { Scenario } from './machine.ts';
import { type BuildSpec, build, compile, configure, link, type Random, tests, waves } from './workload.ts';

/** The one that the promises are about. `size`: jobs of each build. */
export const mixed = (size: number): Scenario => ({
  name: 'hoarder and 40 processes',
  about: `Eight builds start together: a hoarder (one process; it has waves of 40 to 160 jobs, keeps every slot while jobs of
the wave are ready, and returns it when there are none), one of 40 processes, one whose process has 8 requests at once, one poller,
one that is killed now and then, three makes. Small builds come in meanwhile, one every 5 s on average.`,
  slots: 64,
  builds: (random) => [
    build({ group: 'hoarder', style: 'hoards', phases: waves(Math.ceil(size / 100), [40, 160], random) }),
    build({ group: '40 processes', processes: 40, phases: [compile(size, random)] }),
    build({ group: '8 requests', asks: 8, phases: [compile(size, random)] }),
    build({ group: 'poller', style: 'polls', phases: [tests(2 * size, random)] }),
    build({ group: 'killed', processes: 4, life: 20_000, phases: [compile(size, random)] }),
    ...many(3, (i) => build({ group: `make ${i}`, phases: [compile(size, random)] })),
    ...newcomers(Math.ceil(size / 60), 5_000, random),
  ],
});

/** The hoarder has everything when the others come. */
export const hoarderFirst = (size: number): Scenario => ({
  name: 'hoarder first',
  about: `A hoarder with waves of 400 jobs is alone for 3 s; then seven makes come within a second.`,
  slots: 64,
  builds: (random) => [
    build({ group: 'hoarder', style: 'hoards', phases: waves(Math.ceil(size / 400), [400, 400], random) }),
    ...many(7, (i) => build({ group: `make ${i}`, at: 3_000 + random(1_000), phases: [compile(size, random)] })),
  ],
});

/** What no policy can mend: slots that are held cannot be taken back. */
export const hoarderForEver = (size: number): Scenario => ({
  name: 'hoarder for ever',
  about: `A hoarder that never runs out of jobs has every slot when seven makes come within a second: it returns none until
they have ended, so that they run on what is given beyond the pool.`,
  slots: 64,
  builds: (random) => [
    build({ group: 'hoarder', style: 'hoards', phases: [compile(20 * size, random)] }),
    ...many(7, (i) => build({ group: `make ${i}`, at: 3_000 + random(1_000), phases: [compile(size, random)] })),
  ],
});

export const users = (size: number): Scenario => ({
  name: 'users',
  about: `One user has 20 builds, the other one. The index is between the users.`,
  slots: 64,
  builds: (random) => [
    ...many(20, () => build({ group: 'user of 20', user: 'a', processes: 2, phases: [compile(size / 20, random)] })),
    build({ group: 'user of one', user: 'b', phases: [compile(size, random)] }),
  ],
});

export const weights = (size: number): Scenario => ({
  name: 'weights',
  about: `Four builds with weights 1, 1, 2 and 4. The index is of slot time / weight.`,
  slots: 32,
  builds: (random) =>
    [1, 1, 2, 4].map((weight, i) =>
      build({ group: `${i}: weight ${weight}`, weight, processes: 1 + i, phases: [compile(size * weight, random)] }),
    ),
});

/** Nobody is rated: builds of every kind, each with all its phases. */
export const day = (slots: number, builds: number, every: number): Scenario => ({
  name: `a day on ${slots} slots`,
  about: `${builds} builds, one every ${every / 1000} s on average, each with configure, compile, link and test phases: a third of them
hoarders, a third of up to 16 processes, some pollers, some killed.`,
  slots,
  builds: (random) => newcomers(builds, every, random, (at) => packages(at, random)),
});

/** As many clients as a host can have. */
export const large = (size: number): Scenario => ({
  name: '10,000 clients',
  about: `250 builds of 40 processes each, all at once; ten of them hoard. Small builds come in meanwhile.`,
  slots: 1_024,
  builds: (random) => [
    ...many(250, (i) =>
      build({
        group: `build ${i}`,
        processes: 40,
        style: i % 25 === 0 ? 'hoards' : 'returns',
        phases: [compile(size, random)],
      }),
    ),
    ...newcomers(20, 500, random),
  ],
});

function packages(at: number, random: Random): BuildSpec {
  const kind = random(6);
  return build({
    group: `package at ${at}`,
    rated: false,
    at,
    style: kind < 2 ? 'hoards' : kind === 2 ? 'polls' : 'returns',
    processes: kind > 3 ? 1 + random(16) : 1,
    asks: kind === 3 ? 4 : 1,
    life: random(8) === 0 ? 10_000 : Number.POSITIVE_INFINITY,
    phases: [
      configure(random),
      compile(10 + random(200), random),
      link(1 + random(3), random),
      tests(random(100) + 1, random),
    ],
  });
}

/** Builds of 10 to 30 jobs, `every` ms on average. */
function newcomers(
  count: number,
  every: number,
  random: Random,
  one = (at: number) => build({ group: 'newcomers', rated: false, at, phases: [compile(10 + random(21), random)] }),
): BuildSpec[] {
  let at = 0;
  return many(count, () => {
    at += 1 + random(2 * every);
    return one(at);
  });
}

const many = <T>(count: number, one: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => one(i));
