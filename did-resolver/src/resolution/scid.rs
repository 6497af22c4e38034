//! The document of a log under its did:scid, which names no place.

use crate::did::Did;
use crate::resolution::{Metadata, Resolution, ResolutionError};
use crate::webvh::{Log, ScidId, VersionQuery};
use serde_json::{Value, json};

impl Resolution {
    /// What a verified log says about its did:scid: each version's document, about that DID, with the
    /// did:webvh DID that the version has among its other names.
    ///
    /// # Errors
    /// [`ResolutionError::NotFound`] for a log of another SCID, or where it does not have that version.
    pub fn of_scid(log: &Log, id: &ScidId, query: Option<&VersionQuery>) -> Result<Self, ResolutionError> {
        if log.scid() != id.scid() {
            return Err(ResolutionError::NotFound);
        }
        let Self { document, metadata } = Self::of_log(log, log.did(), query)?;
        let document = document.map(|document| about(document, id.did())).transpose()?;
        // Equivalent names are of one method, and this one has a single form.
        let metadata = Metadata { canonical_id: None, equivalent_ids: Vec::new(), ..metadata };
        Ok(Self { document, metadata })
    }
}

/// `document` under another name: every text that is its DID, or a DID URL of it, has the new one.
fn about(mut document: Value, new: &Did) -> Result<Value, ResolutionError> {
    let old =
        document.get("id").and_then(Value::as_str).ok_or(ResolutionError::InvalidDidDocument)?.to_owned();
    rename(&mut document, &old, new.as_str());
    let members = document.as_object_mut().ok_or(ResolutionError::InvalidDidDocument)?;
    let names = members.entry("alsoKnownAs").or_insert_with(|| json!([]));
    if let Some(names) = names.as_array_mut() {
        names.retain(|name| name != new.as_str());
        names.push(json!(old));
    }
    Ok(document)
}

fn rename(json: &mut Value, old: &str, new: &str) {
    match json {
        Value::String(text) => {
            let rest = text
                .strip_prefix(old)
                .filter(|rest| rest.is_empty() || rest.starts_with(['#', '/', '?', ';']));
            if let Some(rest) = rest {
                *text = format!("{new}{rest}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, old, new)),
        Value::Object(members) => members.values_mut().for_each(|member| rename(member, old, new)),
        _ => {}
    }
}
