// CBOR as docs/wire-format.md §1 wants it: one encoding of each value, and everything else refused.

import { decodeFirst, encode } from "cborg";

export class Refused extends Error {
  constructor(kind, why) {
    super(`${kind}: ${why}`);
    this.kind = kind;
  }
}

const STRICT = {
  strict: true,
  useMaps: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
};

// The value that `bytes` encode. Written again it must be the same bytes: that refuses maps out of order and
// whole numbers as floats. (The package orders keys by length first; for the keys this format has, that is
// the same order.) Tags are the caller's: none is known here.
export function decode(bytes) {
  let value, rest;
  try {
    [value, rest] = decodeFirst(bytes, STRICT);
  } catch (error) {
    throw new Refused("malformed", error.message);
  }
  if (rest.length) throw new Refused("trailing-bytes", `${rest.length} bytes after the end`);
  if (!same(encode(value), bytes)) throw new Refused("malformed", "not the one encoding");
  return value;
}

export function decodeTagged(bytes, tag) {
  if (!same(bytes.subarray(0, tag.length), tag)) throw new Refused("malformed", "not the tag");
  return decode(bytes.subarray(tag.length));
}

export { encode };

export function same(one, other) {
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) === 0;
}

export function isBytes(value, length) {
  return value instanceof Uint8Array && (length === undefined || value.length === length);
}

// A map with exactly these keys.
export function isMapOf(value, keys) {
  return value instanceof Map && value.size === keys.length && keys.every((key) => value.has(key));
}

// A whole number within limits, also one beyond what a double holds.
export function isWhole(value, lowest, highest) {
  if (typeof value === "number" && !Number.isInteger(value)) return false;
  if (typeof value !== "number" && typeof value !== "bigint") return false;
  return BigInt(value) >= BigInt(lowest) && BigInt(value) <= BigInt(highest);
}
