//! The option `expandRelativeUrls`: relative DID URLs that name parts of a document, written in full (DID
//! Resolution 1.0, section 4, "DID Resolution Algorithm").

use crate::document::Relationship;
use serde_json::Value;

/// The lists whose items have an id.
const OF_ITEMS: [&str; 2] = ["verificationMethod", "service"];

/// `document`, in which the ids of methods and services, and what relationships refer to, begin with its
/// DID. Nothing else of it is changed.
pub(super) fn expanded(document: &Value) -> Value {
    let mut json = document.clone();
    let Some(did) = document.get("id").and_then(Value::as_str) else { return json };
    for name in OF_ITEMS.into_iter().chain(Relationship::ALL.map(Relationship::as_str)) {
        for item in json.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
            let id = if item.is_object() { item.get_mut("id") } else { Some(item) };
            if let Some(Value::String(id)) = id
                && id.starts_with(['#', '/', '?'])
            {
                id.insert_str(0, did);
            }
        }
    }
    json
}
