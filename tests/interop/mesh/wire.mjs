// The wire of the mesh, written from docs/mesh-wire.md alone.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Sign1 } from "@auth0/cose";
import { Encoder } from "cbor-x";

export const HELLO = "/marque/hello/1";
export const SYNC = "/marque/sync/1";
export const LANES = ["did", "status", "ctl"];
export const LOG = 1;
export const STATUS_LIST = 3;
export const STATUS_DELTA = 4;
// What they are once they are held.
const ITEM_KINDS = { [LOG]: 1, [STATUS_LIST]: 2 };

const cbor = new Encoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false });
const encode = (value) => Buffer.from(cbor.encode(value));
export const decode = (bytes) => cbor.decode(Buffer.from(bytes));
export const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
export const scidOf = (did) => did.split(":")[2];

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

export function topicOf(scid, lane) {
  const bits = [...sha256(Buffer.from(scid)).subarray(0, 10)].map((b) => b.toString(2).padStart(8, "0")).join("");
  const hash = bits.match(/.{5}/g).map((five) => BASE32[parseInt(five, 2)]).join("");
  return `/marque/1/${hash}/${lane}`;
}

// Hello.

const fields = ({ membership, did, log, addresses }) => [1, membership, did, log, null, addresses];

export const hello = (who) => encode(fields(who));

export const admitted = (who) => encode([0, fields(who)]);

export function readHello(bytes) {
  const [version, membership, did, log] = Array.isArray(bytes) ? bytes : decode(bytes);
  assert.equal(version, 1);
  return { membership, did, log };
}

export function readHelloAnswer(bytes) {
  const [kind, what] = decode(bytes);
  return kind === 0 ? readHello(what) : { refused: what };
}

// Sync.

export const REFUSED = 5;
export const NOT_FOUND = encode([REFUSED, "not-found"]);

export const request = {
  digest: (scid) => encode([0, scid]),
  items: (scid, prefixes) => encode([1, scid, prefixes, null]),
  parts: (scid, prefixes) => encode([6, scid, prefixes]),
  objects: (scid, ids) => encode([2, scid, ids]),
  resolve: (did) => encode([4, did]),
};

const u64 = (n) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
};

// What stands for an object: kind, subject, sequence number, digest.
export const itemId = ([kind, subject, seq, digest]) =>
  sha256(Buffer.of(kind), u64(Buffer.byteLength(subject)), Buffer.from(subject), u64(seq), digest);

export function itemOf({ kind, subject, seq, payload }) {
  const versionIds = () => payload.toString().trim().split("\n").map((line) => `${JSON.parse(line).versionId}\n`);
  const digest = kind === LOG ? sha256(Buffer.from(versionIds().join(""))) : sha256(payload);
  return [ITEM_KINDS[kind], subject, seq, digest];
}

export function digestOf(items) {
  const ids = items.map(itemId).sort(Buffer.compare);
  const buckets = [...Array(256).keys()].map((n) => sha256(...ids.filter((id) => id[0] === n)));
  return { root: sha256(...buckets), buckets: Buffer.concat(buckets.map((digest) => digest.subarray(0, 4))) };
}

// Ranges: the ids that begin with a number of nibbles.

