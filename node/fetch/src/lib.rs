//! The only way from this node to the web: one client that fetches by one policy.
//!
//! Whoever makes a node fetch something chooses the URL, so nothing else of a fetch is theirs to choose:
//! https only, to a domain name whose every address is public, over a connection to exactly the address
//! that was looked at; no redirects, no proxies, no cookies, no encodings; within bounds on bytes, time
//! and connections. What comes back is data to be verified.

mod limits;
mod address;
mod target;
mod lanes;
mod policy;
mod exchange;
mod client;

pub use address::is_public;
pub use client::{Client, NoTls};
pub use limits::{
    CONNECT_TIMEOUT, MAX_ADDRESSES, MAX_BYTES, MAX_LOOKUPS, MAX_OPEN, MAX_PER_ADDRESS, MAX_PER_HOST,
    MAX_TIME, MAX_UNDER_WAY,
};
pub use policy::{FetchPolicy, NotLoopback};
