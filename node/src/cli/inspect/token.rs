//! Join tokens. The secret of one is never said, nor anything that it could be found by.

use super::{Found, Thing};
use crate::failure::Failure;
use crate::output::{self, words};
use marque_rules::replica::Refusal;
use marque_rules::replica::token::JoinToken;
use serde_json::json;
use vc_schemas::code::Code;

/// What every join token begins with.
const PREFIX: &str = "mqj1.";

pub(super) fn read(thing: &Thing) -> Option<Result<Found, Failure>> {
    let text = thing.word().filter(|text| text.starts_with(PREFIX))?;
    Some(JoinToken::parse(text, thing.now).map_err(refused).map(|token| {
        let human = output::facts(&[
            ("domain", words(&token.domain)),
            ("", token.domain.to_string()),
            ("log version", token.version_id.clone()),
            ("addresses", token.addresses.join("\n             ")),
            ("admits until", token.expires_at.to_string()),
            ("secret", "in it, and not shown: whoever has the token can use it once".to_owned()),
        ]);
        let says = json!({
            "domain": token.domain.as_str(),
            "versionId": token.version_id,
            "addresses": token.addresses,
            "expiresAt": token.expires_at.to_string(),
        });
        Found::read("a join token", human, &says)
    }))
}

fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::TooLarge => Failure::of(Code::TooLarge),
        Refusal::TokenExpired => Failure::of(Code::TokenExpired),
        _ => Failure::of(Code::TokenMalformed),
    }
}
