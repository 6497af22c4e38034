//! What happens, in order: async steps over ports, with no protocol and no database.

pub mod ports;
pub mod error;
pub mod record;
mod cache;
pub mod domain;
mod indices;
pub mod objects;
mod announce;
pub mod status;
mod possession;
pub mod members;
pub mod updates;
pub mod issue;
pub mod credentials;
pub mod trust;
pub mod resolve;
pub mod verify;
pub mod export;
pub mod genesis;
pub mod peers;
pub mod acts;
mod admission;
mod unrecognised;
pub mod import;
pub mod intake;
mod serving;
