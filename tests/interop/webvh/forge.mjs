// Logs that must be refused: bytes that were tampered with, and entries that are well signed and hashed
// but break a rule.

import { createHash } from "node:crypto";
import { deriveNextKeyHash } from "didwebvh-ts";
import { Key, base58 } from "./keys.mjs";
import { canonical } from "./read.mjs";

const lines = (text) => text.log.trimEnd().split("\n");
const log = (text, lines) => ({ ...text, log: `${lines.join("\n")}\n` });
const flipped = (text) => (text === "1" ? "2" : "1");

// Changes the entry at `at` and leaves its hash and proof as they are.
function edited(text, at, edit) {
  const all = lines(text);
  const entry = JSON.parse(all.at(at));
  edit(entry);
  all.splice(at, 1, JSON.stringify(entry));
  return log(text, all);
}

function editedWitness(text, edit) {
  const records = JSON.parse(text.witness);
  edit(records);
  return { ...text, witness: JSON.stringify(records) };
}

// Each takes a valid log, and gives one that must be refused, or nothing where it does not apply.
export const TAMPERED = {
  "the first document is changed": (t) => edited(t, 0, (e) => (e.state.alsoKnownAs = ["did:web:evil.test"])),
  "the last document is changed": (t) => edited(t, -1, (e) => (e.state.alsoKnownAs = ["did:web:evil.test"])),
  "the last signature is changed": (t) =>
    edited(t, -1, (e) => {
      const value = e.proof[0].proofValue;
      e.proof[0].proofValue = value.slice(0, 20) + flipped(value[20]) + value.slice(21);
    }),
  "the last entry has no proof": (t) => edited(t, -1, (e) => delete e.proof),
  "the last entry has an empty list of proofs": (t) => edited(t, -1, (e) => (e.proof = [])),
  "the last time is changed": (t) => edited(t, -1, (e) => (e.versionTime = "2026-03-01T00:00:00Z")),
  "the last hash is changed": (t) =>
    edited(t, -1, (e) => {
      const id = e.versionId;
      e.versionId = id.slice(0, -1) + flipped(id.at(-1));
    }),
  "the update keys are replaced": (t) => edited(t, 0, (e) => (e.parameters.updateKeys = [new Key("evil").multikey])),
  "the first entry is cut out": (t) => log(t, lines(t).slice(1)),
  "an entry in the middle is cut out": (t) => lines(t).length > 2 && log(t, lines(t).toSpliced(1, 1)),
  "two entries are swapped": (t) => {
    const [first, second, ...rest] = lines(t);
    return log(t, [second, first, ...rest]);
  },
  "the last entry is there twice": (t) => log(t, [...lines(t), lines(t).at(-1)]),
  "the last entry is cut short": (t) => log(t, [...lines(t).slice(0, -1), lines(t).at(-1).slice(0, 200)]),
  "the witness proofs are missing": (t) => t.witness && { ...t, witness: "[]" },
  "the proofs of a needed witness are missing": (t) =>
    t.witness &&
    editedWitness(t, (records) => {
      const gone = records.at(-1).proof[0].verificationMethod;
      records.forEach((r) => (r.proof = r.proof.filter((p) => p.verificationMethod !== gone)));
    }),
  "every witness signature is changed": (t) =>
    t.witness &&
    editedWitness(t, (records) =>
      records.flatMap((r) => r.proof).forEach((p) => {
        p.proofValue = p.proofValue.slice(0, 20) + flipped(p.proofValue[20]) + p.proofValue.slice(21);
      })
    ),
  "the witness proofs are for versions of another log": (t) =>
    t.witness && editedWitness(t, (records) => records.forEach((r, at) => (r.versionId = `${at + 1}-Qm${"1".repeat(44)}`))),
};

const sha256 = (text) => createHash("sha256").update(text).digest();
const hash = (json) => base58(Buffer.concat([Buffer.from([0x12, 0x20]), sha256(canonical(json))])).slice(1);
const SCID = "{SCID}";

// Adds an entry that is hashed and signed as it should be, whatever it says.
async function add(entries, entry, signer, proof = {}) {
  const previous = entries.at(-1);
  const preliminary = {
    versionId: previous?.versionId ?? SCID, versionTime: `2026-01-${String(entries.length + 1).padStart(2, "0")}T00:00:00Z`,
    parameters: {}, state: previous?.state, ...entry,
  };
  let chained = preliminary;
  if (!previous) {
    const scid = hash(preliminary);
    chained = JSON.parse(JSON.stringify(preliminary).replaceAll(SCID, scid));
  }
  const signed = { ...chained, versionId: `${entries.length + 1}-${hash(chained)}` };
  const options = {
    type: "DataIntegrityProof", cryptosuite: "eddsa-jcs-2022", proofPurpose: "assertionMethod",
    verificationMethod: signer.getVerificationMethodId(), created: signed.versionTime, ...proof,
  };
  const { proofValue } = await signer.sign({ document: signed, proof: options });
  entries.push({ ...signed, proof: [{ ...options, proofValue }] });
  return entries;
}

