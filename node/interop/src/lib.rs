//! What only ssi speaks, for a node that does not trust it: credentials secured over RDF
//! canonicalisation, and DID methods that Marque does not speak itself.
//!
//! The program reads questions from standard input and answers on standard output, one at a time. It
//! holds no secret, decides nothing, and is given everything that an answer rests on: the document, the
//! key, the contexts. Whose key it is, what the proof is for, whether the document is in time and whether
//! it still holds is for the node. RDF canonicalisation can be made to take for ever (RDF Dataset
//! Canonicalization, section 7.1); nothing here prevents that, which is why it runs apart, under limits
//! that the node sets.

pub mod wire;
pub mod documents;
pub mod proofs;
pub mod methods;
pub mod answer;
