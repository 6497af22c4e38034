//! Credentials, presentations, delegation and status, and the one function that verifies them. Pure.

pub mod code;
pub mod context;
pub mod secure;
pub mod status;
