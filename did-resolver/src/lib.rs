//! Identifiers, keys, proofs, DID documents and did:webvh logs. Pure: no clock, no randomness, no
//! files and no network; time and bytes come in as values.

pub mod codec;
pub mod did;
pub mod document;
pub mod jcs;
pub mod json;
pub mod keys;
pub mod time;
