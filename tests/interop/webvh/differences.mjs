// Where didwebvh-ts 2.8.0 accepts what Marque refuses, by the name of the case, each with the words of
// did:webvh 1.0 that say why it must not. The test fails where one of them is no longer so.

export const TS_ACCEPTS = {
  "the last entry has an empty list of proofs":
    '"Authorized Keys": "Each entry in the DID Log MUST include a Data Integrity proof". Anybody can add an unsigned entry',
  "an entry after the deactivation":
    '"did:webvh DID Method Parameters", deactivated: "no further updates to the DID are permitted"',
  "pre-rotation dodged by leaving out nextKeyHashes":
    '"did:webvh DID Method Parameters", nextKeyHashes: "While active, both nextKeyHashes AND updateKeys MUST be present ' +
    'as explicit properties in every subsequent log entry"',
  "a move that does not name the old DID":
    '"DID Portability": "The DIDDoc MUST contain the prior DID string as an alsoKnownAs entry"',
  "a parameter that the method does not have":
    '"did:webvh DID Method Parameters": "The parameters object MUST only include properties defined in the version"',
};

// What it answers of an older version of a DID that was deactivated since.
export const TS_OLDER_VERSION =
  '"Deactivate (Revoke)": asked for a prior version of a deactivated DID, "the DID Resolution Metadata MUST include ' +
  '"deactivated": true"; didwebvh-ts says false';
