//! Tests of the command line.

mod journey;
mod stand_in;

use super::*;
use clap::CommandFactory as _;

fn parses(line: &str) -> bool {
    Cli::try_parse_from(line.split(' ')).is_ok()
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn the_lines_of_the_product_page_are_understood() {
    for line in [
        "marque init --domain acme.example --data /tmp/x",
        "marque up --data /tmp/x --public 127.0.0.1:0",
        "marque --json status",
        "marque owner create alice --kind organization",
        "marque agent create travel-bot --owner alice --cap calendar:read,calendar:write --did-only",
        "marque agent rotate travel-bot --compromised --dry-run",
        "marque agent revoke travel-bot --dry-run",
        "marque delegate travel-bot calendar-bot@b.example --cap calendar:read --ttl 30m --max-depth 1",
        "marque delegate agent:a did:key:z6Mk --cap a:b --audience did:web:x --mandate - --format vc+cose",
        "marque present --agent calendar-bot --nonce n --aud did:webvh:x --curl",
        "marque approve alice travel-bot --cap mail:send --aud did:web:x --argument to=bob --ttl 5m",
        "marque verify --new-nonce",
        "marque verify - --capability calendar:read --json",
        "marque resolve did:webvh:x:y --version-number 2",
        "marque resolve did:webvh:x:y --from-file did.jsonl --witness did-witness.json --trace",
        "marque inspect did:webvh:x:y",
        "marque inspect did.jsonl --witness did-witness.json --json",
        "marque conformance issue --input i --key k --feature credential_sdjwt --sd [] --output o",
        "marque conformance verify --input i --key k --feature presentation_cose --output o",
        "marque credential revoke urn:uuid:01234567-89ab-4cde-8f01-23456789abcd --dry-run",
        "marque peer invite --ttl 10m",
        "marque peer join mqj1.x",
        "marque trust add did:webvh:x:y --cap calendar:read",
        "marque trust ls",
        "marque trust ls --of did:webvh:x:y --json",
        "marque config show --origin",
    ] {
        assert!(parses(line), "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_not_understood() {
    for line in [
        "marque",
        "marque init",
        "marque verify",
        "marque verify - --new-nonce",
        "marque verify --new-nonce --capability a:b",
        "marque verify --new-nonce --resource x",
        "marque approve alice travel-bot --cap mail:send",
        "marque approve alice --cap mail:send --aud did:web:x",
        "marque agent create travel-bot --owner alice",
        "marque agent create Travel --owner alice --cap a:b",
        "marque agent create ../x --owner alice --cap a:b",
        "marque delegate a b --cap nonsense",
        "marque delegate a b --cap a:b --ttl 0s",
        "marque delegate a b --cap a:b --max-depth 9",
        "marque credential revoke 1",
        "marque resolve did:x:y --version-id a --version-number 1",
        "marque resolve did:x:y --witness did-witness.json",
        "marque inspect",
        "marque trust add acme.example",
    ] {
        assert!(!parses(line), "{line}");
    }
}

#[test]
fn no_argument_takes_a_secret() {
    //
    fn names(command: &clap::Command, found: &mut Vec<String>) {
        found.extend(command.get_arguments().map(|a| a.get_id().to_string()));
        command.get_subcommands().for_each(|sub| names(sub, found));
    }
    let mut found = Vec::new();
    names(&Cli::command(), &mut found);
    for name in found {
        assert!(
            !["passphrase", "password", "secret", "key"].iter().any(|word| name.contains(word)),
            "{name}"
        );
    }
}
