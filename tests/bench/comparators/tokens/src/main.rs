//! biscuit-auth, with authorisation, and jsonwebtoken, over AWS-LC.

use biscuit_auth::builder::{AuthorizerBuilder, BlockBuilder};
use biscuit_auth::{AuthorizerLimits, Biscuit, KeyPair};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use marque_bench_pipe::{Work, serve};
use std::time::Duration;

fn main() -> std::io::Result<()> {
    serve(|name, inputs| match (name, inputs) {
        ("biscuit", [blocks]) => biscuit(blocks).map(|(work, _)| work),
        // Its result is the size of the token.
        ("biscuit-bytes", [blocks]) => {
            biscuit(blocks).map(|(_, bytes)| -> Work<'static> { Box::new(move || bytes) })
        }
        ("jsonwebtoken", [tokens]) => jsonwebtoken(tokens),
        _ => Err(format!("no work {name}")),
    })
}

/// An authority block and as many blocks that attenuate it as `blocks` has bytes: from its bytes to an
/// authorisation of one operation on one resource at one time.
fn biscuit(blocks: &[u8]) -> Result<(Work<'static>, usize), String> {
    let root = KeyPair::new();
    let made = || -> Result<Vec<u8>, biscuit_auth::error::Token> {
        let mut token = Biscuit::builder()
            .code(
                r#"principal("did:webvh:alice"); agent("did:webvh:travel-bot");
                right("calendar:read"); right("calendar:write"); right("mail:send");
                check if time($time), $time < 2027-01-15T08:40:00Z;
                check if audience("did:webvh:verifier");"#,
            )?
            .build(&root)?;
        for _ in blocks {
            let block = BlockBuilder::new().code(
                r#"agent("did:webvh:calendar-bot");
                check if operation($operation), ["calendar:read", "calendar:write"].contains($operation);
                check if time($time), $time < 2027-01-15T08:30:00Z;"#,
            )?;
            token = token.append(block)?;
        }
        token.to_vec()
    };
    let bytes = made().map_err(|e| e.to_string())?;
    let public = root.public();
    let allows = move |bytes: &[u8], operation: &str| -> Result<usize, biscuit_auth::error::Token> {
        let token = Biscuit::from(bytes, public)?;
        // A limit of a millisecond is the default, and fails on a busy machine.
        let limits = AuthorizerLimits { max_time: Duration::from_secs(10), ..AuthorizerLimits::default() };
        AuthorizerBuilder::new()
            .fact(format!("operation(\"{operation}\")").as_str())?
            .fact("audience(\"did:webvh:verifier\")")?
            .fact("time(2027-01-15T08:00:00Z)")?
            .policy("allow if operation($operation), right($operation)")?
            .build(&token)?
            .authorize_with_limits(limits)
            .map(|_| 1)
    };
    let mut forged = bytes.clone();
    let at = forged.windows(8).position(|window| window == b"calendar").ok_or("no calendar")?;
    forged[at] ^= 1;
    if allows(&forged, "calendar:read").is_ok() || allows(&bytes, "mail:send").is_ok() {
        return Err("a forged or narrower token passes".to_owned());
    }
    let length = bytes.len();
    Ok((Box::new(move || allows(&bytes, "calendar:read").unwrap_or(0)), length))
}

/// Lines of a public key (base64url) and a token: each token's signature verified, its claims read. No
/// claim is looked at.
fn jsonwebtoken(lines: &[u8]) -> Result<Work<'static>, String> {
    let text = std::str::from_utf8(lines).map_err(|e| e.to_string())?;
    let tokens: Vec<(DecodingKey, String)> = text
        .lines()
        .map(|line| {
            let (key, token) = line.split_once(' ').ok_or("no key")?;
            let key = DecodingKey::from_ed_components(key).map_err(|e| e.to_string())?;
            Ok((key, token.to_owned()))
        })
        .collect::<Result<_, String>>()?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let holds = move |key: &DecodingKey, token: &str| {
        decode::<serde_json::Value>(token, key, &validation).is_ok_and(|data| data.claims.is_object())
    };
    let (key, token) = tokens.first().ok_or("no token")?;
    let mut forged = token.clone().into_bytes();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    if holds(key, &String::from_utf8_lossy(&forged)) {
        return Err("a forged token passes".to_owned());
    }
    Ok(Box::new(move || tokens.iter().filter(|(key, token)| holds(key, token)).count()))
}
