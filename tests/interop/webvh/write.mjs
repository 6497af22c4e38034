// Logs by didwebvh-ts: the same histories that the example `webvh_logs` writes with Marque.

import { createDID, deactivateDID, deriveNextKeyHash, signWitnessProofEntry, updateDID } from "didwebvh-ts";
import { Key, verifier } from "./keys.mjs";

const time = (day) => `2026-01-${String(day).padStart(2, "0")}T00:00:00Z`;
const key = (name) => new Key(`ts ${name}`);
const assertion = (...keys) =>
  keys.map((k) => ({ type: "Multikey", publicKeyMultibase: k.multikey, purpose: "assertionMethod" }));
const hashes = (...keys) => Promise.all(keys.map((k) => deriveNextKeyHash(k.multikey)));
const witnesses = (threshold, ...keys) => ({ threshold, witnesses: keys.map((k) => ({ id: k.did })) });

async function approved(log, ...keys) {
  const { versionId } = log.at(-1);
  const witnessSignersByDid = Object.fromEntries(keys.map((k) => [k.did, k]));
  const created = log.at(-1).versionTime;
  const entry = await signWitnessProofEntry({
    versionId, created, witnesses: keys.map((k) => ({ id: k.did })), witnessSignersByDid,
  });
  // A proof has no id here, and undefined is no JSON.
  return JSON.parse(JSON.stringify(entry));
}

const begin = (name, signer, more) =>
  createDID({
    address: "ts.example", signer, verifier, updateKeys: [signer.multikey], created: time(1),
    verificationMethods: assertion(key(`${name} owner`)), ...more,
  });

async function rotation() {
  const [first, second] = [key("rotation 1"), key("rotation 2")];
  let { log } = await begin("rotation", first);
  const inbox = [{ id: "#inbox", type: "MessageInbox", serviceEndpoint: "https://ts.example/inbox" }];
  ({ log } = await updateDID({
    log, signer: first, verifier, updated: time(2), updateKeys: [second.multikey], services: inbox,
    verificationMethods: assertion(key("rotation old"), key("rotation new")),
  }));
  ({ log } = await updateDID({
    log, signer: second, verifier, updated: time(3), services: [],
    verificationMethods: assertion(key("rotation new")),
  }));
  return { log };
}

async function preRotation() {
  const [first, second, third] = [key("pre 1"), key("pre 2"), key("pre 3")];
  let { log } = await begin("pre", first, { paths: ["agents", "bot"], nextKeyHashes: await hashes(second) });
  for (const [day, signer, nextKeyHashes] of [[2, second, await hashes(third)], [3, third, []]]) {
    ({ log } = await updateDID({
      log, signer, verifier, updated: time(day), updateKeys: [signer.multikey], nextKeyHashes,
    }));
  }
  ({ log } = await updateDID({
    log, signer: third, verifier, updated: time(4), verificationMethods: assertion(key("pre later")),
  }));
  return { log };
}

async function witness() {
  const [signer, a, b, c, d] = ["update", "a", "b", "c", "d"].map((n) => key(`witness ${n}`));
  let { log } = await begin("witness", signer, { witness: witnesses(2, a, b, c) });
  const proofs = [await approved(log, a, b)];
  const steps = [
    [2, witnesses(2, a, b, c), [b, c]],
    [3, witnesses(1, d), [a, c]],
    [4, {}, [d]],
    [5, {}, []],
  ];
  for (const [day, next, by] of steps) {
    ({ log } = await updateDID({ log, signer, verifier, updated: time(day), witness: next, witnessProofs: proofs }));
    if (by.length > 0) proofs.push(await approved(log, ...by));
  }
  return { log, proofs };
}

async function deactivation() {
  const signer = key("end update");
  let { log } = await begin("end", signer);
  ({ log } = await deactivateDID({ log, signer, verifier }));
  return { log };
}

async function move() {
  const signer = key("move update");
  let { log } = await begin("move", signer, { portable: true });
  ({ log } = await updateDID({ log, signer, verifier, updated: time(2), address: "moved.example" }));
  return { log };
}

async function everything(publish) {
  const [first, second, third, a, b] = ["1", "2", "3", "witness a", "witness b"].map((n) => key(`all ${n}`));
  let { log } = await begin("all", first, {
    paths: ["agents", "bot"], nextKeyHashes: await hashes(second), witness: witnesses(2, a, b),
  });
  const proofs = [await approved(log, a, b)];
  const steps = [
    [2, second, await hashes(third), witnesses(1, b), [a, b]],
    // didwebvh-ts cannot deactivate under pre-rotation: it writes no nextKeyHashes then, and verifies with
    // the keys of the entry before.
    [3, third, [], witnesses(1, b), [b]],
  ];
  for (const [day, signer, nextKeyHashes, next, by] of steps) {
    ({ log } = await updateDID({
      log, signer, verifier, updated: time(day), updateKeys: [signer.multikey], nextKeyHashes, witness: next,
      witnessProofs: proofs, verificationMethods: assertion(key(`all day ${day}`)),
    }));
    proofs.push(await approved(log, ...by));
  }
  // To deactivate it fetches the proofs that are published.
  publish(proofs);
  ({ log } = await deactivateDID({ log, signer: third, verifier }));
  publish(undefined);
  proofs.push(await approved(log, b));
  return { log, proofs };
}

export async function written(publish) {
  return {
    rotation: await rotation(),
    "pre-rotation": await preRotation(),
    witness: await witness(),
    deactivation: await deactivation(),
    move: await move(),
    everything: await everything(publish),
  };
}
