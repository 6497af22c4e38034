//! The flows of a domain over an in-memory store, with real keys, logs and signatures.

mod members;
mod mesh;
mod verification;
mod world;
