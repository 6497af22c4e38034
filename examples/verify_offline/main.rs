//! A relying party without a node: verifies a presentation from files alone, by floors 0 and 1.
//!
//! With the first node of the README up, the files come from its public listener; a web server or cache may
//! stand between:
//!
//!     node=http://127.0.0.1:8640
//!     curl -sf $node/.well-known/did.jsonl -o acme.jsonl
//!     curl -sf $node/owners/alice/did.jsonl -o alice.jsonl
//!     curl -sf $node/agents/travel-bot/did.jsonl -o travel-bot.jsonl
//!     curl -sf $node/status/revocation -o revocation.jwt
//!     curl -sf $node/status/suspension -o suspension.jwt
//!     marque present --agent travel-bot --nonce 2718281828 --aud did:web:shop.example > presentation.jwt
//!
//!     cargo run -p marque-examples --example verify_offline -- presentation.jwt \
//!         --audience did:web:shop.example --nonce 2718281828 \
//!         --trust "$(marque status --json | jq -r .did)=calendar:read,calendar:write" \
//!         --log acme.jsonl --log alice.jsonl --log travel-bot.jsonl \
//!         --list revocation.jwt --list suspension.jwt
//!
//! It exits with 0 where the presentation verifies, 3 where it does not, 5 where a file is missing to know,
//! and 2 where one cannot be read. `--trust DOMAIN_DID=` recognises a domain that may root nothing. `--at` sets the time, RFC 3339.

use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::WebvhId;
use marque_examples::Bundle;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use vc_schemas::check::{Held, Outcome, check};
use vc_schemas::delegation::scope::{Capability, Scope};
use vc_schemas::facts::{Anchor, DEFAULT_SKEW, DEFAULT_STATUS_MAX_AGE, Expect, Recognition, Request};
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

fn main() -> ExitCode {
    match run() {
        Ok(exit) => ExitCode::from(exit),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// The exit code of the verdict.
fn run() -> Result<u8, String> {
    let mut now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?.as_secs();
    let (mut presented, mut logs, mut lists) = (None, Vec::new(), Vec::new());
    let (mut audience, mut nonce, mut domains) = (String::new(), String::new(), BTreeMap::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if !argument.starts_with("--") {
            presented = Some(read(&argument)?);
            continue;
        }
        let value = arguments.next().ok_or(format!("{argument} wants a value"))?;
        match argument.as_str() {
            "--audience" => audience = value,
            "--nonce" => nonce = value,
            "--at" => now = UnixSeconds::parse(&value).map_err(|e| e.to_string())?.get(),
            "--log" => logs.push(read(&value)?),
            "--list" => lists.push(read(&value)?),
            "--trust" => domains.extend([trusted(&value)?]),
            _ => return Err(format!("{argument} is not known")),
        }
    }
    let now = UnixSeconds::new(now);
    let mut bundle = Bundle::default();
    for log in &logs {
        bundle.add_log(log, now)?;
    }
    for list in &lists {
        bundle.add_list(list.trim_ascii(), now)?;
    }
    let presented = presented.ok_or("name the file of the presentation")?;
    let presented =
        Secured::parse(Content::Presentation, Envelope::Jwt, presented.trim_ascii(), MAX_PRESENTATION_BYTES)
            .map_err(|error| error.to_string())?;
    let expect = Expect {
        audience,
        nonce,
        domains,
        principals: BTreeMap::new(),
        status_max_age: DEFAULT_STATUS_MAX_AGE,
        deferrable: Scope::default(),
        skew: DEFAULT_SKEW,
        request: Request::default(),
    };
    let outcome = match Held::read(presented) {
        Ok(held) => check(&held, bundle.facts(), &expect, now),
        Err(refusal) => Outcome::Refused(refusal),
    };
    Ok(match outcome {
        Outcome::Verified(verdict) => {
            println!("{:#}", verdict.to_json());
            0
        }
        Outcome::Refused(refusal) => {
            println!("refused: {refusal}");
            3
        }
        Outcome::Wants(wants) => {
            println!("could not know: {}", wants.not_to_be_had());
            wants.dids.iter().for_each(|did| println!("  missing the log of {did}"));
            wants.status_lists.iter().for_each(|key| println!("  missing the list {}", key.url));
            5
        }
    })
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{path}: {error}"))
}

fn trusted(text: &str) -> Result<(String, Recognition), String> {
    let (did, capabilities) = text.split_once('=').ok_or("--trust wants DID=capability,capability")?;
    let did: Did = did.parse().map_err(|_| format!("{did} is not a DID"))?;
    let id = WebvhId::parse(&did).map_err(|error| error.to_string())?;
    let capabilities: Result<Vec<Capability>, _> =
        capabilities.split(',').filter(|c| !c.is_empty()).map(str::parse).collect();
    let capabilities = capabilities.and_then(Scope::new).map_err(|error| error.to_string())?;
    let anchor = Anchor { capabilities, resources: None };
    Ok((id.scid().to_owned(), Recognition { suspended: false, anchor }))
}
