// What may stand in the configuration. The words of each error say what is allowed.
import * as z from 'zod/mini';
import { DEVICE_NAME } from '../defaults.ts';
import { CLASSES, KEYS, keysOf } from './keys.ts';

/** A socket's path has at most 107 bytes (unix(7)), and the longest in the directory is /api.sock. */
const MAX_MOUNT = 107 - '/api.sock'.length;

const MOUNT = `an absolute path of at most ${MAX_MOUNT} bytes, without white space, \\, $, empty parts, . and ..`;
const DEVICE = `the name of a device in /dev: ${DEVICE_NAME.words}`;
const MODE = 'an octal string that lets read and write, from "0600" to "0666"';
const GROUP = 'the name or the number of a group';
const USER = 'the name or the number of a user';
const TIMEOUT = 'a whole number of seconds from 0 to 86400';
const STATE = 'an absolute path';
const PROGRAM = "a program's name of 1 to 255 characters without /; * and ? stand for others";
const GLOB = 'a text of 1 to 4096 characters; * and ? stand for others';
const WEIGHT = 'a number from 0.01 to 1000';
const SLOTS = 'a whole number from 1 to 4096';
const CLASS = '"interactive", "normal" or "background"';

const who = (words: string) =>
  z.union([z.string(words).check(z.minLength(1, words)), z.int(words).check(z.minimum(0, words))], words);
const slots = z.int(SLOTS).check(z.minimum(1, SLOTS), z.maximum(4096, SLOTS));
const glob = z.string(GLOB).check(z.minLength(1, GLOB), z.maxLength(4096, GLOB));
const path = (words: string, fits: (path: string) => boolean) => z.string(words).check(z.refine(fits, words));

/** A key that can also be changed while the daemon runs. */
function changeable(name: string) {
  const key = KEYS[name];
  if (key === undefined) throw new Error(`no key ${name}`);
  return z.optional(z.custom<string | number | boolean>(key.fits, key.allowed));
}

const section = (name: string) =>
  z.optional(
    z.strictObject(
      Object.fromEntries(keysOf(name).map((key) => [key, changeable(`${name}.${key}`)])),
      `a table [${name}]`,
    ),
  );

const CLIENT = z.strictObject(
  {
    program: z.string(PROGRAM).check(z.regex(/^[^/\p{Cc}]{1,255}$/u, PROGRAM)),
    node: z.enum(['file', 'pipe', 'split'], '"file", "pipe" or "split"'),
    implicit: z.exactOptional(z.boolean('true or false')),
  },
  'a table [[client]]',
);

const RULE = z.strictObject(
  {
    user: z.exactOptional(who(USER)),
    group: z.exactOptional(who(GROUP)),
    label: z.exactOptional(glob),
    cgroup: z.exactOptional(glob),
    weight: z.exactOptional(z.number(WEIGHT).check(z.minimum(0.01, WEIGHT), z.maximum(1000, WEIGHT))),
    class: z.exactOptional(z.enum(CLASSES, CLASS)),
    max: z.exactOptional(slots),
    build_max: z.exactOptional(slots),
  },
  'a table [[rule]]',
);

export const FILE = z.strictObject({
  jobs: changeable('jobs'),
  mount: z.optional(path(MOUNT, isMountable)),
  device: z.optional(path(DEVICE, DEVICE_NAME.fits)),
  mode: z.optional(z.string(MODE).check(z.regex(/^0?6[0246]{2}$/, MODE))),
  group: z.optional(who(GROUP)),
  api_group: z.optional(who(GROUP)),
  on_term: z.optional(z.enum(['wait', 'now'], '"wait" or "now"')),
  stop_timeout: z.optional(z.int(TIMEOUT).check(z.minimum(0, TIMEOUT), z.maximum(86_400, TIMEOUT))),
  state: z.optional(path(STATE, (given) => /^\/\P{Cc}+$/u.test(given))),
  share: section('share'),
  limits: section('limits'),
  rule: z.optional(z.array(RULE, 'tables [[rule]]')),
  client: z.optional(z.array(CLIENT, 'tables [[client]]')),
});

export type Rules = z.infer<typeof RULE>[];

/** The keys that may stand at the top, and in each kind of table. */
export const PLACES: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(FILE.shape),
  '[share]': keysOf('share'),
  '[limits]': keysOf('limits'),
  '[[rule]]': Object.keys(RULE.shape),
  '[[client]]': Object.keys(CLIENT.shape),
};

function isMountable(given: string): boolean {
  if (!/^(?:\/[^/\s\\$\p{Cc}]+)+$/u.test(given) || Buffer.byteLength(given) > MAX_MOUNT) return false;
  return !given.split('/').some((part) => part === '.' || part === '..');
}
