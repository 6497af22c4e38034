//! What is allowed: decisions and state machines. Pure: no clock, no randomness, no files and no
//! network; time, random bytes and anything fetched come in as values.

pub mod replica;
