//! Which node speaks for a domain: NodeMembershipCredential.

use super::{ClaimsError, domain, kind};
use crate::object::Object;
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::methods;
use serde_json::{Value, json};

/// The bytes before an Ed25519 key in a libp2p PeerId: an identity multihash of the protobuf
/// `PublicKey { Type: Ed25519, Data: 32 bytes }`.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// A node of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeMembership {
    /// The node's libp2p key as did:key.
    pub id: Did,
    /// The libp2p PeerId of the same key, in base58btc.
    pub peer_id: String,
    /// The label of its domain, for people to read. It proves nothing.
    pub domain: String,
}

/// The libp2p PeerId, in base58btc, of an Ed25519 key. `None` for another kind of key.
#[must_use]
pub fn peer_id(key: &PublicKey) -> Option<String> {
    let ed25519 = key.kind() == KeyKind::Ed25519;
    ed25519.then(|| codec::to_base58btc(&[&PEER_ID_PREFIX[..], key.as_bytes()].concat()))
}

impl NodeMembership {
    pub(super) fn read(object: &mut Object<'_>) -> Result<Self, ClaimsError> {
        kind(object, "Node")?;
        let (id, stated) = (object.did("id")?, object.text("peerId")?);
        let computed = methods::key_of(&id).ok().and_then(|key| peer_id(&key));
        if computed.as_deref() != Some(stated) {
            return Err(ClaimsError::Malformed("peerId"));
        }
        Ok(Self { id, peer_id: stated.to_owned(), domain: domain(object)? })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id.as_str(), "type": "Node", "peerId": self.peer_id, "domain": self.domain,
        })
    }
}
