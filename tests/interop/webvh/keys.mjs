// Ed25519 keys for didwebvh-ts, which leaves signing and verifying to its caller.

import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { MultibaseEncoding, multibaseEncode, prepareDataForSigning } from "didwebvh-ts";

// What stands before the 32 bytes of a key: PKCS #8, SPKI, and the multicodec of Ed25519.
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const MULTICODEC = Buffer.from([0xed, 0x01]);

export const base58 = (bytes) => multibaseEncode(bytes, MultibaseEncoding.BASE58_BTC);

export class Key {
  constructor(name) {
    const seed = createHash("sha256").update(name).digest();
    this.secret = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
    const spki = createPublicKey(this.secret).export({ format: "der", type: "spki" });
    this.multikey = base58(Buffer.concat([MULTICODEC, spki.subarray(SPKI.length)]));
    this.did = `did:key:${this.multikey}`;
  }

  getVerificationMethodId() {
    return `${this.did}#${this.multikey}`;
  }

  async sign({ document, proof }) {
    const input = await prepareDataForSigning(document, proof);
    return { proofValue: base58(sign(null, input, this.secret)) };
  }
}

export const verifier = {
  async verify(signature, message, publicKey) {
    const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki" });
    return verify(null, message, key, signature);
  },
};
