// Numbers and chain of one unit's feed, by docs/wire-format.md §2: what each read is, and what is missing.

import { same } from "./cbor.js";

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

  // Whether the unit began a new chain at this number.
  #restarts(seq) {
    return seq > 1n && isStart(this.#reads.get(seq).previous) && !this.#reads.has(seq - 1n);
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
      if (seq > before + 1n && !this.#restarts(seq)) gaps.push([Number(before + 1n), Number(seq - 1n)]);
      before = seq;
    }
    return gaps;
  }
}
