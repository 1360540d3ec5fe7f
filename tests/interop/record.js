// The record of docs/wire-format.md §5: padding, fields, limits.

import { decode, isBytes, isWhole, Refused } from "./cbor.js";

const BUCKETS = [256, 384, 512, 768, 1024, 2048, 4096];
const MOST_MS = 2 ** 53 - 1;
const LATEST_MS = 253_370_764_799_999;
const LONGEST_MS = 365 * 24 * 3600 * 1000;
const PRINTABLE = /^(?: |[^\p{C}\p{Z}])+$/u;

export function unpadded(padded) {
  let end = padded.length;
  while (end > 0 && padded[end - 1] === 0) end -= 1;
  const bucket = BUCKETS.find((size) => end - 1 < size);
  if (end === 0 || padded[end - 1] !== 0x80 || padded.length !== bucket) throw new Refused("payload", "padding");
  return padded.subarray(0, end - 1);
}

const whole = (lowest, highest) => (value) => isWhole(value, lowest, highest);
const text = (longest) => (value) =>
  typeof value === "string" && PRINTABLE.test(value) && Buffer.byteLength(value) <= longest;
const list = (most, each) => (value) => Array.isArray(value) && value.length <= most && value.every(each);
const tuple = (...checks) => (value) =>
  Array.isArray(value) && value.length === checks.length && checks.every((check, at) => check(value[at]));
const orNull = (check) => (value) => value === null || check(value);

const probability = whole(0, 10_000);
const milliseconds = whole(0, MOST_MS);
const plate = text(72);
const code = text(64);
const position = tuple(
  whole(0, 3),
  orNull(whole(-900_000_000, 900_000_000)),
  orNull(whole(-1_800_000_000, 1_800_000_000)),
  orNull(whole(0, 10_000_000_000)),
  orNull(whole(-MOST_MS, MOST_MS)),
);

const ALWAYS = [1, 2, 3, 4, 5, 6, 7];
const FIELDS = new Map([
  [1, (value) => isBytes(value, 16)],
  [2, plate],
  [3, probability],
  [4, whole(0, LATEST_MS)],
  [5, orNull(milliseconds)],
  [6, whole(0, LONGEST_MS)],
  [7, whole(0, 1_000_000)],
  [8, list(72, probability)],
  [9, list(16, tuple(plate, probability))],
  [10, orNull(code)],
  [11, orNull(code)],
  [12, orNull(whole(1, 2))],
  [13, orNull(code)],
  [14, orNull(position)],
  [15, list(8, code)],
]);

export function readRecord(encoded) {
  const record = decode(encoded);
  if (!(record instanceof Map) || !ALWAYS.every((key) => record.has(key))) throw new Refused("payload", "fields");
  for (const [key, value] of record) {
    const check = FIELDS.get(key);
    if (!check || !check(value)) throw new Refused("payload", `field ${key}`);
  }
  return record;
}
