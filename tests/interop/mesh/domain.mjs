// Trust domains: one made here, without Marque, and others as their logs show them.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Sign1 } from "@auth0/cose";
import { createDID, multibaseDecode, resolveDIDFromLog } from "didwebvh-ts";
import { importPublic, Key, multikey, verifier } from "./keys.mjs";
import { LOG, scidOf, seal } from "./wire.mjs";

const [ALG, CONTENT_TYPE, KEY_ID, TYPE, EDDSA] = [1, 3, 4, 16, -8];
const text = (log) => Buffer.from(log.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
const instant = (ms) => new Date(ms).toISOString().replace(/\.\d+Z/, "Z");

async function publish(address, paths, signer, assertion) {
  const { log, did } = await createDID({
    address, paths, signer, verifier, updateKeys: [signer.multikey], created: instant(Date.now() - 2000),
    verificationMethods: [
      { type: "Multikey", publicKeyMultibase: assertion.multikey, purpose: "assertionMethod" },
    ],
  });
  const [relative] = log.at(-1).state.assertionMethod;
  return { did, log: text(log), keyId: relative.startsWith("#") ? did + relative : relative };
}

export class Domain {
  static async create(name) {
    const domain = new Domain();
    domain.name = name;
    [domain.update, domain.key] = [new Key(), new Key()];
    Object.assign(domain, await publish(name, undefined, domain.update, domain.key));
    domain.scid = scidOf(domain.did);
    return domain;
  }

  // That the node with this Ed25519 key belongs to it: a NodeMembershipCredential, vc+cose.
  async membership(raw, peerId) {
    const entry = (statusPurpose) => ({
      type: "BitstringStatusListEntry", statusPurpose, statusListIndex: "7",
      statusListCredential: `https://${this.name}/status/${statusPurpose}`,
    });
    const now = Date.now();
    const credential = {
      "@context": ["https://www.w3.org/ns/credentials/v2", "https://w3id.org/marque/v1"],
      id: `urn:uuid:${randomUUID()}`,
      type: ["VerifiableCredential", "NodeMembershipCredential"],
      issuer: this.did,
      validFrom: instant(now),
      validUntil: instant(now + 3_600_000),
      credentialSubject: { id: `did:key:${multikey(raw)}`, type: "Node", peerId, domain: this.name },
      credentialStatus: [entry("revocation"), entry("suspension")],
    };
    const header = [
      [ALG, EDDSA], [CONTENT_TYPE, "application/vc"], [KEY_ID, Buffer.from(this.keyId)], [TYPE, "application/vc+cose"],
    ];
    const payload = Buffer.from(JSON.stringify(credential));
    return Buffer.from((await Sign1.sign(header, [], payload, await this.key.imported())).encode());
  }

  // The log of a new DID under its host, in an envelope.
  async announce(name) {
    const { did, log } = await publish(this.name, ["agents", name], new Key(), new Key());
    const envelope = await seal(this.keyId, this.key, {
      kind: LOG, scid: this.scid, subject: did, seq: 1, payload: log,
    });
    return { did, ...envelope };
  }
}

// The document that a log comes to; it must be valid, and of this DID.
export async function documentOf(did, log) {
  const entries = Buffer.from(log).toString().trim().split("\n").map((line) => JSON.parse(line));
  const { doc, meta } = await resolveDIDFromLog(entries, { verifier, scid: scidOf(did), requestedDid: did });
  assert.ok(doc && !meta.error, `${did}: ${JSON.stringify(meta)}`);
  return doc;
}

// Finds the keys that a document lists for assertions.
export function keysOf(document) {
  const absolute = (id) => (id.startsWith("#") ? document.id + id : id);
  return (keyId) => {
    const listed = document.assertionMethod.map((m) => absolute(typeof m === "string" ? m : m.id));
    assert.ok(listed.includes(keyId), `${keyId} is not for assertions`);
    const method = document.verificationMethod.find((m) => absolute(m.id) === keyId);
    return importPublic(multibaseDecode(method.publicKeyMultibase).bytes.subarray(2));
  };
}

// The peer id that a membership is for, by a verified document of its domain.
export async function memberOf(document, membership) {
  const sign1 = Sign1.decode(membership);
  const keyId = Buffer.from(sign1.protectedHeaders.get(KEY_ID)).toString();
  await sign1.verify(await keysOf(document)(keyId), { algorithms: [EDDSA] });
  assert.equal(sign1.protectedHeaders.get(TYPE), "application/vc+cose");
  const credential = JSON.parse(Buffer.from(sign1.payload).toString());
  assert.equal(credential.issuer, document.id);
  assert.ok(credential.type.includes("NodeMembershipCredential"));
  assert.ok(Date.parse(credential.validFrom) <= Date.now() + 60_000 && Date.now() < Date.parse(credential.validUntil));
  return credential.credentialSubject.peerId;
}
