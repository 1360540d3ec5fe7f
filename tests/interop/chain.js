// Numbers and chain of one unit's feed, by docs/wire-format.md §2: what each read is, and what is missing.

import { same } from "./cbor.js";

const EPOCH = 2n ** 40n;
const isStart = (previous) => previous.every((byte) => byte === 0);

export class Chain {
  #reads = new Map();

  // `seq` of a read, the hash of its bytes, and the hash it names before it.
  add(seq, hash, previous) {
    const known = this.#reads.get(seq);
    if (known) return same(known.hash, hash) ? "repeat" : "conflict";
    this.#reads.set(seq, { hash, previous });
    return this.#holds(seq) && this.#holds(seq + 1n) ? "new" : "break";
  }

  // Whether this read follows the one below it; nothing can be said unless both are here.
  #holds(seq) {
    const read = this.#reads.get(seq);
    const below = this.#reads.get(seq - 1n);
    return !read || !below || same(read.previous, below.hash);
  }

  #starts(seq) {
    return isStart(this.#reads.get(seq).previous) && !this.#reads.has(seq - 1n);
  }

  // Whether the unit began a chain at this number that is not its first.
  #restarts(seq) {
    const later = seq >= EPOCH || this.#numbers[0] < seq;
    return later && this.#starts(seq);
  }

  get #numbers() {
    return [...this.#reads.keys()].sort((one, other) => (one < other ? -1 : 1));
  }

  get restarts() {
    return this.#numbers.filter((seq) => this.#restarts(seq)).map(Number);
  }

  get missing() {
    const gaps = [];
    let before = 0n;
    for (const seq of this.#numbers) {
      const epoch = (seq / EPOCH) * EPOCH;
      const first = (before > epoch ? before : epoch) + 1n;
      if (seq > first && !this.#starts(seq)) gaps.push([Number(first), Number(seq - 1n)]);
      before = seq;
    }
    return gaps;
  }
}
