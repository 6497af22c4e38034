//! A JSON Schema (draft 2020-12) for each credential type, for readers that are not Marque.
//!
//! Marque itself reads with the typed parsers, which refuse all that a schema refuses, and what no schema
//! can say: that `validUntil` lies after `validFrom`, that a PeerId is that of the key. A credential never
//! names the schema that it is read by.

/// A schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The type that it describes.
    pub credential_type: &'static str,
    /// The JSON text. Its `$id` is a name; nothing is fetched from there.
    pub text: &'static str,
}

macro_rules! schemas {
    ($($name:literal),*) => {
        [$(Schema { credential_type: $name, text: include_str!(concat!("../schemas/", $name, ".json")) }),*]
    };
}

/// All of them.
pub const SCHEMAS: [Schema; 7] = schemas![
    "OwnerCredential",
    "AgentCredential",
    "DelegationCredential",
    "NodeMembershipCredential",
    "DomainRecognitionCredential",
    "ApprovalCredential",
    "TrustSignalCredential"
];

/// The schema of a type.
#[must_use]
pub fn of(credential_type: &str) -> Option<&'static Schema> {
    SCHEMAS.iter().find(|schema| schema.credential_type == credential_type)
}

#[cfg(test)]
mod tests;
