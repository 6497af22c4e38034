//! Which lists an issuer has (draft-ietf-oauth-status-list, section 9).

use super::StatusError;
use super::members::{Members, is_list_url};
use did_resolver::json;
use serde_json::{Value, json};

/// Most lists of one aggregation: sixteen million entries each are a hundred billion tokens.
pub const MAX_LISTS: usize = 8_192;

/// Longest aggregation document, in bytes.
pub const MAX_AGGREGATION_BYTES: usize = 1024 * 1024;

/// The URIs of an issuer's lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregation {
    /// In the issuer's order, none twice, at most [`MAX_LISTS`].
    pub lists: Vec<String>,
}

impl Aggregation {
    /// Reads a Status List Aggregation.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] where it is no strict JSON of exactly that shape, or names what is no
    /// URL of a list, or one twice.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatusError> {
        let json = json::parse(bytes, MAX_AGGREGATION_BYTES).map_err(|_| StatusError::Malformed)?;
        Members::of(&json, &["status_lists"], &[], &[])?;
        let lists = json.get("status_lists").and_then(Value::as_array);
        let lists = lists.filter(|lists| lists.len() <= MAX_LISTS).ok_or(StatusError::Malformed)?;
        let url = |json: &Value| json.as_str().filter(|url| is_list_url(url)).map(str::to_owned);
        let lists = lists.iter().map(url).collect::<Option<Vec<_>>>().ok_or(StatusError::Malformed)?;
        let distinct: std::collections::BTreeSet<&String> = lists.iter().collect();
        if distinct.len() == lists.len() { Ok(Self { lists }) } else { Err(StatusError::Malformed) }
    }

    /// Writes the document, of media type `application/json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"status_lists": self.lists})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregation_is_read_and_written_and_anything_else_refused() {
        let lists = ["https://a.example/status/1", "https://a.example/status/2"].map(str::to_owned).to_vec();
        let aggregation = Aggregation { lists };
        let text = aggregation.to_json().to_string();
        assert_eq!(text, r#"{"status_lists":["https://a.example/status/1","https://a.example/status/2"]}"#);
        assert_eq!(Aggregation::parse(text.as_bytes()), Ok(aggregation));
        assert_eq!(Aggregation::parse(br#"{"status_lists":[]}"#), Ok(Aggregation::default()));
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"status_lists":"https://a.example/1"}"#,
            r#"{"status_lists":[1]}"#,
            r#"{"status_lists":["/status/1"]}"#,
            r#"{"status_lists":["https://a.example/1#x"]}"#,
            r#"{"status_lists":["https://a.example/1","https://a.example/1"]}"#,
            r#"{"status_lists":[],"status_lists":[]}"#,
            r#"{"status_lists":[],"more":1}"#,
        ] {
            assert_eq!(Aggregation::parse(wrong.as_bytes()), Err(StatusError::Malformed), "{wrong}");
        }
        let many: Vec<String> = (0..=MAX_LISTS).map(|n| format!("https://a.example/{n}")).collect();
        let many = Aggregation { lists: many }.to_json().to_string();
        assert_eq!(Aggregation::parse(many.as_bytes()), Err(StatusError::Malformed));
    }
}
