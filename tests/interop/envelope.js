// A sealed read, by docs/wire-format.md §2 to §4 and in the order of §6.

import { createHash } from "node:crypto";
import { decode, decodeTagged, encode, isBytes, isMapOf, isWhole, Refused, same } from "./cbor.js";
import { aesGcmOpen, SUITES, unwrap } from "./hpke.js";
import { readRecord, unpadded } from "./record.js";
import { ALGS, verifies } from "./signature.js";

const LONGEST = 49_152;
const LONGEST_ACK = 65_536;
const MOST_GAPS = 1000;
const HIGHEST = 2n ** 63n - 1n;
const MOST_RECIPIENTS = 32;
const SIGN1_TAG = Buffer.of(0xd2);
const ENCRYPT_TAG = Buffer.of(0xd8, 0x60);
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const A256GCM = encode(new Map([[1, 3]]));

const isName = (value) => typeof value === "string" && NAME.test(value);

const kidOf = (rawPublic) => createHash("sha256").update(rawPublic).digest().subarray(0, 8);

function need(condition, kind, why) {
  if (!condition) throw new Refused(kind, why);
}

function readHeader(encoded) {
  const header = decode(encoded);
  const clear = header instanceof Map ? header.get(-65537) : undefined;
  need(clear instanceof Map, "header", "no clear header");
  need(isWhole(clear.get(1), 0, 2 ** 32), "header", "no version");
  need(clear.get(1) === 1, "version", "a later version");
  need(isMapOf(header, [1, 3, 4, -65537]), "header", "labels");
  need(ALGS.includes(header.get(1)) && header.get(3) === 96, "header", "algorithm or content type");
  need(isBytes(header.get(4), 8), "header", "kid");
  need(isMapOf(clear, [1, 2, 3, 4, 5, 6, 7]), "header", "fields");
  const [fleet, unit, feed, bootId, seq, previous] = [2, 3, 4, 5, 6, 7].map((key) => clear.get(key));
  need([fleet, unit, feed].every(isName), "header", "names");
  need(isBytes(bootId, 16) && isBytes(previous, 32), "header", "boot id or previous");
  need(isWhole(seq, 1, HIGHEST), "header", "sequence number");
  return { fleet, unit, feed, seq, previous, alg: header.get(1), signer: header.get(4) };
}

function readRecipient(item) {
  need(Array.isArray(item) && item.length === 3, "malformed", "recipient");
  const [protectedBytes, unprotected, wrapped] = item;
  need(isBytes(protectedBytes) && unprotected instanceof Map && isBytes(wrapped), "malformed", "recipient");
  const suite = SUITES.find(({ alg }) => same(encode(new Map([[1, alg]])), protectedBytes));
  need(suite && isMapOf(unprotected, [4, -4]), "header", "suite or labels of a recipient");
  need(isBytes(unprotected.get(4), 8), "header", "kid of a recipient");
  need(isBytes(unprotected.get(-4), suite.encapsulatedBytes), "header", "encapsulated key");
  need(wrapped.length === 48, "header", "wrapped key");
  return { suite, kid: unprotected.get(4), ek: unprotected.get(-4), protectedBytes, wrapped };
}

function readEncrypt(encoded) {
  const message = decodeTagged(encoded, ENCRYPT_TAG);
  need(Array.isArray(message) && message.length === 4, "malformed", "COSE_Encrypt");
  const [protectedBytes, unprotected, ciphertext, recipients] = message;
  need(isBytes(protectedBytes) && unprotected instanceof Map, "malformed", "COSE_Encrypt");
  need(isBytes(ciphertext) && Array.isArray(recipients), "malformed", "COSE_Encrypt");
  need(same(protectedBytes, A256GCM) && isMapOf(unprotected, [5]), "header", "content headers");
  need(isBytes(unprotected.get(5), 12), "header", "nonce");
  need(recipients.length >= 1 && recipients.length <= MOST_RECIPIENTS, "header", "number of recipients");
  return { nonce: unprotected.get(5), ciphertext, recipients: recipients.map(readRecipient) };
}

