// node verify.js FOLDER: does this implementation agree with every test vector in it?

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { open } from "./envelope.js";
import { SUITES } from "./hpke.js";

const raw = (text) => Buffer.from(text, "base64url");
const plain = (value) => (value instanceof Uint8Array ? Buffer.from(value).toString("base64url") : value);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

function outcome(vector) {
  const [, , fleet, unit, , feed] = vector.topic.split("/");
  const Suite = SUITES.find(({ name }) => name === vector.opens_with_suite);
  const own = new Suite(raw(vector.opens_with_private_key));
  const kid = sha256(own.publicRaw).subarray(0, 8);
  const verifyKey = raw(vector.verify_key.split(":")[1]);
  try {
    const record = open(raw(vector.envelope), { fleet, unit, feed }, verifyKey, own, kid);
    const fields = Object.fromEntries([...record].map(([key, value]) => [String(key), plain(value)]));
    return { kind: "opens", fields, hash: sha256(raw(vector.envelope)).toString("hex") };
  } catch (error) {
    if (!error.kind) throw error;
    return { kind: error.kind, why: error.message };
  }
}

function agrees(vector, { kind, fields, hash }) {
  if (kind !== vector.expect) return false;
  return kind !== "opens" || (hash === vector.hash && isDeepStrictEqual(fields, vector.record));
}

const folder = process.argv[2];
const files = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
let agreeing = 0;
for (const file of files) {
  const vector = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const found = outcome(vector);
  if (agrees(vector, found)) agreeing += 1;
  else console.log(`${file}: expected ${vector.expect}, found ${found.why ?? found.kind}`);
}
console.log(`${agreeing} of ${files.length} vectors agree`);
process.exitCode = files.length > 0 && agreeing === files.length ? 0 : 1;