const nibblesOf = (bytes) => [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
const isIn = (id, [count, ...bytes]) => nibblesOf(bytes).slice(0, count).every((nibble, n) => nibblesOf(id)[n] === nibble);

// One range for each first byte: all there is.
export const EVERYTHING = [...Array(256).keys()].map((byte) => Buffer.of(2, byte));

function pack(nibbles) {
  const even = nibbles.length % 2 ? [...nibbles, 0] : nibbles;
  return Buffer.from(even.flatMap((nibble, n) => (n % 2 ? [] : [(nibble << 4) | even[n + 1]])));
}

// What is in a range: the beginnings of the ids behind the prefix, or of the digests of the sixteen ranges in it.
export function partOf(ids, prefix) {
  const inside = ids.filter((id) => isIn(id, prefix)).sort(Buffer.compare);
  const count = prefix[0];
  if (inside.length <= 32) {
    return Buffer.concat([Buffer.of(1), ...inside.map((id) => pack(nibblesOf(id).slice(count, count + 8)))]);
  }
  const of = (nibble) => sha256(...inside.filter((id) => nibblesOf(id)[count] === nibble)).subarray(0, 4);
  return Buffer.concat([Buffer.of(0), ...[...Array(16).keys()].map(of)]);
}

// Answers for one domain, of which these envelopes are all that is held.
export function answerSync(scid, envelopes, bytes) {
  const [kind, domain, ...rest] = decode(bytes);
  const held = envelopes.map(({ bytes, body }) => ({ bytes, item: itemOf(body), id: itemId(itemOf(body)) }));
  const mine = (kind < 3 || kind === 6) && domain === scid ? held.sort((a, b) => Buffer.compare(a.id, b.id)) : [];
  if (kind === 0) {
    const { root, buckets } = digestOf(mine.map(({ item }) => item));
    const same = rest[0] && Buffer.compare(Buffer.from(rest[0]), root) === 0;
    return encode([0, root, same ? Buffer.alloc(0) : buckets]);
  }
  if (kind === 1) {
    const [prefixes, after] = rest;
    const asked = ({ id }) =>
      prefixes.some((prefix) => isIn(id, prefix)) && (!after || Buffer.compare(id, after) > 0);
    return encode([1, mine.filter(asked).map(({ item }) => item), false]);
  }
  if (kind === 2) {
    const [ids] = rest;
    const asked = ({ id }) => ids.some((wanted) => Buffer.compare(id, wanted) === 0);
    return encode([2, mine.filter(asked).map(({ id, bytes }) => [id, bytes])]);
  }
  if (kind === 6) {
    return encode([6, rest[0].map((prefix) => partOf(mine.map(({ id }) => id), prefix))]);
  }
  return NOT_FOUND;
}

// Envelopes.

const ENVELOPE = "application/marque-envelope+cbor";
const [ALG, CONTENT_TYPE, KEY_ID, EDDSA] = [1, 3, 4, -8];

export async function seal(keyId, key, { kind, scid, subject, seq, payload }) {
  const now = Math.floor(Date.now() / 1000);
  const body = new Map([
    [1, 1], [2, kind], [3, scid], [4, subject], [5, seq], [7, now], [8, now + 600], [9, payload],
    [10, sha256(payload)], [11, []],
  ]);
  const header = [[ALG, EDDSA], [CONTENT_TYPE, ENVELOPE], [KEY_ID, Buffer.from(keyId)]];
  const sign1 = await Sign1.sign(header, [], encode(body), await key.imported());
  const bytes = Buffer.from(sign1.encode());
  return { bytes, body: { kind, scid, subject, seq, payload } };
}

// Reads an envelope and verifies its signature by the key that it names, as `keyOf` knows it.
export async function open(bytes, keyOf) {
  const sign1 = Sign1.decode(bytes);
  assert.equal(sign1.protectedHeaders.get(CONTENT_TYPE), ENVELOPE);
  assert.equal(sign1.unprotectedHeaders.size ?? 0, 0);
  const keyId = Buffer.from(sign1.protectedHeaders.get(KEY_ID)).toString();
  await sign1.verify(await keyOf(keyId), { algorithms: [EDDSA] });
  const body = decode(sign1.payload);
  assert.equal(body.get(1), 1, "the version");
  assert.deepEqual(body.get(11), [], "nothing is critical");
  const payload = Buffer.from(body.get(9));
  assert.deepEqual(Buffer.from(body.get(10)), sha256(payload), "the digest of the payload");
  assert.equal(scidOf(keyId), body.get(3), "the key is the origin's");
  return { kind: body.get(2), scid: body.get(3), subject: body.get(4), seq: Number(body.get(5)), payload, keyId };
}

// What changed on a list of revocations.
export function readDelta(payload) {
  const delta = decode(payload);
  assert.deepEqual([...delta.keys()], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const state = (at) => ({ seq: Number(delta.get(at)), digest: Buffer.from(delta.get(at + 1)) });
  assert.equal(delta.get(2), 0, "revocations");
  const [[value, distances]] = delta.get(10);
  assert.equal(value, 1, "what is revoked stays so");
  const revoked = [];
  let [number, shift, next] = [0, 0, 0];
  for (const byte of distances) {
    number |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte < 0x80) {
      revoked.push(next + number);
      [number, shift, next] = [0, 0, next + number + 1];
    }
  }
  return { list: delta.get(1), from: state(3), to: state(5), revoked };
}
