// What the machine is taken to bear, by its rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS, Limiter, type LimitsConfig, type Readings } from '../../src/core/limits.ts';

const GIB = 2 ** 30;

/** A machine of 8 processors with a pool of 8, all in use, and nothing wrong. */
const calm: Readings = {
  capacity: 8,
  used: 8,
  processors: 8,
  running: { all: 8, builds: 8 },
  pressure: { cpu: 0, io: 0, memory: 0 },
  memory: { total: 64 * GIB, available: 32 * GIB },
};

const limiter = (config: Partial<LimitsConfig> = {}) => new Limiter({ ...DEFAULT_LIMITS, ...config });

/** The limits that follow from one look a second. */
function looks(limits: Limiter, readings: readonly Readings[]): number[] {
  return readings.map((reading, second) => limits.judge(reading, second * 1000).limit);
}

const times = <T>(count: number, one: T): T[] => Array<T>(count).fill(one);

test('on a calm machine all slots may be out, and there is no reason to tell', () => {
  const config = { maxLoad: 8, maxCpuPressure: 30, maxIoPressure: 30 };
  assert.deepEqual(limiter(config).judge(calm, 0), { limit: 8, limits: [] });
});

test('what is off, or what the machine does not tell, limits nothing', () => {
  const bad: Readings = { ...calm, running: { all: 99, builds: 8 }, pressure: { cpu: 100, io: 100 } };
  assert.deepEqual(limiter().judge(bad, 0), { limit: 8, limits: [] });
  const blind: Readings = { capacity: 8, used: 8, processors: 8, pressure: {} };
  const all = { maxLoad: 1, maxCpuPressure: 1, maxIoPressure: 1, maxMemoryPressure: 1 };
  assert.deepEqual(limiter(all).judge(blind, 0), { limit: 8, limits: [] });
});

test('pressure takes a quarter of the slots in use at each look, and says so', () => {
  const limits = limiter();
  const bad = { ...calm, pressure: { memory: 35 } };
  const first = limits.judge(bad, 0);
  assert.deepEqual(first, {
    limit: 6,
    limits: [{ name: 'memory-pressure', slots: 6, reason: 'memory pressure 35% is over max_memory_pressure 20' }],
  });
  assert.equal(limits.judge({ ...bad, used: 7 }, 1000).limit, 6, 'not again before that has come into effect');
  assert.equal(limits.judge({ ...bad, used: 6 }, 2000).limit, 5);
  assert.equal(limits.judge({ ...bad, used: 1 }, 3000).limit, 1, 'min_slots always run');
});

test('slots come back on the ramp, after it was calm for a while', () => {
  const limits = limiter();
  assert.equal(limits.judge({ ...calm, pressure: { memory: 35 } }, 0).limit, 6);
  const near = { ...calm, used: 6, pressure: { memory: 18 } };
  assert.deepEqual([limits.judge(near, 1000).limit, limits.judge(near, 9000).limit], [6, 6], 'not while it is near');
  const good = { ...calm, used: 6 };
  assert.deepEqual(
    [10, 11, 12, 13, 14].map((second) => limits.judge(good, second * 1000).limit),
    [6, 6, 7, 8, 8],
  );
});

test('a processor hog from outside takes what it needs and no more, and its end brings the slots back', () => {
  for (const config of [{ maxCpuPressure: 20 }, { maxLoad: 8 }]) {
    const hogged = { ...calm, running: { all: 10, builds: 8 }, pressure: { cpu: 60 } };
    const limits = limiter(config);
    assert.deepEqual(
      looks(limits, [calm, ...times(3, hogged)]).map((limit) => limit < 8),
      [false, true, true, true],
    );
    // It runs on: the rest is still ours.
    const fewer = { ...hogged, used: 6, running: { all: 8, builds: 6 } };
    for (let second = 4; second < 20; second++) assert.equal(limits.judge(fewer, second * 1000).limit, 6);
    const over = { ...calm, used: 6, running: { all: 6, builds: 6 } };
    let back = 0;
    for (let second = 20; back < 8; second++) {
      back = limits.judge(over, second * 1000).limit;
      assert.ok(second < 32, 'all are back within 12 looks');
    }
  }
});

test('as many jobs as processors do not lower their own limit, though they press on each other', () => {
  const pressed = { ...calm, running: { all: 8, builds: 8 }, pressure: { cpu: 70 } };
  assert.deepEqual(looks(limiter({ maxCpuPressure: 20, maxLoad: 8 }), times(20, pressed)), times(20, 8));
});

test('a pool of more jobs than processors is lowered to these by pressure, and not further', () => {
  const limits = limiter({ maxCpuPressure: 20 });
  let used = 16;
  for (let second = 0; second < 30; second++) {
    const running = { all: used, builds: used };
    used = limits.judge({ ...calm, capacity: 16, used, running, pressure: { cpu: 70 } }, second * 1000).limit;
  }
  assert.equal(used, 8);
});

