//! Whole nodes: the program itself, as real processes over real sockets and files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../../fetch/tests/fetch/authority.rs"]
mod authority;
mod backup;
mod bans;
#[cfg(feature = "s3")]
mod bucket;
mod canary;
mod crash;
mod demo;
mod doctor;
mod drain;
mod events;
mod forks;
mod holder;
mod hostile;
mod inspect;
mod interop;
mod kills;
mod lifecycle;
mod offline;
mod operator;
mod peers;
mod process;
mod published;
mod reload;
mod resolver;
mod rotation;
#[cfg(feature = "postgres")]
mod shared;
#[cfg(feature = "postgres")]
mod outgrown;
mod service;
mod speech;
mod store;
mod token;
mod vcapi;
mod web;
