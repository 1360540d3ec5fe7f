// node verify.js FOLDER: does this implementation agree with every test vector in its sub-folders?

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Chain } from "./chain.js";
import { open, openAck, verified } from "./envelope.js";
import { SUITES } from "./hpke.js";
import { verifyKeyOf } from "./signature.js";

const raw = (text) => Buffer.from(text, "base64url");
const plain = (value) => (value instanceof Uint8Array ? Buffer.from(value).toString("base64url") : value);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

function outcome(vector) {
  const [, , fleet, unit, , feed] = vector.topic.split("/");
  const Suite = SUITES.find(({ name }) => name === vector.opens_with_suite);
  const own = new Suite(raw(vector.opens_with_private_key));
  const verifyKey = verifyKeyOf(vector.verify_key);
  try {
    const record = open(raw(vector.envelope), { fleet, unit, feed }, verifyKey, own);
    const fields = Object.fromEntries([...record].map(([key, value]) => [String(key), plain(value)]));
    return { kind: "opens", fields, hash: sha256(raw(vector.envelope)).toString("hex") };
  } catch (error) {
    if (!error.kind) throw error;
    return { kind: error.kind, why: error.message };
  }
}

function agrees(vector) {
  const { kind, fields, hash, why } = outcome(vector);
  const same =
    kind === vector.expect &&
    (kind !== "opens" || (hash === vector.hash && isDeepStrictEqual(fields, vector.record)));
  return same || `expected ${vector.expect}, found ${why ?? kind}`;
}

function chainAgrees(vector) {
  const chain = new Chain();
  const verifyKey = verifyKeyOf(vector.verify_key);
  const found = { expect: [] };
  for (const blob of vector.envelopes.map(raw)) {
    const { seq, previous } = verified(blob, verifyKey);
    found.expect.push(chain.add(BigInt(seq), sha256(blob), previous));
  }
  found.missing = chain.missing;
  found.restarts = chain.restarts;
  const { expect, missing, restarts } = vector;
  return isDeepStrictEqual(found, { expect, missing, restarts }) || `found ${JSON.stringify(found)}`;
}

const asText = (value) => (Array.isArray(value) ? value.map(asText) : String(plain(value)));

function ackAgrees(vector) {
  const verifyKey = verifyKeyOf(vector.verify_key);
  try {
    const fields = openAck(raw(vector.message), verifyKey);
    const found = Object.fromEntries([...fields].map(([key, value]) => [String(key), asText(value)]));
    return isDeepStrictEqual(found, vector.fields) || `found ${JSON.stringify(found)}`;
  } catch (error) {
    if (!error.kind) throw error;
    return error.kind === vector.expect || `expected ${vector.expect}, found ${error.message}`;
  }
}

const KINDS = { "sealed-reads": agrees, chains: chainAgrees, acks: ackAgrees };

let agreeing = 0;
let count = 0;
for (const [folder, check] of Object.entries(KINDS)) {
  const path = join(process.argv[2], folder);
  for (const file of readdirSync(path).filter((name) => name.endsWith(".json")).sort()) {
    count += 1;
    const verdict = check(JSON.parse(readFileSync(join(path, file), "utf8")));
    if (verdict === true) agreeing += 1;
    else console.log(`${folder}/${file}: ${verdict}`);
  }
}
console.log(`${agreeing} of ${count} vectors agree`);
process.exitCode = count > 0 && agreeing === count ? 0 : 1;