test('memory that running jobs will still take is not given again', () => {
  const limits = limiter({ minMemory: { bytes: GIB } });
  const memory = { total: 64 * GIB, available: 9.5 * GIB };
  const forecast = { used: 3, available: 9.5 * GIB, pending: 4 * GIB, next: 2 * GIB, who: 'webkit' };
  assert.deepEqual(limits.judge({ ...calm, used: 3, memory, forecast }, 0), {
    limit: 5,
    limits: [
      {
        name: 'memory',
        slots: 5,
        reason:
          'memory: 8.5 GiB left above the floor of 1.0 GiB, of which running jobs are expected to take 4.0 GiB more; ' +
          'each job of webkit is expected to need 2.0 GiB',
      },
    ],
  });
});

test('below the floor of memory nobody is let in, and not all that end are replaced', () => {
  const memory = { total: 64 * GIB, available: 2 * GIB };
  for (const memoryLookAhead of [true, false]) {
    const { limit, limits } = limiter({ memoryLookAhead }).judge({ ...calm, memory }, 0);
    assert.ok(limit < 8);
    assert.equal(limits[0]?.reason, 'memory: 2.0 GiB available, below the floor of 3.2 GiB');
  }
});

test('a pool that is made larger has its new slots at once', () => {
  const limits = limiter();
  limits.judge(calm, 0);
  assert.equal(limits.judge({ ...calm, capacity: 64 }, 1).limit, 64);
});

const percent = fc.double({ min: 0, max: 100, noNaN: true });
const bytes = fc.double({ min: 0, max: 64 * GIB, noNaN: true });

const configs: fc.Arbitrary<LimitsConfig> = fc.record({
  minSlots: fc.integer({ min: 1, max: 20 }),
  maxLoad: fc.oneof(fc.constant(0), fc.double({ min: 0.5, max: 64, noNaN: true })),
  maxCpuPressure: percent,
  maxIoPressure: percent,
  maxMemoryPressure: percent,
  minMemory: fc.oneof(fc.record({ bytes }), fc.record({ percent })),
  memoryPerJob: fc.double({ min: 1, max: 8 * GIB, noNaN: true }),
  memoryLookAhead: fc.boolean(),
  cgroup: fc.boolean(),
  ramp: fc.option(fc.double({ min: 0.01, max: 100, noNaN: true }), { nil: undefined }),
});

const readings: fc.Arbitrary<Readings> = fc
  .record({
    capacity: fc.constantFrom(1, 4, 16, 64),
    used: fc.integer({ min: 0, max: 70 }),
    processors: fc.integer({ min: 1, max: 64 }),
    all: fc.integer({ min: 0, max: 200 }),
    cpu: percent,
    io: percent,
    memoryPressure: percent,
    available: bytes,
    pending: bytes,
    next: fc.double({ min: 1e6, max: 8 * GIB, noNaN: true }),
  })
  .map(({ all, cpu, io, memoryPressure, available, pending, next, ...rest }) => ({
    ...rest,
    running: { all, builds: rest.used },
    pressure: { cpu, io, memory: memoryPressure },
    memory: { total: 64 * GIB, available },
    forecast: { used: rest.used, available, pending, next, who: 'x' },
  }));

const steps = fc.array(fc.record({ reading: readings, passed: fc.integer({ min: 0, max: 5000 }) }), {
  minLength: 1,
  maxLength: 40,
});

test('the limit is never below min_slots nor above the capacity, and never without a reason', () => {
  fc.assert(
    fc.property(configs, steps, (config, all) => {
      const limits = new Limiter(config);
      let now = 0;
      for (const { reading, passed } of all) {
        now += passed;
        const { limit, limits: reasons } = limits.judge(reading, now);
        assert.ok(Number.isInteger(limit) && limit <= reading.capacity);
        assert.ok(limit >= Math.min(config.minSlots, reading.capacity));
        assert.equal(reasons.length > 0, limit < reading.capacity);
        assert.ok(reasons.every(({ slots }, i) => i === 0 || slots >= (reasons[i - 1]?.slots ?? 0)));
      }
    }),
  );
});

test('more memory never means fewer slots', () => {
  fc.assert(
    fc.property(configs, readings, bytes, (config, reading, more) => {
      const richer = {
        ...reading,
        memory: { total: 64 * GIB, available: (reading.memory?.available ?? 0) + more },
        forecast: reading.forecast && { ...reading.forecast, available: reading.forecast.available + more },
      } as Readings;
      assert.ok(new Limiter(config).judge(richer, 0).limit >= new Limiter(config).judge(reading, 0).limit);
    }),
  );
});

test('whatever happens, no more slots come back in a time than the ramp lets', () => {
  fc.assert(
    fc.property(configs, steps, (config, all) => {
      const limits = new Limiter(config);
      const ramp = config.ramp ?? 2;
      let now = 0;
      let least = { limit: Number.POSITIVE_INFINITY, at: 0 };
      for (const { reading, passed } of all) {
        now += passed;
        const { limit } = limits.judge({ ...reading, capacity: 16 }, now);
        if (least.limit < 16) assert.ok(limit <= least.limit + 1 + (ramp * (now - least.at)) / 1000 + 1e-6);
        if (limit <= least.limit) least = { limit, at: now };
      }
    }),
  );
});
