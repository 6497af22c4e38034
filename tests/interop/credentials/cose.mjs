// npm @auth0/cose and cbor-x: vc+cose, vp+cose, statuslist+cwt; and the compact form of the first two, read.

import assert from "node:assert/strict";
import { Sign1 } from "@auth0/cose";
import { Encoder } from "cbor-x";
import * as jose from "jose";
import { decode } from "./compact.mjs";

export const name = "@auth0/cose";

const ALGORITHMS = { EdDSA: -8, ES256: -7, ES384: -35 };
const [ALG, CRITICAL, CONTENT_TYPE, KEY_ID, TYPE] = [1, 2, 3, 4, 16];
const maps = new Encoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false });
const utf8 = (text) => new TextEncoder().encode(text);

function header(format, key) {
  const content = { "vc+cose": "application/vc", "vp+cose": "application/vp" }[format];
  return [
    [ALG, ALGORITHMS[key.alg]],
    ...(content === undefined ? [] : [[CONTENT_TYPE, content]]),
    [KEY_ID, utf8(key.id)],
    [TYPE, `application/${format}`],
  ];
}

const text = (bytes) => Buffer.from(bytes).toString("base64url");

// Deterministic CBOR: labels from 1 on, then those below zero.
const rank = ([label]) => (label < 0 ? 1e9 - label : label);
const sorted = (header) => header.toSorted((one, other) => rank(one) - rank(other));

const seal = async (header, unprotected, payload, secret) =>
  (await Sign1.sign(sorted(header), unprotected, payload, secret)).encode();

export async function issue(format, key, document) {
  const payload = document instanceof Map ? maps.encode(document) : utf8(JSON.stringify(document));
  return text(await seal(header(format, key), [], payload, key.secret));
}

// The document of a payload in the compact form.
export const compact = (payload) => decode(maps.decode(payload));

export async function verify(format, jwk, alg, sealed) {
  const sign1 = Sign1.decode(Buffer.from(sealed, "base64url"));
  await sign1.verify(await jose.importJWK(jwk, alg), { algorithms: [ALGORITHMS[alg]] });
  const typ = sign1.protectedHeaders.get(TYPE);
  assert.equal(typ, `application/${format}`);
  if (format.startsWith("vnd.marque.")) {
    // Nothing beside alg, kid and typ, and nothing that nobody signed.
    assert.deepEqual([...sign1.protectedHeaders.keys()], [ALG, KEY_ID, TYPE]);
    assert.equal(sign1.unprotectedHeaders.size, 0);
    return compact(sign1.payload);
  }
  return format.endsWith("+cwt")
    ? maps.decode(sign1.payload)
    : JSON.parse(new TextDecoder().decode(sign1.payload));
}

export async function bad(format, key, other, document) {
  const payload = document instanceof Map ? maps.encode(document) : utf8(JSON.stringify(document));
  const head = header(format, key);
  const without = (label) => head.filter(([is]) => is !== label);
  const sealed = async (protectedHeader, unprotected = [], bytes = payload, secret = key.secret) =>
    text(await seal(protectedHeader, unprotected, bytes, secret));
  const good = Buffer.from(await seal(head, [], payload, key.secret));
  return {
    "the key of another kind": await sealed([[ALG, ALGORITHMS[other.alg]], ...without(ALG)], [], payload, other.secret),
    "a critical parameter that nobody knows": await sealed([...head, [CRITICAL, [-70_000]], [-70_000, 1]]),
    "a certificate chain": await sealed([...head, [33, utf8("x")]]),
    "another type": await sealed([...without(TYPE), [TYPE, "application/cwt"]]),
    "bytes after it": text(Buffer.concat([good, Buffer.of(0)])),
    "a cut": text(good.subarray(0, -1)),
    "no payload": await sealed(head, [], new Uint8Array()),
    ...(format.endsWith("+cwt")
      ? {}
      : { "labels in another order": text((await Sign1.sign(head.toReversed(), [], payload, key.secret)).encode()) }),
    ...(format === "vc+cose"
      ? {
          // Status List Tokens may have it there: the examples of the draft do.
          "a key id that nobody signed": await sealed(without(KEY_ID), [[KEY_ID, utf8(key.id)]]),
          "another content type": await sealed([...without(CONTENT_TYPE), [CONTENT_TYPE, "application/json"]]),
          "a key id that is none": await sealed([...without(KEY_ID), [KEY_ID, utf8("key-1")]]),
          "a vc claim": await sealed(head, [], utf8(JSON.stringify({ ...document, vc: document }))),
        }
      : {}),
  };
}
