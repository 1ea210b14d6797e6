// What is said of a key or a value that may not be, the same by `stint config check`, `stint serve` and `stint set`.
import { nearest } from '../../errors.ts';
import { KEYS, type Value, type Values } from './keys.ts';

export interface Complaint {
  message: string;
  hint?: string;
}

/** `key is VALUE; it must be …`. */
export const wrong = (key: string, value: unknown, allowed: string): Complaint => ({
  message:
    value === undefined
      ? `${key} is missing; it must be ${allowed}`
      : `${key} is ${shown(value)}; it must be ${allowed}`,
});

/** `key` is none of `known`; `place`: where it stands, if that says more. */
export function unknownKey(key: string, known: readonly string[], place = ''): Complaint {
  const name = /^[\w.-]+$/.test(key) ? key : JSON.stringify(key);
  const message = `unknown key ${name}${place}; there are ${known.join(', ')}`;
  const guess = nearest(key.toLowerCase(), known);
  return guess === undefined ? { message } : { message, hint: `did you mean ${guess}?` };
}

/** What is wrong with a value for a key that can be changed; undefined: nothing. */
export function complaintOf(key: string, value: unknown): Complaint | undefined {
  const known = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (known === undefined) return unknownKey(key, Object.keys(KEYS));
  return known.fits(value) ? undefined : wrong(key, value, known.allowed);
}

/** The keys whose values do not go together: each is larger than one that it must be within. */
export function clashes(values: Values): (Complaint & { key: string })[] {
  return Object.entries(KEYS).flatMap(([key, { within }]) => {
    const [value, most] = [values[key], within === undefined ? undefined : values[within]];
    if (value === undefined || most === undefined || Number(value) <= Number(most)) return [];
    return [{ key, ...wrong(key, value, `at most ${within}, which is ${shown(most)}`) }];
  });
}

/** A value from a command line: a number, true or false, or else a text. */
export function parseValue(text: string): Value {
  if (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

/** As it would stand in the file, or nearly so, and not too long. */
export function shown(value: unknown): string {
  const text =
    value instanceof Date
      ? value.toISOString()
      : typeof value === 'number'
        ? String(value).replace('Infinity', 'inf').replace('NaN', 'nan')
        : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
