// Marque and independent libraries read each other's credentials, presentations and status lists, and refuse
// what is forged.
//
//   node test.mjs PROGRAM

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync, inflateSync, deflateSync } from "node:zlib";
import * as jose from "jose";
import * as cose from "./cose.mjs";
import { BOUND, ISSUER, credential, enveloped, presentation } from "./documents.mjs";
import * as integrity from "./integrity.mjs";
import * as jws from "./jose.mjs";
import { Marque } from "./marque.mjs";

const marque = new Marque(process.argv[2]);
const ours = await marque.ask({ do: "keys" });
const ALGS = ["EdDSA", "ES256", "ES384"];
const counts = { theirs: 0, ours: 0, refusedByMarque: 0, refusedByThem: 0, lists: 0 };
const tally = {};

async function keyOf(alg) {
  const id = `${ISSUER}#${alg}-of-the-library`;
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  const multikey = await integrity.generate(alg, id, ISSUER);
  return { alg, id, secret: privateKey, public: publicKey, jwk: await jose.exportJWK(publicKey), multikey };
}

const keys = Object.fromEntries(await Promise.all(ALGS.map(async (alg) => [alg, await keyOf(alg)])));
const other = (alg) => (alg === "EdDSA" ? "ES256" : "EdDSA");

// What a library verifies with, and what Marque does.
const isIntegrity = (format) => format === "vc" || format === "vp";
const forThem = (format, key) => (isIntegrity(format) ? { id: key.id, multikey: key.multikey } : key.jwk);

async function jwkOf(format, key) {
  if (!isIntegrity(format)) return key.jwk;
  const { publicKeyMultibase } = await key.multikey.export({ publicKey: true });
  const jwk = await marque.done({ do: "jwk", multikey: publicKeyMultibase });
  return jwk.jwk;
}

// The last character that is not one of an encoding's end, changed.
function flipped(format, text) {
  if (isIntegrity(format)) {
    const document = JSON.parse(text);
    const at = 20;
    const value = document.proof.proofValue;
    const to = value[at] === "2" ? "3" : "2";
    document.proof.proofValue = value.slice(0, at) + to + value.slice(at + 1);
    return JSON.stringify(document);
  }
  const at = text.length - 20;
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}

async function refusedByMarque(what, question) {
  const answer = await marque.ask(question);
  assert.ok(answer.refused, `${question.format}: Marque takes ${what}`);
  // To see by eye that each is refused for what is wrong with it.
  if (process.env.REASONS) console.log(`${question.format}: ${what}: ${answer.refused}`);
  counts.refusedByMarque += 1;
}

async function refusedByThem(library, what, ...question) {
  await assert.rejects(library.verify(...question), undefined, `${library.name} takes ${what}`);
  counts.refusedByThem += 1;
}

// A document goes both ways, and a bad one goes nowhere.
async function bothWays(library, format, alg, document, told = (document) => document) {
  const { text } = await marque.done({ do: "issue", format, alg, document });
  const bound = document.nonce === undefined ? undefined : BOUND;
  const key = forThem(format, ours[alg]);
  assert.deepEqual(await library.verify(format, key, alg, text, bound), told(document), `${format} ${alg}`);
  counts.ours += 1;
  await refusedByThem(library, "a changed signature", format, key, alg, flipped(format, text), bound);
  const wrong = isIntegrity(format)
    ? { id: ours[alg].id, multikey: (await keys[alg].multikey.export({ publicKey: true })).publicKeyMultibase }
    : keys[alg].jwk;
  await refusedByThem(library, "the key of another", format, wrong, alg, text, bound);

  const theirs = await library.issue(format, keys[alg], document);
  const ask = { do: "verify", format, jwk: await jwkOf(format, keys[alg]) };
  const answer = await marque.done({ ...ask, text: theirs });
  assert.deepEqual(answer.document, told(document), `${format} ${alg}`);
  counts.theirs += 1;
  await refusedByMarque("a changed signature", { ...ask, text: flipped(format, theirs) });
  await refusedByMarque("the key of another", { ...ask, jwk: ours[alg].jwk, text: theirs });
  await refusedByMarque("the key of another kind", { ...ask, jwk: ours[other(alg)].jwk, text: theirs });
  for (const [what, bad] of Object.entries(await library.bad(format, keys[alg], keys[other(alg)], document))) {
    await refusedByMarque(what, { ...ask, text: bad });
  }
  tally[format] = (tally[format] ?? 0) + 2;
}

for (const alg of ALGS) {
  const vcs = [];
  for (const [library, format] of [[jws, "vc+jwt"], [cose, "vc+cose"], [integrity, "vc"]]) {
    await bothWays(library, format, alg, credential());
    const { text } = await marque.done({ do: "issue", format, alg, document: credential() });
    vcs.push(isIntegrity(format) ? JSON.parse(text) : enveloped(format, text));
  }
  // A presentation in each envelope holds credentials in all of them.
  await bothWays(jws, "vp+jwt", alg, { ...presentation(vcs), ...BOUND });
  await bothWays(cose, "vp+cose", alg, { ...presentation(vcs), ...BOUND });
}

