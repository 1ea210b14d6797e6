// What a daemon under test shall do at one of its points, as text of a fixed length: it is read and struck out in place.

export const SIZE = 256;

export interface Plan {
  /** Which part of the daemon: its keeper, the main thread of its engine process, or the engine's thread. */
  role: 'keeper' | 'main' | 'engine';
  /** `record`: write down at which points it comes by. `error`: the call fails. */
  action: 'record' | 'die' | 'error' | 'slow';
  point: string;
  /** The how manieth time that it comes by there; and how often, one after the other. */
  nth: number;
  times: number;
  /** The errno, or milliseconds. */
  value: number;
}

let serial = 0;

export function encodePlan(plan: Plan): string {
  return ` ${JSON.stringify({ ...plan, serial: serial++ })}`.padEnd(SIZE);
}

/** Undefined: there is nothing to do, or it is done. */
export function decodePlan(text: string): Plan | undefined {
  return text.startsWith(' {') ? (JSON.parse(text) as Plan) : undefined;
}
