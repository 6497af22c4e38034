//! The request target (RFC 9112, section 3.2): path segments and query parameters, percent-decoded
//! strictly (RFC 3986, section 2.1). `+` is a plus sign.

use crate::error::Problem;
use axum::http::Uri;
use vc_schemas::code::Code;

/// The path before a DID.
pub(crate) const IDENTIFIERS: &str = "/1.0/identifiers/";

/// Decodes percent-encoded bytes. The whole target is bounded before anything reads it.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| digit.try_into().ok())
}

fn malformed(part: &'static str) -> Problem {
    Problem::member(Code::RequestMalformed, part, "not percent-encoded UTF-8")
}

/// The path segment at this place, from 0: in `/v1/agents/travel-bot` the name is at 2.
pub(crate) fn segment(uri: &Uri, at: usize) -> Result<String, Problem> {
    let raw = uri.path().split('/').nth(at.saturating_add(1)).unwrap_or_default();
    decode(raw).ok_or(malformed("path"))
}

/// What follows `prefix` in the path, as it was written.
pub(crate) fn rest<'a>(uri: &'a Uri, prefix: &str) -> &'a str {
    uri.path().strip_prefix(prefix).unwrap_or_default()
}

/// The identifier that a path ends in. One that is written plainly (`did:...`) stands for itself with
/// its percent signs, which are its own, as in `localhost%3A8080`; otherwise it is decoded once. What no
/// path can have is encoded in a plain one too: `#` and `?`.
pub(crate) fn identifier(raw: &str) -> Option<String> {
    let plain = raw.starts_with("did:") && !raw.contains("%25");
    if plain {
        Some(["%3F", "%3f"].iter().fold(raw.replace("%23", "#"), |text, mark| text.replace(mark, "?")))
    } else {
        decode(raw)
    }
}

/// The query parameters in order, decoded.
pub(crate) fn query(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect::<Option<_>>()
        .ok_or(malformed("query"))
}

/// The query parameters of these names, each once at most, and nothing beside them.
pub(crate) fn options<const N: usize>(uri: &Uri, names: [&str; N]) -> Result<[Option<String>; N], Problem> {
    let mut values = [const { None }; N];
    for (name, value) in query(uri)? {
        let known = names.iter().zip(values.iter_mut()).find(|(known, _)| **known == name);
        match known {
            Some((_, slot)) if slot.is_none() => *slot = Some(value),
            _ => {
                let detail = "a query parameter that is not known, or stands twice";
                return Err(Problem::member(Code::RequestMalformed, "query", detail));
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
