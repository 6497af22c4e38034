// npm jose: vc+jwt, vp+jwt, statuslist+jwt.

import assert from "node:assert/strict";
import * as jose from "jose";

export const name = "jose";

const encode = (document) => new TextEncoder().encode(JSON.stringify(document));

function header(format, key) {
  const cty = { "vc+jwt": "vc", "vp+jwt": "vp" }[format];
  return { alg: key.alg, kid: key.id, typ: format, ...(cty === undefined ? {} : { cty }) };
}

export async function issue(format, key, document) {
  return new jose.CompactSign(encode(document)).setProtectedHeader(header(format, key)).sign(key.secret);
}

export async function verify(format, jwk, alg, text) {
  const key = await jose.importJWK(jwk, alg);
  const { payload, protectedHeader } = await jose.compactVerify(text, key, { algorithms: [alg] });
  assert.equal(protectedHeader.typ, format);
  return JSON.parse(new TextDecoder().decode(payload));
}

// What a forger writes, each signed as well as it can be.
export async function bad(format, key, other, document) {
  const sign = (head, secret = key.secret, payload = encode(document), options) =>
    new jose.CompactSign(payload)
      .setProtectedHeader({ ...header(format, key), ...head })
      .sign(secret, options);
  const good = await sign({});
  const [head, body, signature] = good.split(".");
  const none = Buffer.from(JSON.stringify({ ...header(format, key), alg: "none" })).toString("base64url");
  const secret = crypto.getRandomValues(new Uint8Array(48));
  return {
    "alg none": `${none}.${body}.`,
    "alg none, with the signature of another": `${none}.${body}.${signature}`,
    "an HMAC": await sign({ alg: "HS256" }, secret),
    "the key of another kind": await new jose.CompactSign(encode(document))
      .setProtectedHeader({ ...header(format, key), alg: other.alg })
      .sign(other.secret),
    "a key that it brings itself": await sign({ jwk: await jose.exportJWK(key.public) }),
    "a key that it says where to find": await sign({ jku: "https://forger.example/keys" }),
    "a certificate that it says where to find": await sign({ x5u: "https://forger.example/x5c" }),
    "a critical parameter that nobody knows": await sign({ crit: ["b"], b: 1 }, key.secret, encode(document), {
      crit: { b: true },
    }),
    "another type": await sign({ typ: "JWT" }),
    "no type": await sign({ typ: undefined }),
    "a key id that is none": await sign({ kid: "key-1" }),
    "a payload that is no object": await sign({}, key.secret, encode([document])),
    "a payload with a name twice": await sign({}, key.secret, new TextEncoder().encode('{"a":1,"a":2}')),
    "the payload of another": `${head}.${Buffer.from("{}").toString("base64url")}.${signature}`,
    "padding": `${good}==`,
    "a fourth part": `${good}.e30`,
    ...(format === "vc+jwt"
      ? {
          "a vc claim": await sign({}, key.secret, encode({ ...document, vc: document })),
          "an iss claim of another": await sign({}, key.secret, encode({ ...document, iss: "did:web:other.example" })),
        }
      : {}),
  };
}
