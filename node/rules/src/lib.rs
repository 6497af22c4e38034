//! What is allowed: decisions and state machines. Pure: no clock, no randomness, no files and no
//! network; time, random bytes and anything fetched come in as values.

pub mod trust;
pub mod lifecycle;
pub mod issuance;
pub mod replay;
pub mod replica;
