//! The faces of a node, driven as a client would: a whole domain in memory, real keys, no sockets
//! but in `sockets`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics fails")]

mod world;
mod described;
mod domain_keys;
mod journey;
mod resolution;
mod contested;
mod edges;
mod bodies;
mod import;
mod lists;
mod mesh;
mod vcapi;
mod sockets;
mod kept;
