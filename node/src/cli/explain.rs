//! `verify --explain`: the chain, link by link. What a node refused is told with the link that it is about; the
//! rest is read from the presentation, and only the node's verdict counts.

use crate::failure::Failure;
use crate::output::{self, Answer, in_words};
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use vc_schemas::check::{Held, explain};
use vc_schemas::facts::DEFAULT_SKEW;
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

/// A verdict on `held`, with what there is to say of each link as of `at`; for people a refusal's goes before
/// it to stderr.
pub(super) fn added(
    verdict: Result<Answer, Failure>,
    held: &Held,
    as_json: bool,
    at: UnixSeconds,
) -> Result<Answer, Failure> {
    let links = told(held, verdict.as_ref().err(), at);
    let human: String = links.iter().enumerate().map(|(at, link)| in_lines(at, link)).collect();
    let add = |document: &mut Value| {
        if let Some(members) = document.as_object_mut() {
            members.insert("explanation".to_owned(), Value::Array(links));
        }
    };
    match verdict {
        Ok(mut answer) => {
            answer.human.push_str(&human);
            add(&mut answer.document);
            Ok(answer)
        }
        Err(mut failure) => {
            if !as_json {
                output::talk(human.trim_end());
            }
            add(failure.report.get_or_insert_with(|| Box::new(json!({}))));
            Err(failure)
        }
    }
}

/// A presentation to explain; `None` where it cannot be read, which the verdict says.
pub(super) fn read(presentation: &str, format: &str) -> Option<Held> {
    let (content, max) = (Content::Presentation, MAX_PRESENTATION_BYTES);
    let envelope = Envelope::of_format(content, format)?;
    Held::read(Secured::from_text(content, envelope, presentation, max).ok()?).ok()
}

fn told(held: &Held, refused: Option<&Failure>, at: UnixSeconds) -> Vec<Value> {
    let links = explain(held, at, DEFAULT_SKEW);
    let mut links: Vec<Value> = links.iter().map(vc_schemas::check::Explained::to_json).collect();
    if let Some(failure) = refused
        && let Some(members) = link_of(&failure.path).and_then(|at| links.get_mut(at)?.as_object_mut())
    {
        let fails = json!({
            "code": failure.code, "path": failure.path, "detail": failure.reason, "mend": failure.action,
        });
        members.insert("fails".to_owned(), fails);
    }
    links
}

/// The link that a refusal is about: the one on its path, or the one to the subject whose identity it names;
/// the principal's is told with the first.
fn link_of(path: &Value) -> Option<usize> {
    let steps = path.as_array()?;
    let at = usize::try_from(steps.get(1)?.as_u64()?).ok()?;
    match steps.first()?.as_str()? {
        "chain" => Some(at),
        "identities" => Some(at.saturating_sub(1)),
        _ => None,
    }
}

fn in_lines(at: usize, link: &Value) -> String {
    let text = |name| output::text(link, name);
    let (from, to) = (in_words(&text("issuer")), in_words(&text("subject")));
    let mut lines = format!("link {at}: {from} -> {to}\n");
    let mut say = |name: &str, value: &str| lines.push_str(&format!("  {name:<11}{value}\n"));
    say("passes on", &text("capabilities"));
    match link.get("ceiling").and_then(Value::as_array) {
        Some(_) => say("ceiling", &text("ceiling")),
        None => say("ceiling", "none is told"),
    }
    say("leaves", &text("left"));
    for finding in output::items(link, "findings") {
        let of = |name| output::text(finding, name);
        if finding.get("holds") == Some(&Value::Bool(true)) {
            say("holds", &of("rule"));
        } else {
            say("FAILS", &format!("{}: {} ({})", of("rule"), of("detail"), of("code")));
            say("mend", &of("mend"));
        }
    }
    if let Some(fails) = link.get("fails") {
        let of = |name| output::text(fails, name);
        say("REFUSED", &format!("{} ({})", of("detail"), of("code")));
        say("mend", &of("mend"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_stands_apart_from_its_value() {
        let link = json!({"issuer": "did:web:a.test", "subject": "did:web:b.test", "capabilities": ["a:b"]});
        let lines = in_lines(0, &link);
        assert!(lines.contains("  passes on  a:b\n"), "{lines}");
    }

    #[test]
    fn a_refusal_is_told_with_the_link_that_it_is_about() {
        assert_eq!(link_of(&json!(["chain", 2, "capabilities"])), Some(2));
        assert_eq!(link_of(&json!(["identities", 0])), Some(0));
        assert_eq!(link_of(&json!(["identities", 2, "issuer"])), Some(1));
        for other in [json!([]), json!(["nonce"]), json!(["chain"]), json!(["verifiableCredential", 1])] {
            assert_eq!(link_of(&other), None, "{other}");
        }
    }
}
