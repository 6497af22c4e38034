//! Identifiers, keys, proofs, DID documents and did:webvh logs. Pure: no clock, no randomness, no
//! files and no network; time and bytes come in as values.

pub mod time;
pub mod codec;
pub mod json;
pub mod jcs;
pub mod keys;
pub mod did;
pub mod location;
pub mod document;
pub mod proof;
pub mod methods;
pub mod webvh;
pub mod resolution;
pub mod error;
