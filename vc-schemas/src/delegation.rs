//! What a delegation says: capabilities and constraints. The chain that delegations form is `chain`.

pub mod scope;
pub mod constraints;
