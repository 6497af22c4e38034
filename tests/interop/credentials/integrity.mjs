// npm @digitalbazaar/vc with its JCS suites: eddsa-jcs-2022, ecdsa-jcs-2019.

import { DataIntegrityProof } from "@digitalbazaar/data-integrity";
import * as ecdsa from "@digitalbazaar/ecdsa-jcs-2019-cryptosuite";
import * as EcdsaMultikey from "@digitalbazaar/ecdsa-multikey";
import * as Ed25519Multikey from "@digitalbazaar/ed25519-multikey";
import * as eddsa from "@digitalbazaar/eddsa-jcs-2022-cryptosuite";
import * as vc from "@digitalbazaar/vc";

export const name = "@digitalbazaar/vc";

const CURVES = { ES256: "P-256", ES384: "P-384" };
const suiteOf = (alg) => (alg === "EdDSA" ? eddsa : ecdsa);

export async function generate(alg, id, controller) {
  const options = { id, controller, curve: CURVES[alg] };
  return alg === "EdDSA" ? Ed25519Multikey.generate(options) : EcdsaMultikey.generate(options);
}

// Knows one key, its controller, and the contexts that the library brings.
function loader(id, multikey) {
  const controller = id.split("#")[0];
  const method = {
    "@context": "https://w3id.org/security/multikey/v1",
    id,
    type: "Multikey",
    controller,
    publicKeyMultibase: multikey,
  };
  const known = {
    [id]: method,
    [controller]: {
      "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
      id: controller,
      assertionMethod: [method],
      authentication: [method],
    },
  };
  return async (url) =>
    known[url] === undefined
      ? vc.defaultDocumentLoader(url)
      : { contextUrl: null, documentUrl: url, document: structuredClone(known[url]) };
}

export async function issue(format, key, document) {
  const suite = new DataIntegrityProof({
    signer: key.multikey.signer(),
    cryptosuite: suiteOf(key.alg).createSignCryptosuite(),
  });
  const documentLoader = loader(key.id, key.multikey.publicKeyMultibase ?? (await exported(key.multikey)));
  const copy = structuredClone(document);
  if (format === "vc") return JSON.stringify(await vc.issue({ credential: copy, suite, documentLoader }));
  const { aud: domain, nonce: challenge, ...presentation } = copy;
  return JSON.stringify(
    await vc.signPresentation({ presentation, suite, documentLoader, domain, challenge }),
  );
}

async function exported(multikey) {
  return (await multikey.export({ publicKey: true })).publicKeyMultibase;
}

// The document with its proof, where the library verifies it.
export async function verify(format, { id, multikey }, alg, text, { aud, nonce } = {}) {
  const suite = new DataIntegrityProof({ cryptosuite: suiteOf(alg).createVerifyCryptosuite() });
  const document = JSON.parse(text);
  const documentLoader = loader(id, multikey);
  const options = { suite, documentLoader };
  const result =
    format === "vc"
      ? await vc.verifyCredential({ ...options, credential: structuredClone(document) })
      : await vc.verify({ ...options, presentation: structuredClone(document), challenge: nonce, domain: aud });
  if (!result.verified) throw result.error?.errors?.[0] ?? result.error ?? new Error("not verified");
  const { proof, ...rest } = document;
  return rest;
}

export async function bad(format, key, other, document) {
  const good = JSON.parse(await issue(format, key, document));
  const with_ = (change) => JSON.stringify({ ...good, proof: { ...good.proof, ...change } });
  const { proof, ...unsigned } = good;
  return {
    "no proof": JSON.stringify(unsigned),
    "two proofs": JSON.stringify({ ...good, proof: [proof, proof] }),
    "a changed word": JSON.stringify({ ...good, name: "changed" }),
    "the proof of another purpose": with_({ proofPurpose: "keyAgreement" }),
    "another cryptosuite": with_({ cryptosuite: "eddsa-rdfc-2022" }),
    "a later date": with_({ created: "2026-01-01T00:00:01Z" }),
    "a proof that names another key": with_({ verificationMethod: other.id }),
    "a proof without its context": with_({ "@context": undefined }),
    "a proof value in another base": with_({ proofValue: `u${proof.proofValue.slice(1)}` }),
    "a proof with a word that nobody knows": with_({ jwk: {} }),
    "a document with a word more": JSON.stringify({ ...good, added: 1 }),
    "a document without a word": JSON.stringify({ ...good, id: undefined, type: undefined }),
  };
}
