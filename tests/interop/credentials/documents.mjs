// What is secured in every format.

export const ISSUER = "did:web:issuer.example";

const HARD_TO_WRITE = "Zoë \u0000 \u2028 \u{1f600} \"quoted\" \\ /";

export function credential() {
  return {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    id: "urn:uuid:01234567-89ab-4cde-8f01-23456789abcd",
    type: ["VerifiableCredential"],
    issuer: ISSUER,
    validFrom: "2026-01-01T00:00:00Z",
    validUntil: "2100-01-01T00:00:00Z",
    name: HARD_TO_WRITE,
    credentialSubject: {
      id: "did:web:agent.example",
      description: HARD_TO_WRITE,
    },
  };
}

export function presentation(credentials) {
  return {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    type: ["VerifiablePresentation"],
    holder: ISSUER,
    verifiableCredential: credentials,
  };
}

export function enveloped(format, text) {
  const data = format.endsWith("+cose")
    ? `data:application/${format};base64,${Buffer.from(text, "base64url").toString("base64")}`
    : `data:application/${format},${text}`;
  return {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    type: "EnvelopedVerifiableCredential",
    id: data,
  };
}

// What a verifier of one question is told, in a presentation.
export const BOUND = { aud: "did:web:verifier.example", nonce: "nonce-1" };
