//! The `witness` parameter: whose approval an entry needs, and of how many.
//!
//! Specification, "The `witness` Parameter". A list that breaks a rule is refused where it is set, so
//! that it can never take effect.

use crate::keys::{KeyKind, PublicKey};
use crate::webvh::EntryError;
use serde_json::{Value, json};

/// Most witnesses of one entry. Each may cost a signature to verify.
pub const MAX_WITNESSES: usize = 64;

/// The witnesses that are in force, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witnesses {
    threshold: usize,
    keys: Vec<PublicKey>,
}

impl Witnesses {
    /// No witnesses, written `{}`.
    #[must_use]
    pub const fn none() -> Self {
        Self { threshold: 0, keys: Vec::new() }
    }

    /// `threshold` of these keys.
    ///
    /// # Errors
    /// [`EntryError::Witness`] where a key is not Ed25519 or stands there twice, there is none or
    /// more than [`MAX_WITNESSES`], or the threshold is not from 1 to their number.
    pub fn new(threshold: usize, keys: Vec<PublicKey>) -> Result<Self, EntryError> {
        let distinct = keys.iter().enumerate().all(|(i, key)| !keys.iter().take(i).any(|k| k == key));
        let fits = threshold >= 1 && threshold <= keys.len() && keys.len() <= MAX_WITNESSES;
        if fits && distinct && keys.iter().all(|key| key.kind() == KeyKind::Ed25519) {
            Ok(Self { threshold, keys })
        } else {
            Err(EntryError::Witness)
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many distinct witnesses must approve; 0 where there are none.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// Their keys, each of which is a did:key.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Reads the parameter. Nothing malformed is taken for "none".
    pub(crate) fn read(json: &Value) -> Result<Self, EntryError> {
        let members = match json {
            Value::Null => return Ok(Self::none()),
            Value::Object(members) if members.is_empty() => return Ok(Self::none()),
            Value::Object(members) if members.len() == 2 => members,
            _ => return Err(EntryError::Witness),
        };
        let threshold = members.get("threshold").and_then(Value::as_u64);
        let threshold = threshold.and_then(|t| usize::try_from(t).ok()).ok_or(EntryError::Witness)?;
        let witnesses = members.get("witnesses").and_then(Value::as_array).ok_or(EntryError::Witness)?;
        if witnesses.len() > MAX_WITNESSES {
            return Err(EntryError::Witness);
        }
        let keys: Option<_> = witnesses.iter().map(read_witness).collect();
        Self::new(threshold, keys.ok_or(EntryError::Witness)?)
    }

    /// As the parameter is written.
    #[must_use]
    pub fn to_json(&self) -> Value {
        if self.is_none() {
            return json!({});
        }
        let ids = self.keys.iter().map(|key| json!({"id": did_key(key)}));
        json!({"threshold": self.threshold, "witnesses": ids.collect::<Vec<_>>()})
    }
}

/// The did:key of a key, as text.
pub(crate) fn did_key(key: &PublicKey) -> String {
    format!("did:key:{}", key.to_multikey())
}

/// `{"id": "did:key:X"}`, and nothing else in it. X has one spelling.
fn read_witness(json: &Value) -> Option<PublicKey> {
    let id = json.as_object().filter(|members| members.len() == 1)?.get("id")?.as_str()?;
    let key = PublicKey::from_multikey(id.strip_prefix("did:key:")?).ok()?;
    if did_key(&key) == id { Some(key) } else { None }
}
