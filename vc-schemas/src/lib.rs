//! Credentials, presentations, delegation and status, and the one function that verifies them. Pure.

pub mod code;
pub mod context;
pub mod refusal;
pub mod object;
mod cbor;
pub mod disclosure;
pub mod secure;
pub mod data_model;
pub mod status;
pub mod delegation;
pub mod claims;
pub mod credential;
pub mod schema;
pub mod chain;
pub mod rendering;
pub mod seen;
pub mod presentation;
pub mod facts;
pub mod bundle;
pub mod check;
