// Signatures of docs/wire-format.md §2: Ed25519, and ECDSA P-256 in the one form that is taken.

import { createPublicKey, verify } from "node:crypto";

const ED25519 = { name: "ed25519", alg: -19, spki: Buffer.from("302a300506032b6570032100", "hex") };
const P256 = {
  name: "p256",
  alg: -9,
  spki: Buffer.from("3039301306072a8648ce3d020106082a8648ce3d030107032200", "hex"),
};
const SUITES = [ED25519, P256];
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export const ALGS = SUITES.map(({ alg }) => alg);

// A public key from its text, such as `p256:…`.
export function verifyKeyOf(text) {
  const [name, body] = text.split(":");
  const { alg } = SUITES.find((suite) => suite.name === name);
  return { alg, raw: Buffer.from(body, "base64url") };
}

export function verifies({ alg, raw }, signature, signed) {
  const { spki } = SUITES.find((suite) => suite.alg === alg);
  const key = createPublicKey({ key: Buffer.concat([spki, raw]), format: "der", type: "spki" });
  if (alg === ED25519.alg) return verify(null, signed, key, signature);
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString("hex")}`);
  return s <= P256_ORDER / 2n && verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
}
