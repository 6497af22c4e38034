// Ed25519 keys, made anew for each run, as each library wants them.

import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { MultibaseEncoding, multibaseEncode, prepareDataForSigning } from "didwebvh-ts";
import * as jose from "jose";

const MULTICODEC = Buffer.from([0xed, 0x01]);

export const base58 = (bytes) => multibaseEncode(bytes, MultibaseEncoding.BASE58_BTC);
export const multikey = (raw) => base58(Buffer.concat([MULTICODEC, raw]));

export class Key {
  constructor() {
    this.secret = generateKeyPairSync("ed25519").privateKey;
    this.jwk = this.secret.export({ format: "jwk" });
    this.multikey = multikey(Buffer.from(this.jwk.x, "base64url"));
  }

  // For COSE.
  imported() {
    return jose.importJWK(this.jwk, "EdDSA");
  }

  // For did:webvh.
  getVerificationMethodId() {
    return `did:key:${this.multikey}#${this.multikey}`;
  }

  async sign({ document, proof }) {
    const input = await prepareDataForSigning(document, proof);
    return { proofValue: base58(sign(null, input, this.secret)) };
  }
}

const jwk = (raw) => ({ kty: "OKP", crv: "Ed25519", x: Buffer.from(raw).toString("base64url") });

export const importPublic = (raw) => jose.importJWK(jwk(raw), "EdDSA");

// For didwebvh-ts, which leaves verifying to its caller.
export const verifier = {
  async verify(signature, message, raw) {
    return verify(null, message, createPublicKey({ key: jwk(raw), format: "jwk" }), signature);
  },
};
