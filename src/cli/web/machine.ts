// What the machine says of itself, for the lines beside the pool: load, pressure, memory.
import { hostname, loadavg } from 'node:os';
import { machineMemory } from '../../sensors/memory.ts';
import { Pressure, RESOURCES } from '../../sensors/pressure.ts';
import type { MachineLook } from './contract.ts';

export class Machine {
  readonly #pressure = new Pressure();

  look(): MachineLook {
    const now = performance.now();
    const memory = machineMemory();
    const pressures = RESOURCES.map((resource) => [resource, this.#pressure.percent(resource, now)]);
    return {
      host: hostname(),
      load: loadavg()[0] as number,
      ...(memory !== undefined && { memory }),
      pressure: Object.fromEntries(pressures.filter(([, percent]) => percent !== undefined)),
    };
  }
}
