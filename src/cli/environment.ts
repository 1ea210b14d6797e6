// The environment that the command will have: variables in their order, one byte per character (latin1).

export class Environment {
  readonly #values = new Map<string, string>();

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const at = entry.indexOf('=', 1);
      if (at !== -1) this.#values.set(entry.slice(0, at), entry.slice(at + 1));
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  entries(): string[] {
    return [...this.#values].map(([name, value]) => `${name}=${value}`);
  }
}
