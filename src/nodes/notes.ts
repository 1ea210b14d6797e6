// What the file node writes down as it goes, so that another engine can go on from there.

export interface Notes {
  /** This request was read just now. */
  looking(uniqueLow: number, uniqueHigh: number): void;
  /** This request has waited, and is looked at again. */
  lookingAgain(uniqueLow: number, uniqueHigh: number): void;
  /** This request has to wait for its answer. Returns what `waited` is to be told once it is answered, or looked at again. */
  waiting(uniqueLow: number, uniqueHigh: number): number;
  waited(place: number): void;
  /** What is booked and noted from now on, until `answered`, belongs to the answer to this request. */
  answering(uniqueLow: number, uniqueHigh: number): void;
  answered(): void;
  /**
   * `size` slots are about to be given back by the client with that record; `lends`: where it has none, it lends one. Until `returned`
   * that is done, if the request does not come again.
   */
  returning(request: { uniqueLow: number; uniqueHigh: number; size: number }, record: number, lends: boolean): void;
  returned(): void;
  /** A file has been opened; false: there is no room for it. */
  openFile(fh: number): boolean;
  /** By what the kernel knows who polls an open file. */
  pollFile(fh: number, khLow: number, khHigh: number): void;
  closeFile(fh: number): void;
}

/** Nobody comes after us. */
export const NO_NOTES: Notes = {
  looking: () => {},
  lookingAgain: () => {},
  waiting: () => -1,
  waited: () => {},
  answering: () => {},
  answered: () => {},
  returning: () => {},
  returned: () => {},
  openFile: () => true,
  pollFile: () => {},
  closeFile: () => {},
};