// The compact form has no media type that a library could know: @auth0/cose verifies it, and a decoder by the term
// table reads it, as it does the vectors.
const vectors = new URL("../../vectors/compact/documents.json", import.meta.url);
for (const { name, document, payload } of JSON.parse(readFileSync(vectors, "utf8")).cases) {
  assert.deepEqual(cose.compact(Buffer.from(payload, "hex")), document, name);
}
for (const alg of ALGS) {
  const { text } = await marque.done({ do: "issue", format: "vnd.marque.vc+cose", alg, document: credential() });
  const held = enveloped("vnd.marque.vc+cose", text);
  const documents = { vc: credential(), vp: { ...presentation([held]), ...BOUND } };
  for (const [content, document] of Object.entries(documents)) {
    const format = `vnd.marque.${content}+cose`;
    const { text } = await marque.done({ do: "issue", format, alg, document });
    assert.deepEqual(await cose.verify(format, ours[alg].jwk, alg, text), document, `${format} ${alg}`);
    await refusedByThem(cose, "a changed signature", format, ours[alg].jwk, alg, flipped(format, text));
    await refusedByThem(cose, "the key of another", format, keys[alg].jwk, alg, text);
    await refusedByThem(cose, "the other type", content === "vc" ? "vp+cose" : "vc+cose", ours[alg].jwk, alg, text);
    counts.ours += 1;
  }
}

// The library verifies the credentials in a presentation too, so each side presents its own.
for (const alg of ALGS) {
  const own = await marque.done({ do: "issue", format: "vc", alg, document: credential() });
  const document = { ...presentation([JSON.parse(own.text)]), ...BOUND };
  const { aud, nonce, ...rest } = document;
  const { text } = await marque.done({ do: "issue", format: "vp", alg, document });
  const key = forThem("vp", ours[alg]);
  assert.deepEqual(await integrity.verify("vp", key, alg, text, BOUND), rest);
  await refusedByThem(integrity, "a changed signature", "vp", key, alg, flipped("vp", text), BOUND);
  await refusedByThem(integrity, "another nonce", "vp", key, alg, text, { ...BOUND, nonce: "nonce-2" });
  await refusedByThem(integrity, "another verifier", "vp", key, alg, text, { ...BOUND, aud: "did:web:x" });

  const held = JSON.parse(await integrity.issue("vc", keys[alg], credential()));
  const theirs = await integrity.issue("vp", keys[alg], { ...presentation([held]), ...BOUND });
  const ask = { do: "verify", format: "vp", jwk: await jwkOf("vp", keys[alg]) };
  assert.deepEqual((await marque.done({ ...ask, text: theirs })).document, presentation([held]));
  await refusedByMarque("a changed signature", { ...ask, text: flipped("vp", theirs) });
  await refusedByMarque("a presentation as a credential", { ...ask, format: "vc", text: theirs });
  const moved = JSON.parse(theirs);
  moved.proof.challenge = "nonce-2";
  await refusedByMarque("another nonce", { ...ask, text: JSON.stringify(moved) });
  counts.ours += 1;
  counts.theirs += 1;
  tally.vp = (tally.vp ?? 0) + 2;
}

// Bitstring Status Lists: gzip is zlib's.
const SIZE = 131_072;
for (const bits of [1, 2, 4, 8]) {
  const values = { 0: 1, 7: 1, 94_567: 2 ** bits - 1, [SIZE - 1]: 1 };
  const bytes = packed(bits, SIZE, values, "first is highest");
  const { encoded } = await marque.done({ do: "pack", bits, size: SIZE, values });
  assert.equal(encoded[0], "u");
  assert.deepEqual(gunzipSync(Buffer.from(encoded.slice(1), "base64url")), bytes, `${bits} bits`);
  const theirs = `u${gzipSync(bytes).toString("base64url")}`;
  const read = await marque.done({ do: "unpack", bits, encoded: theirs });
  assert.deepEqual(read, { size: SIZE, values });
  const zipped = gzipSync(bytes);
  const bomb = gzipSync(Buffer.alloc(64 << 20), { level: 9 });
  const bad = {
    "bytes after it": Buffer.concat([zipped, Buffer.of(0)]),
    "a second member": Buffer.concat([zipped, zipped]),
    "a cut": zipped.subarray(0, -1),
    "a changed checksum": Buffer.concat([zipped.subarray(0, -8), Buffer.alloc(4), zipped.subarray(-4)]),
    "zlib": deflateSync(bytes),
    "too few entries": gzipSync(bytes.subarray(0, 100)),
    "64 MiB of zeros": bomb,
  };
  for (const [what, wrong] of Object.entries(bad)) {
    const encodedList = `u${wrong.toString("base64url")}`;
    await refusedByMarque(what, { do: "unpack", format: "encodedList", bits, encoded: encodedList });
  }
  await refusedByMarque("no multibase", { do: "unpack", format: "encodedList", bits, encoded: theirs.slice(1) });
  counts.lists += 2;
}

