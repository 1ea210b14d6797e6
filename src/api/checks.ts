// What may stand in the body of a request: checks that several routes share.
import os from 'node:os';
import { harmless, plain } from '../process/plain.ts';
import { HttpError } from './call.ts';
import type { TimeLimit } from './schema.ts';

const MAX_TEXT = 4096;
/** So much of a label is kept: everybody who asks for the status is told it. */
const MAX_LABEL = 256;
const MAX_CLAIM = 64;
/** A year and more: what Node's and the engine's clocks can hold is far beyond. */
const MAX_TIME = 400 * 24 * 3600 * 1000;

export function objectOf(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new HttpError(400, 'the body must be a JSON object');
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value.length <= MAX_TEXT) return value;
  throw new HttpError(400, `${name} must be a string of at most ${MAX_TEXT} characters`);
}

/** Others are shown it, who have not chosen it. */
export const label = ({ label }: Record<string, unknown>): string => plain(text('label', label), MAX_LABEL);

/** The same. */
export const folder = ({ cwd }: Record<string, unknown>): string => harmless(text('cwd', cwd));

export function wholeNumber(name: string, value: unknown, { min, max }: { min: number; max: number }): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new HttpError(400, `${name} must be a whole number from ${min} to ${max}`);
}

export function numberFrom(name: string, value: unknown, { min, max }: { min: number; max: number }): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new HttpError(400, `${name} must be a number from ${min} to ${max}`);
}

export function oneOf<T extends string>(name: string, value: unknown, words: readonly T[]): T {
  if (words.includes(value as T)) return value as T;
  throw new HttpError(400, `${name} must be ${list(words)}`);
}

export function flag(name: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value;
  throw new HttpError(400, `${name} must be true or false`);
}

/** `claim`, if it is given: whoever says the same again is answered with what it has. */
export function claim({ claim }: Record<string, unknown>): { claim?: string } {
  if (claim === undefined) return {};
  if (typeof claim === 'string' && claim !== '' && claim.length <= MAX_CLAIM) return { claim };
  throw new HttpError(400, `claim must be a string of 1 to ${MAX_CLAIM} characters`);
}

/** `timeout` and `clock`, if they are given. */
export function timeLimit({ timeout, clock = 'wall' }: Record<string, unknown>): { timeLimit?: TimeLimit } {
  if (timeout === undefined) return {};
  const after = wholeNumber('timeout', timeout, { min: 1, max: MAX_TIME });
  return { timeLimit: { after, clock: oneOf('clock', clock, ['held', 'wall']) } };
}

/** The number of a signal that goes by its name, with or without SIG; 0 for undefined. */
export function signalNumber(name: string, value: unknown): number {
  if (value === undefined) return 0;
  const known: Partial<Record<string, number>> = os.constants.signals;
  const number = typeof value === 'string' ? known[value.replace(/^(?:SIG)?/, 'SIG')] : undefined;
  if (number !== undefined) return number;
  throw new HttpError(400, `${name} must be the name of a signal, like "USR1"`);
}

/** `"a" or "b"`, `"a", "b" or "c"`. */
const list = (words: readonly string[]): string => {
  const quoted = words.map((word) => `"${word}"`);
  return [quoted.slice(0, -1).join(', '), quoted.at(-1)].join(' or ');
};
