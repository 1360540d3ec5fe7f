// The two suites of docs/wire-format.md §4: how a recipient takes the content key out of its structure.

import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem";

const X25519_PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_SPKI = Buffer.from("302a300506032b656e032100", "hex");
const MLKEM_CIPHERTEXT_BYTES = 1088;
const EMPTY = Buffer.alloc(0);

function number(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

const prefixed = (bytes) => Buffer.concat([number(bytes.length), bytes]);

const suiteId = (...numbers) => Buffer.concat([Buffer.from("HPKE"), ...numbers.map(number)]);

function x25519Private(raw) {
  return createPrivateKey({ key: Buffer.concat([X25519_PKCS8, raw]), format: "der", type: "pkcs8" });
}

function x25519Public(raw) {
  return createPublicKey({ key: Buffer.concat([X25519_SPKI, raw]), format: "der", type: "spki" });
}

const rawPublic = (privateKey) =>
  createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(X25519_SPKI.length);

export function aesGcmOpen(key, nonce, sealed, aad) {
  const cipher = createDecipheriv(`aes-${key.length * 8}-gcm`, key, nonce);
  cipher.setAAD(aad);
  cipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
}

const hmac = (key, ...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();

// RFC 9180 §4; no output is longer than one block of the hash.
const labelledExtract = (suite, salt, label, ikm) =>
  hmac(salt, Buffer.from("HPKE-v1"), suite, Buffer.from(label), ikm);
const labelledExpand = (suite, prk, label, info, length) =>
  hmac(prk, number(length), Buffer.from("HPKE-v1"), suite, Buffer.from(label), info, Buffer.of(1)).subarray(0, length);

class X25519 {
  static alg = 49;
  static name = "x25519";
  static encapsulatedBytes = 32;
  static #suite = suiteId(0x0020, 0x0001, 0x0001);
  static #kem = Buffer.concat([Buffer.from("KEM"), number(0x0020)]);

  constructor(secret) {
    this.private = x25519Private(secret);
    this.publicRaw = rawPublic(this.private);
  }

  keyAndNonce(ek, info) {
    const shared = diffieHellman({ privateKey: this.private, publicKey: x25519Public(ek) });
    const prk = labelledExtract(X25519.#kem, EMPTY, "eae_prk", shared);
    const context = Buffer.concat([ek, this.publicRaw]);
    const secret = labelledExpand(X25519.#kem, prk, "shared_secret", context, 32);
    return X25519.#schedule(secret, info);
  }

  static #schedule(shared, info) {
    const suite = X25519.#suite;
    const context = Buffer.concat([
      Buffer.of(0),
      labelledExtract(suite, EMPTY, "psk_id_hash", EMPTY),
      labelledExtract(suite, EMPTY, "info_hash", info),
    ]);
    const secret = labelledExtract(suite, shared, "secret", EMPTY);
    const key = labelledExpand(suite, secret, "key", context, 16);
    return [key, labelledExpand(suite, secret, "base_nonce", context, 12)];
  }
}

class Hybrid {
  static alg = -65538;
  static name = "mlkem768-x25519";
  static encapsulatedBytes = 1120;
  static #suite = suiteId(0x647a, 0x0011, 0x0002);
  static #label = Buffer.from("5c2e2f2f5e5c", "hex");

  constructor(seed) {
    const expanded = createHash("shake256", { outputLength: 96 }).update(seed).digest();
    this.mlkem = ml_kem768.keygen(expanded.subarray(0, 64));
    this.x25519 = x25519Private(expanded.subarray(64));
    this.ownX25519 = rawPublic(this.x25519);
    this.publicRaw = Buffer.concat([this.mlkem.publicKey, this.ownX25519]);
  }

  keyAndNonce(ek, info) {
    const carrier = ek.subarray(MLKEM_CIPHERTEXT_BYTES);
    const mlkemSecret = ml_kem768.decapsulate(ek.subarray(0, MLKEM_CIPHERTEXT_BYTES), this.mlkem.secretKey);
    const x25519Secret = diffieHellman({ privateKey: this.x25519, publicKey: x25519Public(carrier) });
    const parts = [mlkemSecret, x25519Secret, carrier, this.ownX25519, Hybrid.#label];
    return Hybrid.#schedule(createHash("sha3-256").update(Buffer.concat(parts)).digest(), info);
  }

  static #schedule(shared, info) {
    const length = 32 + 12 + 64;
    const derived = createHash("shake256", { outputLength: length })
      .update(Buffer.concat([prefixed(EMPTY), prefixed(shared)]))
      .update(Buffer.concat([Buffer.from("HPKE-v1"), Hybrid.#suite, prefixed(Buffer.from("secret")), number(length)]))
      .update(Buffer.concat([Buffer.of(0), prefixed(EMPTY), prefixed(info)]))
      .digest();
    return [derived.subarray(0, 32), derived.subarray(32, 44)];
  }
}

export const SUITES = [X25519, Hybrid];

// What was wrapped for `own`, a key of one of the suites; throws when anything was altered.
export function unwrap(own, ek, wrapped, info) {
  const [key, nonce] = own.keyAndNonce(Buffer.from(ek), info);
  return aesGcmOpen(key, nonce, wrapped, EMPTY);
}
