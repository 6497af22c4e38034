//! What entries and lists are read with: URLs, and objects whose members are all known.

use super::StatusError;
use super::entry::Purpose;
use did_resolver::json::{Json, MAX_INTEGER};
use did_resolver::time::UnixSeconds;

/// Longest URL of a list, in bytes.
pub const MAX_URL_BYTES: usize = 2_048;

/// An absolute URL as far as it matters here: a scheme, printable ASCII, bounded.
pub(super) fn is_url(text: &str) -> bool {
    let scheme = |s: &str| s.starts_with(|c: char| c.is_ascii_lowercase()) && s.len() < text.len() - 1;
    text.len() <= MAX_URL_BYTES
        && text.bytes().all(|b| b.is_ascii_graphic())
        && text
            .split_once(':')
            .is_some_and(|(s, _)| scheme(s) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The URL of a list has no fragment: the fragment names the subject inside it.
pub(super) fn is_list_url(text: &str) -> bool {
    is_url(text) && !text.contains('#')
}

/// An object whose members are all known.
pub(super) struct Members<'a>(Json<'a>);

impl<'a> Members<'a> {
    /// The object `json`, which has all that are `required` and `more`, and none but those and `optional`.
    pub(super) fn of(
        json: impl Into<Json<'a>>,
        required: &[&str],
        more: &[&str],
        optional: &[&str],
    ) -> Result<Self, StatusError> {
        let json = json.into();
        let mut members = json.members().ok_or(StatusError::Malformed)?;
        // No name stands there twice.
        let mut there = 0;
        let no_other = members.all(|(name, _)| {
            let wanted = required.contains(&name) || more.contains(&name);
            there += usize::from(wanted);
            wanted || optional.contains(&name)
        });
        let all = there == required.len() + more.len();
        if all && no_other { Ok(Self(json)) } else { Err(StatusError::Malformed) }
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, StatusError> {
        self.0.get(name).and_then(Json::as_str).ok_or(StatusError::Malformed)
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, StatusError> {
        let number = self.0.get(name).and_then(Json::as_u64);
        number.filter(|n| *n <= MAX_INTEGER).ok_or(StatusError::Malformed)
    }

    pub(super) fn instant(&self, name: &str) -> Result<UnixSeconds, StatusError> {
        UnixSeconds::parse(self.text(name)?).map_err(|_| StatusError::Malformed)
    }

    pub(super) fn list_url(&self, name: &str) -> Result<String, StatusError> {
        let url = self.text(name)?;
        if is_list_url(url) { Ok(url.to_owned()) } else { Err(StatusError::Malformed) }
    }

    pub(super) fn purpose(&self) -> Result<Purpose, StatusError> {
        Purpose::parse(self.text("statusPurpose")?).ok_or(StatusError::Malformed)
    }
}
