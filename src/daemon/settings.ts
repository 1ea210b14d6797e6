// What counts in this pool, and who said so: of each key the first that says something of it, in this order: a `stint with` that
// runs, `stint set` since the daemon started, the command line, `stint set` before that, the configuration. The rest is default.
import { HttpError } from '../api/call.ts';
import type { Setting } from '../api/schema.ts';
import type { LimitsConfig } from '../core/limits.ts';
import { DEFAULT_POLICY, type Policy } from '../core/policy.ts';
import { composed } from '../core/settings.ts';
import type { Rules } from '../engine/standings.ts';
import { reason } from '../errors.ts';
import type { Remembered } from '../keeper/remembered.ts';
import { KEYS, type Value, type Values } from '../process/config/keys.ts';
import { classOf, limitsOf, shareOf } from '../process/config/sections.ts';
import { clashes, complaintOf } from '../process/config/words.ts';
import type { Rule } from '../process/rules.ts';
import type { StoredSettings } from './stored.ts';

/** Under which name it is remembered what was set since the daemon started. */
const MINUTES = 'settings';

export interface SettingsOptions {
  /** Slots in the pool where nobody says how many. */
  capacity: number;
  /** What counts where [limits] is silent. */
  limits: LimitsConfig;
  /** What the command line says. */
  options: Values;
  /** What the configuration says. */
  file: Values;
  rules: readonly Rule[];
  /** Where what is set is kept; undefined: nowhere. */
  stored: StoredSettings | undefined;
  remembered: Remembered;
}

/** Who has to heed it. */
export interface Heeding {
  setCapacity(slots: number): void;
  setPolicy(policy: Policy): void;
  setLimits(limits: LimitsConfig): void;
  setRules(rules: Rules): void;
}

export class Settings {
  readonly #options: SettingsOptions;
  #file: Values;
  #rules: readonly Rule[];
  /** What was set since the daemon started. */
  #now: Values;
  /** What is set for good. */
  #lasting: Values;
  /** Slots lent for the time of a command, by its number. */
  readonly #lent = new Map<number, number>();
  #heeding: Heeding | undefined;
  /** The capacity that was heeded last. */
  #capacity: number;

  constructor(options: SettingsOptions) {
    this.#options = options;
    this.#file = options.file;
    this.#rules = options.rules;
    this.#lasting = options.stored?.read() ?? {};
    this.#now = options.remembered.read<Values>(MINUTES) ?? {};
    this.#capacity = this.capacity;
  }

  /** From now on whoever has to heed changes is told of them. */
  attach(heeding: Heeding): void {
    this.#heeding = heeding;
  }

  /** Slots in the pool. */
  get capacity(): number {
    const base = { slots: this.#jobs(this.#values()), weight: 1, class: 'normal' as const };
    return composed(
      base,
      [...this.#lent.values()].map((slots) => ({ slots })),
    ).slots;
  }

  /** The same at the most, when nobody lends fewer any more. */
  get most(): number {
    return Math.max(this.#jobs(this.#values()), this.capacity);
  }

  get policy(): Policy {
    return { ...DEFAULT_POLICY, ...shareOf(this.#values()) };
  }

  get limits(): LimitsConfig {
    return { ...this.#options.limits, ...limitsOf(this.#values()) };
  }

  get rules(): Rules {
    return { rules: this.#rules, class: classOf(this.#values()) };
  }

  /** Of each key what counts, and who said so. */
  list(): Record<string, Setting> {
    const layers: [Setting['from'], Values][] = [
      ['set', this.#now],
      ['option', this.#options.options],
      ['set', this.#lasting],
      ['file', this.#file],
    ];
    const settings: Record<string, Setting> = {};
    for (const [key, { allowed, standard }] of Object.entries(KEYS)) {
      const [from, values] = layers.find(([, said]) => said[key] !== undefined) ?? ['default', { [key]: standard }];
      settings[key] = { value: values[key] ?? null, from, allowed };
    }
    const jobs = settings.jobs as Setting;
    jobs.value = this.capacity;
    if (this.#lent.size > 0) jobs.from = 'with';
    return settings;
  }

  /**
   * Sets each key to a value, or with null to what counts without it.
   * @param lasting whether it is kept when the daemon ends
   * @throws HttpError 400 when a value may not be, 500 when it cannot be kept; nothing is changed then
   */
  change(changes: Readonly<Record<string, unknown>>, lasting: boolean): void {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null && Object.hasOwn(KEYS, key)) continue;
      const complaint = complaintOf(key, value);
      if (complaint !== undefined) throw new HttpError(400, withHint(complaint));
    }
    const known = changes as Readonly<Record<string, Value | null>>;
    const now = changed(this.#now, known);
    const keeping = lasting ? changed(this.#lasting, known) : this.#lasting;
    const values = layered(this.#file, keeping, this.#options.options, now);
    const clash = clashes({ ...values, jobs: this.#jobs(values) }).find(
      ({ key }) => key in changes || (KEYS[key]?.within ?? '') in changes,
    );
    if (clash !== undefined) throw new HttpError(400, clash.message);
    if (lasting) this.#keep(keeping);
    [this.#now, this.#lasting] = [now, keeping];
    this.#options.remembered.write(MINUTES, now);
    this.#heed();
  }

  /** The configuration says something else. */
  reload(file: Values, rules: readonly Rule[]): void {
    this.#file = file;
    this.#rules = rules;
    this.#heed();
  }

  /** The pool has so many slots as long as command `id` runs. */
  lend(id: number, slots: number): void {
    this.#lent.set(id, slots);
    this.#heedCapacity();
  }

  takeBack(id: number): void {
    if (this.#lent.delete(id)) this.#heedCapacity();
  }

  #values(): Values {
    return layered(this.#file, this.#lasting, this.#options.options, this.#now);
  }

  #jobs(values: Values): number {
    return (values.jobs as number | undefined) ?? this.#options.capacity;
  }

  #heed(): void {
    this.#heedCapacity();
    this.#heeding?.setPolicy(this.policy);
    this.#heeding?.setLimits(this.limits);
    this.#heeding?.setRules(this.rules);
  }

  #heedCapacity(): void {
    const { capacity } = this;
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#heeding?.setCapacity(capacity);
  }

  #keep(lasting: Values): void {
    const { stored } = this.#options;
    try {
      stored?.write(lasting);
    } catch (error) {
      throw new HttpError(500, `cannot write ${stored?.path}: ${reason(error)}; nothing was changed`);
    }
  }
}

const withHint = ({ message, hint }: { message: string; hint?: string }): string =>
  hint === undefined ? message : `${message}; ${hint}`;

/** What the later ones say goes before what the earlier ones say. */
const layered = (...layers: readonly Values[]): Values => Object.assign({}, ...layers);

function changed(values: Values, changes: Readonly<Record<string, Value | null>>): Values {
  const all = Object.entries({ ...values, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, Value] => entry[1] !== null));
}
