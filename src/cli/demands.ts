// What a command asks for on the command line beside its first slot: `--slots` and `--timeout`, and how they are written.
import os from 'node:os';
import { MAX_CAPACITY } from '../api/schema.ts';
import { StintError } from '../errors.ts';
import type { Parsed } from './args.ts';

/** Slots in one step. */
export interface Slots {
  /** All of these, or wait. */
  min: number;
  /** As many as are fair, up to this. */
  max: number;
}

export interface Demands {
  slots: Slots | undefined;
  /** The name of the signal that tells of a new number of slots. */
  signal: string | undefined;
  /** Milliseconds. */
  timeout: number | undefined;
  clock: 'held' | 'wall';
}

const UNITS: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };
const MAX_SECONDS = 366 * 86_400;

/** @param exit the exit code of a usage error. @throws StintError */
export function demandsOf(options: Parsed['options'], exit: number): Demands {
  const slots = options.get('slots');
  const signal = options.get('resize-signal');
  const timeout = options.get('timeout');
  const clock = options.get('timeout-clock') ?? 'wall';
  if (signal !== undefined && slots === undefined) throw lonely('resize-signal', 'slots', exit);
  if (options.has('timeout-clock') && timeout === undefined) throw lonely('timeout-clock', 'timeout', exit);
  if (clock !== 'held' && clock !== 'wall') {
    throw new StintError(`--timeout-clock must be held or wall, not '${clock}'`, { exit });
  }
  return {
    slots: slots === undefined ? undefined : parseSlots(slots, '--slots', exit),
    signal: signal === undefined ? undefined : signalName(signal, exit),
    timeout: timeout === undefined ? undefined : parseDuration(timeout, '--timeout', exit),
    clock,
  };
}

/** `4`, `2..8`. @throws StintError */
export function parseSlots(text: string, name: string, exit: number): Slots {
  const [, low, high = low] = /^(\d{1,6})(?:\.\.(\d{1,6}))?$/.exec(text) ?? [];
  const [min, max] = [Number(low), Number(high)];
  if (min >= 1 && min <= max && max <= MAX_CAPACITY) return { min, max };
  throw new StintError(`${name} must be a number of slots from 1 to ${MAX_CAPACITY}, or MIN..MAX, not '${text}'`, {
    exit,
    hint: 'for example 4, or 2..8',
  });
}

/** `90s`, `15m`, `2h`, `1d`, as timeout(1) takes them; milliseconds. */
export function parseDuration(text: string, name: string, exit: number): number {
  const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,9})?)([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] as number);
  if (seconds > 0 && seconds <= MAX_SECONDS) return Math.max(1, Math.round(seconds * 1000));
  throw new StintError(`${name} must be a time like 90s, 15m, 2h or 1d, up to 366d, not '${text}'`, { exit });
}

function signalName(text: string, exit: number): string {
  const name = text.toUpperCase().replace(/^(?:SIG)?/, 'SIG');
  if (Object.hasOwn(os.constants.signals, name)) return name;
  throw new StintError(`--resize-signal must be the name of a signal, like USR1, not '${text}'`, { exit });
}

const lonely = (option: string, other: string, exit: number): StintError =>
  new StintError(`--${option} has no meaning without --${other}`, { exit });
