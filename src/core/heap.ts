// A binary heap whose members know their place, so that one whose rank changed can be moved, and any can be removed,
// in O(log n). It keeps the place in the member's own `at` field: a member is in one heap at a time.

export interface Placed {
  /** Index in the heap, -1 outside. Written by the heap only. */
  at: number;
}

export class Heap<T extends Placed> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** `before(a, b)`: whether a leaves the heap before b. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first member, which stays. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    this.#up(this.#items.length - 1, item);
  }

  remove(item: T): void {
    const at = item.at;
    const last = this.#items.pop() as T;
    item.at = -1;
    if (last === item) return;
    last.at = at;
    this.#items[at] = last;
    this.moved(last);
  }

  /** Puts a member whose rank has changed where it now belongs. */
  moved(item: T): void {
    this.#down(this.#up(item.at, item), item);
  }

  /** Every member, in no particular order. */
  values(): readonly T[] {
    return this.#items;
  }

  #up(from: number, item: T): number {
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#items[parentAt] as T;
      if (!this.#before(item, parent)) break;
      this.#set(at, parent);
      at = parentAt;
    }
    this.#set(at, item);
    return at;
  }

  #down(from: number, item: T): void {
    const size = this.#items.length;
    let at = from;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= size) break;
      const right = childAt + 1;
      if (right < size && this.#before(this.#items[right] as T, this.#items[childAt] as T)) childAt = right;
      const child = this.#items[childAt] as T;
      if (!this.#before(child, item)) break;
      this.#set(at, child);
      at = childAt;
    }
    this.#set(at, item);
  }

  #set(at: number, item: T): void {
    this.#items[at] = item;
    item.at = at;
  }
}