// Entry by entry. A Bitstring Status List begins with the highest bit of a byte, a Status List Token with the
// lowest.
function packed(bits, size, values, order) {
  const bytes = Buffer.alloc((size * bits) / 8);
  for (const [at, value] of Object.entries(values)) {
    const place = Number(at) * bits;
    const within = place % 8;
    bytes[place >> 3] |= value << (order === "first is highest" ? 8 - bits - within : within);
  }
  return bytes;
}

// Status List Tokens: zlib and JWS or COSE are the libraries'.
const LIST = "https://issuer.example/status/1";
const now = Math.floor(Date.now() / 1000);
const claims = (bits, lst) => ({
  sub: LIST, iat: now, exp: now + 600, ttl: 300, status_list: { bits, lst: lst.toString("base64url") },
});
const cwt = (bits, lst) =>
  new Map([[2, LIST], [6, now], [4, now + 600], [65_534, 300], [65_533, new Map([["bits", bits], ["lst", lst]])]]);

for (const alg of ALGS) {
  for (const bits of [1, 2, 4, 8]) {
    const values = { 0: 1, 7: 1, 900: 2 ** bits - 1 };
    const bytes = packed(bits, 1_000, values, "first is lowest");
    const document = { url: LIST, bits, size: 1_000, values };
    const expected = { url: LIST, bits, values };

    const jwt = await marque.done({ do: "issue", format: "statuslist+jwt", alg, document });
    const read = await jws.verify("statuslist+jwt", ours[alg].jwk, alg, jwt.text);
    assert.equal(read.sub, LIST);
    assert.equal(read.status_list.bits, bits);
    assert.deepEqual(inflateSync(Buffer.from(read.status_list.lst, "base64url")), bytes);
    await refusedByThem(jws, "a changed signature", "statuslist+jwt", ours[alg].jwk, alg, flipped("", jwt.text));

    const sealed = await marque.done({ do: "issue", format: "statuslist+cwt", alg, document });
    const map = await cose.verify("statuslist+cwt", ours[alg].jwk, alg, sealed.text);
    assert.equal(map.get(2), LIST);
    assert.equal(map.get(65_533).get("bits"), bits);
    assert.deepEqual(inflateSync(map.get(65_533).get("lst")), bytes);
    await refusedByThem(cose, "a changed signature", "statuslist+cwt", ours[alg].jwk, alg, flipped("", sealed.text));

    const forms = [
      [jws, "statuslist+jwt", claims(bits, deflateSync(bytes)), claims],
      [cose, "statuslist+cwt", cwt(bits, deflateSync(bytes)), cwt],
    ];
    for (const [library, format, said, write] of forms) {
      const ask = { do: "verify", format, jwk: keys[alg].jwk };
      const theirs = await library.issue(format, keys[alg], said);
      assert.deepEqual((await marque.done({ ...ask, text: theirs })).document, expected, `${format} ${alg}`);
      await refusedByMarque("a changed signature", { ...ask, text: flipped("", theirs) });
      await refusedByMarque("the key of another", { ...ask, jwk: ours[alg].jwk, text: theirs });
      for (const [what, lst] of [["gzip", gzipSync(bytes)], ["a cut", deflateSync(bytes).subarray(0, -1)]]) {
        await refusedByMarque(what, { ...ask, text: await library.issue(format, keys[alg], write(bits, lst)) });
      }
      await refusedByMarque("3 bits", {
        ...ask, text: await library.issue(format, keys[alg], write(3, deflateSync(bytes))),
      });
      if (bits === 1) {
        for (const [what, bad] of Object.entries(await library.bad(format, keys[alg], keys[other(alg)], said))) {
          // Any key id will do: a list is asked for by its URL.
          if (what !== "a key id that is none") await refusedByMarque(what, { ...ask, text: bad });
        }
      }
    }
    counts.lists += 4;
    tally["statuslist+jwt"] = (tally["statuslist+jwt"] ?? 0) + 2;
    tally["statuslist+cwt"] = (tally["statuslist+cwt"] ?? 0) + 2;
  }
}

marque.end();
const formats = Object.entries(tally).map(([format, count]) => `${format} ${count}`);
console.log(
  `credentials, Marque with ${[jws, cose, integrity].map((library) => library.name).join(", ")} and zlib: ` +
    `${counts.ours} documents by Marque and ${counts.theirs} by them verified, ${counts.lists} status lists; ` +
    `bad ones refused: ${counts.refusedByMarque} by Marque, ${counts.refusedByThem} by them`,
);
console.log(`  verified, both ways: ${formats.join(", ")}`);
