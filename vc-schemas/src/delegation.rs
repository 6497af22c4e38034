//! Delegation: what a link passes on, and within which bounds.

pub mod scope;
pub mod limits;
pub mod budget;
pub mod constraints;
pub mod action;