const owner = new Key("forged owner");
const evil = new Key("forged evil");
const next = new Key("forged next");

function state(host = "forged.example") {
  const id = `did:webvh:${SCID}:${host}`;
  return {
    "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"], id,
    verificationMethod: [{ id: `${id}#key-1`, type: "Multikey", controller: id, publicKeyMultibase: owner.multikey }],
    assertionMethod: [`${id}#key-1`],
  };
}

const first = (more = {}) =>
  add([], {
    parameters: { method: "did:webvh:1.0", scid: SCID, updateKeys: [owner.multikey], ...more }, state: state(),
  }, owner);
const second = async (entry, signer = owner, more = {}, proof = {}) => add(await first(more), entry, signer, proof);
const committed = async (key) => ({ nextKeyHashes: [await deriveNextKeyHash(key.multikey)] });
const movedTo = (entries, host) => JSON.parse(JSON.stringify(entries[0].state).replaceAll("forged.example", host));
const param = (parameters) => ({ parameters });

// What is valid, so that the forger is known to forge well.
export const WELL_FORGED = {
  "one entry": () => first(),
  "two entries": () => second({}),
  "pre-rotation, kept up": async () =>
    second(param({ updateKeys: [next.multikey], nextKeyHashes: [] }), next, await committed(next)),
  "a move that is announced": async () => {
    const entries = await first({ portable: true });
    return add(entries, { state: { ...movedTo(entries, "there.example"), alsoKnownAs: [entries[0].state.id] } }, owner);
  },
};

// What breaks a rule.
export const RULE_BREAKERS = {
  "signed by a key that is no update key": () => second({}, evil),
  "signed by a key that is put in force only now": () => second(param({ updateKeys: [evil.multikey] }), evil),
  "signed by a key that was rotated out": async () =>
    add(await second(param({ updateKeys: [next.multikey] })), {}, owner),
  "a key that was not committed to": async () =>
    second(param({ updateKeys: [evil.multikey], nextKeyHashes: [] }), evil, await committed(next)),
  "pre-rotation dodged by leaving out updateKeys": async () =>
    second(param({ nextKeyHashes: [] }), owner, await committed(next)),
  "pre-rotation dodged by leaving out nextKeyHashes": async () =>
    second(param({ updateKeys: [next.multikey] }), next, await committed(next)),
  "an entry after the deactivation": async () =>
    add(await second(param({ deactivated: true })), {}, owner),
  "the same time twice": () => second({ versionTime: "2026-01-01T00:00:00Z" }),
  "a time before that of the entry before": () => second({ versionTime: "2025-01-01T00:00:00Z" }),
  "a time in the future": () => second({ versionTime: "2999-01-01T00:00:00Z" }),
  "a move of a DID that is not portable": async () => {
    const entries = await first();
    return add(entries, { state: { ...movedTo(entries, "evil.example"), alsoKnownAs: [entries[0].state.id] } }, owner);
  },
  "a move that does not name the old DID": async () => {
    const entries = await first({ portable: true });
    return add(entries, { state: movedTo(entries, "there.example") }, owner);
  },
  "a move to another SCID": async () => {
    const entries = await first({ portable: true });
    const other = JSON.parse(JSON.stringify(entries[0].state).replaceAll(entries[0].parameters.scid, `Qm${"1".repeat(44)}`));
    return add(entries, { state: { ...other, alsoKnownAs: [entries[0].state.id] } }, owner);
  },
  "portable from the second entry on": () => second(param({ portable: true })),
  "another version of the method": () => second(param({ method: "did:webvh:2.0" })),
  "a SCID in the second entry": async () => {
    const entries = await first();
    return add(entries, param({ scid: entries[0].parameters.scid }), owner);
  },
  "another cryptosuite": () => second({}, owner, {}, { cryptosuite: "ecdsa-jcs-2019" }),
  "another purpose of the proof": () => second({}, owner, {}, { proofPurpose: "authentication" }),
  "a verification method whose fragment is another key": () =>
    second({}, evil, {}, { verificationMethod: `${owner.did}#${evil.multikey}` }),
  "a verification method whose body is another key": () =>
    second({}, evil, {}, { verificationMethod: `${evil.did}#${owner.multikey}` }),
  "a witness threshold of zero": () =>
    second(param({ witness: { threshold: 0, witnesses: [{ id: evil.did }] } })),
  "a witness threshold above their number": () =>
    second(param({ witness: { threshold: 2, witnesses: [{ id: evil.did }] } })),
  "a witness that stands there twice": () =>
    second(param({ witness: { threshold: 2, witnesses: [{ id: evil.did }, { id: evil.did }] } })),
  "witnesses lowered by an entry that they did not approve": async () =>
    add(await first({ witness: { threshold: 1, witnesses: [{ id: next.did }] } }), param({ witness: {} }), owner),
  "a parameter that the method does not have": () => second(param({ trusted: true })),
};
