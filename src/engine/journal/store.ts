// Who keeps the engine's descriptors while it is dead.

export interface Store {
  /** Keeps a copy of `fd` under `key`, instead of what was kept there before. It can be closed at once. */
  keep(key: string, fd: number): void;
  drop(key: string): void;
}

/** Nobody does: what the engine knew ends with it. */
export const NO_STORE: Store = { keep: () => {}, drop: () => {} };
