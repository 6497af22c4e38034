//! What is allowed: decisions and state machines. Pure.

pub mod trust;
pub mod lifecycle;
pub mod issuance;
pub mod replay;
