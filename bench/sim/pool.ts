// What the simulated machine asks of a pool, whatever its policy. Clients and builds are known by number. A pool tells each
// grant at once through the function it was made with, which does not call the pool again.

/** What a build is, for those policies that want to know. */
export interface Terms {
  user: string;
  weight: number;
}

export interface Pool {
  /** Slots that clients have, those included that are set aside for somebody who was told to take them. */
  readonly out: number;
  openBuild(build: number, terms: Terms): void;
  /** `root`: the client stands for the one job that a build runs as long as it lives. */
  openClient(client: number, build: number, root: boolean): void;
  /** Asks for one slot. `reserves`: it is set aside, and the client calls `take` or `pass`. */
  ask(client: number, reserves: boolean, now: number): void;
  take(client: number, now: number): void;
  pass(client: number, now: number): void;
  release(client: number, now: number): void;
  /** The client is gone: what it has comes back, what it waits for is given up. */
  forget(client: number, now: number): void;
  closeBuild(build: number, now: number): void;
  /** Does what is due by time alone. */
  settle(now: number): void;
  /** When that is to be called, Infinity when it need not. */
  nextLook(): number;
}

export type MakePool = (slots: number, granted: (client: number) => void) => Pool;
