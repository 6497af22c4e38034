//! The key index: which versions of a DID listed a key, and for what.
//!
//! For audit only. A key authorises by the newest accepted version alone
//! ([`crate::document::Document::authorised`]): a signer chooses the dates that it writes, so that a
//! version that listed a key once makes no signature of it good again.

use crate::did::DidUrl;
use crate::document::Relationship;
use crate::keys::PublicKey;
use crate::time::UnixSeconds;
use crate::webvh::Log;

/// One listing of a key by one version. It authorises nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The number of the version.
    pub number: u32,
    /// Its versionId.
    pub version_id: &'a str,
    /// When the version was made, as the controller says.
    pub time: UnixSeconds,
    /// What the key was listed for.
    pub relationship: Relationship,
    /// The id of the verification method.
    pub method_id: &'a DidUrl,
    /// The `expires` that stood with it.
    pub expires: Option<UnixSeconds>,
    /// The `revoked` that stood with it.
    pub revoked: Option<UnixSeconds>,
}

impl Log {
    /// Where `key` is or was listed, oldest version first, also in versions that deactivated the
    /// DID. For audit: see the module on what this does not say.
    #[must_use]
    pub fn listed(&self, key: &PublicKey) -> Vec<Listed<'_>> {
        let mut found = Vec::new();
        for version in self.versions() {
            for relationship in Relationship::ALL {
                let methods = version.document().listed(relationship);
                found.extend(methods.filter(|method| method.key.as_ref() == Some(key)).map(|method| {
                    Listed {
                        number: version.number,
                        version_id: &version.id,
                        time: version.time,
                        relationship,
                        method_id: &method.id,
                        expires: method.expires,
                        revoked: method.revoked,
                    }
                }));
            }
        }
        found
    }
}
