// Where the counters of the journal lie, in words of 32 bits. Sizes stand in the head: a reader takes them from there.
//
//   head      what this is; how far records and files are in use; marks; two doubts
//   records   for each: its generation, and what a client has
//   files     for each open file: whether it is open, and by what the kernel knows its pollers
//   waits     requests that wait for their answer, where the kernel cannot ask them again; 0: this place is free

export const MAGIC = 0x73746e74;
/** 1: values had no checksum. */
export const VERSION = 2;

/** Words of the head. */
export const HEAD = {
  magic: 0,
  version: 1,
  recordsAt: 2,
  filesAt: 3,
  /** Numbers from here on were never used. */
  recordsEnd: 4,
  filesEnd: 5,
  waitsAt: 6,
  waitsEnd: 7,
  marks: 8,
  /** A move through the tray that is under way: the record and 1, or 0; what that held; how many slots, below 0 out of the pipe. */
  moving: 16,
  movingFrom: 17,
  movingCount: 18,
  /** A return under way: the record and 1, or 0; what that held; slots; whether one may be lent; the request. */
  returning: 20,
  returningFrom: 21,
  returningCount: 22,
  returningLends: 23,
  returningLow: 24,
  returningHigh: 25,
  /** The last request that was read, and the last that was looked at again; noted like those that wait. */
  lookingLow: 26,
  lookingHigh: 27,
  againLow: 28,
  againHigh: 29,
  /** The last request that was read from the character device: its connection counts by itself. */
  deviceLow: 30,
  deviceHigh: 31,
} as const;

/** Numbers that are given once: the next one of each. */
export const MARK = { pipe: 0, build: 1 } as const;

/** Where the doubt about a request lies, and that about a grant that came of it. */
export const DOUBTS = [32, 160] as const;
/** Words of a doubt: the request, stores announced, stores done; then the notes: where, what was there, what is there then. */
export const DOUBT = { uniqueLow: 0, uniqueHigh: 1, announced: 2, done: 3, notes: 4 } as const;
export const NOTE_WORDS = 3;
/** Stores that one request can be the cause of and that are undone should it come again. */
export const MAX_NOTES = 40;

const RECORDS_AT = 512;
export const RECORD = { generation: 0, value: 1, words: 2 } as const;
export const WAIT_WORDS = 2;
export const FILE = { open: 0, khLow: 1, khHigh: 2, words: 4 } as const;

/** Bounds that no machine comes to: each client is a process, with a descriptor of ours. */
const RECORDS = 1 << 20;
const FILES = 1 << 20;
const WAITS = 1 << 17;
/** Bytes in all; pages that nobody has written to take no memory. */
export const COUNTERS_SIZE: number = 4 * wordsFor(RECORDS, FILES, WAITS);

export function wordsFor(records: number, files: number, waits: number): number {
  return RECORDS_AT + records * RECORD.words + files * FILE.words + waits * WAIT_WORDS;
}

/** A value of a record, of 16 bits with a sign, together with its checksum, in one word: so no kill can come between the two. */
export const packed = (value: number, at: number, generation: number): number =>
  (checksum(value, at, generation) << 16) | (value & 0xffff);

/** The value that a word holds. */
export const unpacked = (word: number): number => (word << 16) >> 16;

/** Whether a word is what was written there. */
export const isSound = (word: number, at: number, generation: number): boolean =>
  packed(unpacked(word), at, generation) === word;

function checksum(value: number, at: number, generation: number): number {
  const mixed = Math.imul(value ^ Math.imul(at, 0x85ebca6b) ^ Math.imul(generation, 0xc2b2ae35), 0x9e3779b1);
  return mixed ^ (mixed >>> 16);
}

/** Begins new counters, with nothing in use; `files`, `waits`: how many of them there is room for. */
export function layOut(words: Int32Array, files: number = FILES, waits: number = WAITS): void {
  words[HEAD.recordsAt] = RECORDS_AT;
  words[HEAD.waitsAt] = words.length - waits * WAIT_WORDS;
  words[HEAD.filesAt] = (words[HEAD.waitsAt] as number) - files * FILE.words;
  words[HEAD.version] = VERSION;
  words[HEAD.magic] = MAGIC;
}
