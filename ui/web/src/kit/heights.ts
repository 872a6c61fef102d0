/**
 * Offsets of rows whose heights differ: prefix sums in a Fenwick tree over a typed array.
 *
 * Reading an offset, finding the row at an offset and changing a height take O(log n), so a list
 * of 100,000 rows of which a few are open or wrapped scrolls as well as one of equal rows.
 */
export class Heights {
  /** Difference of each row's height from `row`, and its Fenwick sums (1-based). */
  #extra: Float64Array;
  #sums: Float64Array;
  #count = 0;
  /** Rows of another height than `row`. */
  #special = 0;
  #base = 0;
  /** Pixels by which rows moved since this was last set to 0. */
  moved = 0;
  readonly row: number;

  constructor(row: number, count = 0) {
    this.row = row;
    this.#extra = new Float64Array(1024);
    this.#sums = new Float64Array(1025);
    this.grow(count);
  }

  get count(): number {
    return this.#count;
  }

  get total(): number {
    return this.offset(this.#count);
  }

  /** Rows at the end; those in front come and go by `rebase`. Fewer rows are another list. */
  grow(count: number) {
    if (count > this.#extra.length) {
      const capacity = Math.max(count, this.#extra.length * 2);
      const extra = new Float64Array(capacity);
      extra.set(this.#extra);
      this.#extra = extra;
      this.#sums = sumsOf(extra);
    }
    this.#count = Math.max(count, this.#count);
  }

  height(index: number): number {
    return this.row + (this.#extra[index] ?? 0);
  }

  /**
   * Says which number the first row has. Another number than before means that rows came or went
   * in front: lower by 3 that three came, higher by 3 that the first three went.
   */
  rebase(base: number): number {
    const came = this.#count === 0 ? 0 : this.#base - base;
    this.#base = base;
    if (came === 0) return 0;
    this.moved += came > 0 ? came * this.row : -this.offset(Math.min(-came, this.#count));
    const count = Math.max(0, this.#count + came);
    if (this.#special > 0) {
      const old = this.#extra.subarray(Math.max(0, -came), this.#count);
      this.#extra = new Float64Array(Math.max(count, this.#extra.length));
      this.#extra.set(old, Math.max(0, came));
      this.#sums = sumsOf(this.#extra);
      this.#special = this.#extra.reduce((sum, extra) => sum + (extra === 0 ? 0 : 1), 0);
    }
    this.#count = 0;
    this.grow(count);
    return came;
  }

  /** Sets one height and returns by how much it changed. */
  set(index: number, height: number): number {
    const change = height - this.height(index);
    if (change === 0 || index < 0 || index >= this.#count) return 0;
    if (this.#extra[index] === 0) this.#special += 1;
    if (height === this.row) this.#special -= 1;
    this.#extra[index] = height - this.row;
    for (let i = index + 1; i < this.#sums.length; i += i & -i) {
      this.#sums[i] = (this.#sums[i] ?? 0) + change;
    }
    return change;
  }

  /** Where row `index` begins; `count` gives the end of the list. */
  offset(index: number): number {
    let sum = 0;
    for (let i = index; i > 0; i -= i & -i) sum += this.#sums[i] ?? 0;
    return index * this.row + sum;
  }

  /** The row that covers `offset`, held within the list; -1 when it is empty. */
  at(offset: number): number {
    if (this.#count === 0) return -1;
    let index = 0;
    let left = offset;
    for (let step = highestBit(this.#sums.length - 1); step > 0; step >>= 1) {
      const next = index + step;
      const width = step * this.row + (this.#sums[next] ?? 0);
      if (next < this.#sums.length && width <= left) {
        index = next;
        left -= width;
      }
    }
    return Math.min(index, this.#count - 1);
  }
}

function sumsOf(extra: Float64Array): Float64Array {
  const sums = new Float64Array(extra.length + 1);
  for (let i = 1; i <= extra.length; i++) {
    sums[i] = (sums[i] ?? 0) + (extra[i - 1] ?? 0);
    const next = i + (i & -i);
    if (next <= extra.length) sums[next] = (sums[next] ?? 0) + (sums[i] ?? 0);
  }
  return sums;
}

function highestBit(n: number): number {
  return n === 0 ? 0 : 2 ** Math.floor(Math.log2(n));
}