function parseSign1(blob, longest) {
  need(blob.length <= longest, "oversize", `${blob.length} bytes`);
  const message = decodeTagged(blob, SIGN1_TAG);
  need(Array.isArray(message) && message.length === 4, "malformed", "COSE_Sign1");
  const [protectedBytes, unprotected, payload, signature] = message;
  need(isBytes(protectedBytes) && isBytes(payload) && isBytes(signature), "malformed", "COSE_Sign1");
  need(isMapOf(unprotected, []), "header", "unsigned headers");
  need(signature.length === 64, "signature", "not 64 bytes");
  return { protectedBytes, payload, signature };
}

function parse(blob) {
  const message = parseSign1(blob, LONGEST);
  return { ...message, header: readHeader(message.protectedBytes), encrypted: readEncrypt(message.payload) };
}

// `key` is { alg, raw }, the signer's public key.
function checkSignature({ protectedBytes, payload, signature }, key) {
  const signed = encode(["Signature1", protectedBytes, new Uint8Array(), payload]);
  need(verifies(key, signature, signed), "signature", "not the signer's");
}

// Algorithm and kid in the header are the key's own, and the signature is its.
function checkSigner(message, key) {
  const { alg, signer } = message.header;
  need(alg === key.alg && same(signer, kidOf(key.raw)), "signature", "another key's algorithm or kid");
  checkSignature(message, key);
}

function decrypt({ encrypted, protectedBytes }, own) {
  const kid = kidOf(own.publicRaw);
  const mine = encrypted.recipients.find((one) => same(one.kid, kid) && one.suite === own.constructor);
  need(mine, "not-a-recipient", "no structure for this key");
  try {
    const info = encode(["HPKE Recipient", 3, mine.protectedBytes, new Uint8Array()]);
    const contentKey = unwrap(own, mine.ek, mine.wrapped, info);
    const aad = encode(["Encrypt", A256GCM, protectedBytes]);
    return readRecord(unpadded(aesGcmOpen(contentKey, encrypted.nonce, encrypted.ciphertext, aad)));
  } catch (error) {
    throw new Refused("payload", error.message);
  }
}

// What a sealed read says in the clear, when `verifyKey` signed it; throws Refused.
export function verified(blob, verifyKey) {
  const message = parse(blob);
  checkSigner(message, verifyKey);
  return message.header;
}

// The record of a sealed read that came by `address` = {fleet, unit, feed}; throws Refused.
export function open(blob, address, verifyKey, own) {
  const message = parse(blob);
  const { fleet, unit, feed } = message.header;
  need(fleet === address.fleet && unit === address.unit, "wrong-unit", unit);
  need(feed === address.feed, "wrong-feed", feed);
  checkSigner(message, verifyKey);
  return decrypt(message, own);
}

function areGaps(gaps) {
  if (!Array.isArray(gaps) || gaps.length > MOST_GAPS) return false;
  let before = 0n;
  return gaps.every((gap) => {
    if (!Array.isArray(gap) || gap.length !== 2 || !gap.every((end) => isWhole(end, 1, HIGHEST))) return false;
    const [first, last] = gap.map(BigInt);
    const apart = before < first && first <= last;
    before = last;
    return apart;
  });
}

// The fields of an acknowledgement (§7) that `verifyKey` signed; throws Refused.
export function openAck(blob, verifyKey) {
  const message = parseSign1(blob, LONGEST_ACK);
  const header = new Map([[1, verifyKey.alg], [4, kidOf(verifyKey.raw)], [16, "application/anpr-ack+cose"]]);
  need(same(message.protectedBytes, encode(header)), "header", "not this key's acknowledgement");
  checkSignature(message, verifyKey);
  const fields = decode(message.payload);
  need(isMapOf(fields, [1, 2, 3, 4, 5, 6, 7, 8]), "malformed", "fields");
  need(fields.get(1) === 1, "version", "another version");
  need(isBytes(fields.get(8), 8), "malformed", "kid of the unit");
  need([2, 3, 4].every((key) => isName(fields.get(key))), "malformed", "names");
  need([5, 7].every((key) => isWhole(fields.get(key), 0, HIGHEST)), "malformed", "watermark or time");
  need(areGaps(fields.get(6)), "malformed", "gaps");
  return fields;
}
