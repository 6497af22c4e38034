//! The holder's side: what is shown of chosen credentials, to whom, and under which DID. Nothing here has a
//! secret key but that of a pairwise DID; what is to be signed comes out.
//!
//! Data minimisation is the default: of a credential that can hold something back, only what is asked
//! for is shown; and of an AgentCredential in a mandate, what its link needs.

use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::Did;
use did_resolver::keys::KeyKind;
use did_resolver::time::UnixSeconds;
use std::time::Duration;
use vc_schemas::chain::Link;
use vc_schemas::claims::Claims;
use vc_schemas::code::Code;
use vc_schemas::credential::Credential;
use vc_schemas::disclosure::Pointer;
use vc_schemas::presentation::{MAX_CREDENTIALS, Presentation};
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::secure::sd_jwt::BindingDraft;
use vc_schemas::secure::{Content, SecureError, Secured};

/// How long a presentation counts: it answers one nonce, on its way to one verifier.
pub const LIFE: Duration = Duration::from_secs(120);

/// What separates the keys of pairwise DIDs from whatever else is derived from a seed.
const PAIRWISE: &[u8] = b"marque pairwise did:key, version 1\0";

/// Whom something is shown to.
#[derive(Debug, Clone, Copy)]
pub struct Verifier<'a> {
    /// Its audience.
    pub audience: &'a str,
    /// The nonce that it gave.
    pub nonce: &'a str,
}

/// What is shown of `credentials`: each whole where it can only be so; of one that can hold something back,
/// what `wanted` leads to, and what its link among `links` needs.
///
/// # Errors
/// `request-malformed` for a place that is in none of them, or for more credentials than a presentation
/// holds.
pub fn shown(credentials: Vec<Secured>, links: &[Link], wanted: &[Pointer]) -> Result<Vec<Secured>, Refusal> {
    if credentials.len() > MAX_CREDENTIALS {
        let path = Path::root().then("verifiableCredential");
        return Err(Refusal::new(Code::TooLarge, path, "more credentials than a presentation holds"));
    }
    let leads =
        |credential: &Secured, place: &Pointer| credential.payload().pointer(&place.to_string()).is_some();
    if !wanted.iter().all(|place| credentials.iter().any(|credential| leads(credential, place))) {
        let path = Path::root().then("disclose");
        return Err(Refusal::new(Code::RequestMalformed, path, "leads to nothing in any of the credentials"));
    }
    let show = |(at, credential): (usize, Secured)| {
        if credential.is_plain() {
            return Ok(credential);
        }
        let mut places = needed(&credential, links);
        places.extend(wanted.iter().filter(|place| leads(&credential, place)).cloned());
        credential.disclosing(&places).map_err(|error| error.refusal(Content::Credential, Path::entry(at)))
    };
    credentials.into_iter().enumerate().map(show).collect()
}

/// What of an AgentCredential the link to its subject needs: the part of the ceiling that it uses.
fn needed(credential: &Secured, links: &[Link]) -> Vec<Pointer> {
    let read = Credential::read(credential.payload());
    let Ok(Credential { claims: Claims::Agent(agent), .. }) = read else { return Vec::new() };
    let Some(link) = links.iter().find(|link| link.delegation.id == agent.id) else { return Vec::new() };
    let listed = credential.payload().pointer("/credentialSubject/capabilities");
    let listed = listed.and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let used = |text: &serde_json::Value| {
        link.delegation
            .capabilities
            .iter()
            .any(|capability| Some(capability.to_string().as_str()) == text.as_str())
    };
    let place = |at: usize| Pointer::of(["credentialSubject", "capabilities", &at.to_string()]);
    let used = listed.iter().enumerate().filter(|(_, text)| used(text));
    used.map(|(at, _)| place(at)).collect()
}

/// The presentation of `credentials` by `holder`, to be signed by its authentication key.
#[must_use]
pub fn presentation(
    holder: &Did,
    verifier: Verifier<'_>,
    credentials: Vec<Secured>,
    now: UnixSeconds,
) -> Presentation {
    Presentation {
        holder: holder.clone(),
        audience: verifier.audience.to_owned(),
        nonce: verifier.nonce.to_owned(),
        issued: now,
        expires: now.plus(LIFE),
        credentials,
    }
}

/// The binding of an SD-JWT to one verifier, to be signed by its holder's key, which is of `kind`.
///
/// # Errors
/// [`SecureError::Type`] in an envelope that has no bindings; as [`BindingDraft::new`].
pub fn binding(
    shown: &Secured,
    verifier: Verifier<'_>,
    kind: KeyKind,
    now: UnixSeconds,
) -> Result<BindingDraft, SecureError> {
    let sd_jwt = shown.sd_jwt().ok_or(SecureError::Type)?;
    BindingDraft::new(sd_jwt, kind, (verifier.audience, verifier.nonce), now)
}

/// The Ed25519 secret of the did:key under which the holder of `seed` is known to `audience`, and to nobody
/// else: another audience sees another DID, and neither tells anything of the seed or of the other.
#[must_use]
pub fn pairwise_secret(seed: &[u8; 32], audience: &str) -> Sha256Digest {
    codec::sha256_of(&[PAIRWISE, seed, audience.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    //
    #[test]
    fn a_pairwise_secret_is_of_one_seed_and_one_audience() {
        let audiences = ["did:web:a.example", "did:web:b.example", "did:web:a.exampl", ""];
        let seeds = [[1; 32], [2; 32]];
        let of = |seed| audiences.map(|audience| pairwise_secret(seed, audience));
        assert_eq!(of(&seeds[0]), of(&seeds[0]));
        let all: BTreeSet<_> = seeds.iter().flat_map(of).collect();
        assert_eq!(all.len(), seeds.len() * audiences.len());
    }
}
