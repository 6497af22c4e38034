//! The suite's SD-JWTs: it hides what it likes, also what Marque's own rules keep in the open.

use super::key::Method;
use super::{MAX_INPUT_BYTES, Why, jws, payload};
use crate::signing;
use did_resolver::json;
use did_resolver::keys::PublicKey;
use serde_json::Value;
use vc_schemas::disclosure::{Disclosure, MAX_DISCLOSURES, Pointer, conceal, reveal};
use vc_schemas::secure::{Content, Envelope};

const NO_PATHS: Why = Why::Other("--sd is not a JSON list of paths such as \"a.b[0]\"");

/// Secures `document`, of which the paths in `hidden` can be held back.
pub(super) fn issue(
    content: Content,
    document: &Value,
    hidden: &str,
    method: &Method,
) -> Result<String, Why> {
    let paths = json::parse(hidden.as_bytes(), MAX_INPUT_BYTES).map_err(|_| NO_PATHS)?;
    let paths = paths.as_array().ok_or(NO_PATHS)?.iter();
    let hidden = paths.map(|path| pointer(path.as_str()?)).collect::<Option<Vec<_>>>().ok_or(NO_PATHS)?;
    let seed = signing::random().map_err(|_| Why::Other("there are no random bytes"))?;
    let concealed = conceal(document, &hidden, 0, &seed).map_err(Why::Disclosure)?;
    let text =
        jws(Envelope::VcSdJwt.format(content), content, concealed.document.to_string().as_bytes(), method)?;
    let disclosures = concealed.disclosures.iter().map(Disclosure::as_str);
    Ok([text.as_str()].into_iter().chain(disclosures).map(|part| format!("{part}~")).collect())
}

/// The document that is shown, once it verified. Whoever holds it is not asked to prove it: the suite has no
/// verifier that could have given a nonce.
pub(super) fn verify(content: Content, input: &[u8], key: &PublicKey) -> Result<Value, Why> {
    const NO_TEXT: Why = Why::Other("it is not an SD-JWT");
    let text = std::str::from_utf8(input).map_err(|_| NO_TEXT)?;
    let mut parts = text.strip_suffix('~').ok_or(NO_TEXT)?.split('~');
    let signed =
        payload(parts.next().unwrap_or_default().as_bytes(), Envelope::VcSdJwt.format(content), key)?;
    let disclosures: Result<Vec<_>, _> = parts.take(MAX_DISCLOSURES + 1).map(Disclosure::parse).collect();
    let revealed = reveal(&signed, &disclosures.map_err(Why::Disclosure)?).map_err(Why::Disclosure)?;
    Ok(revealed.document)
}

/// The place that a path of the suite leads to: names joined by dots, and places of elements in brackets.
fn pointer(path: &str) -> Option<Pointer> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, places) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return None;
        }
        steps.push(name.to_owned());
        for place in places.split_inclusive(']') {
            let digits = place
                .strip_prefix('[')
                .and_then(|place| place.strip_suffix(']'))
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
            steps.push(digits.to_owned());
        }
    }
    Some(Pointer::of(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_suite_leads_where_it_says() {
        let to = |path: &str| pointer(path).map(|pointer| pointer.to_string());
        assert_eq!(to("a.b").as_deref(), Some("/a/b"));
        assert_eq!(to("a.b[10][0].c").as_deref(), Some("/a/b/10/0/c"));
        for wrong in ["", ".a", "a.", "a[x]", "a[0", "[0]"] {
            assert_eq!(to(wrong), None, "{wrong}");
        }
    }
}
