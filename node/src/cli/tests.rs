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
fn man_says_how_to_read_the_page_that_it_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let cli = Cli::try_parse_from(["marque", "man", "--dir", dir.path().to_str().unwrap()]).unwrap();
    let answer = offline(&cli).unwrap().unwrap();
    let page = dir.path().join("marque.1");
    assert!(page.exists());
    assert_eq!(answer.talk, [format!("man -l {}", page.display())]);
}

#[test]
fn no_argument_takes_a_secret() {
    //
    fn names(command: &clap::Command, found: &mut Vec<String>) {
        // Of a file it is said only where it is, and of what has a closed list which of that.
        let is_file = |a: &clap::Arg| a.get_value_names().is_some_and(|names| names == ["FILE"]);
        let is_of_a_list = |a: &clap::Arg| !a.get_possible_values().is_empty();
        let taken = command.get_arguments().filter(|a| !is_file(a) && !is_of_a_list(a));
        found.extend(taken.map(|a| a.get_id().to_string()));
        command.get_subcommands().for_each(|sub| names(sub, found));
    }
    let mut found = Vec::new();
    names(&Cli::command(), &mut found);
    for name in found {
        assert!(
            !["passphrase", "password", "secret", "key", "pin"].iter().any(|word| name.contains(word)),
            "{name}"
        );
    }
}

/// The words after each `marque` in what a page has one type: between backquotes, in blocks of code, and in the
/// actions of alerts.
fn typed(page: &str) -> Vec<Vec<String>> {
    let mut spans: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    spans.extend(
        page.lines().filter(|line| line.starts_with("    ") || line.trim_start().starts_with("action:")),
    );
    let ends =
        |word: &str| matches!(word, "|" | "&&" | ">" | "#" | "\\") || word.starts_with(['#', '>', '|']);
    let line = |words: &str| -> Vec<String> {
        let bare = |word: &str| word.trim_matches(['"', '\'', '[', ']', '(', ')', ',']).to_owned();
        let mut line = Vec::new();
        for word in words.split_whitespace().take_while(|word| !ends(word)) {
            let is_last = word.ends_with([';', ':', '`']) || word.ends_with('.') && word.len() > 1;
            line.push(bare(word.trim_end_matches([';', ':', '`', '.'])));
            if is_last {
                break;
            }
        }
        line
    };
    let is_start = |before: &str| {
        // `-p marque` is cargo's, `-o marque` a user's name.
        let is_value = before.split_whitespace().last().is_some_and(|word| word.starts_with('-'));
        let is_path = before.ends_with("target/debug/") || before.ends_with("target/release/");
        is_path
            || before.is_empty()
            || before.ends_with([' ', '"', '(']) && (!is_value || before.ends_with("-- "))
    };
    let mut found = Vec::new();
    for span in spans {
        let mut rest = span;
        while let Some((before, after)) = rest.split_once("marque ") {
            if is_start(before) {
                found.push(line(after));
            }
            rest = after;
        }
    }
    found
}

#[test]
fn every_command_that_a_page_says_to_type_is_one() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md"), root.join("ARCHITECTURE.md")];
    pages.push(root.join("deploy/prometheus/alerts.yaml"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    pages.extend(
        docs.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "md")),
    );
    let cli = Cli::command();
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for line in typed(&text) {
            let mut command = &cli;
            let mut options: Vec<&str> = Vec::new();
            let mut is_value = false;
            for word in &line {
                if let Some(option) = word.strip_prefix("--") {
                    options.push(option.split('=').next().unwrap());
                    is_value = command.get_arguments().chain(cli.get_arguments()).any(|argument| {
                        argument.get_long() == Some(option) && argument.get_action().takes_values()
                    });
                } else if is_value {
                    is_value = false;
                } else if word == "help" {
                    break;
                } else if command.has_subcommands() {
                    // `ls|show`: each of them.
                    let mut names = word.split('|');
                    let first = names.next().unwrap();
                    let next = command.find_subcommand(first);
                    let is_word = first.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                    assert!(next.is_some() || !is_word, "{}: marque {}", page.display(), line.join(" "));
                    assert!(
                        names.all(|name| command.find_subcommand(name).is_some()),
                        "{}: marque {}",
                        page.display(),
                        line.join(" ")
                    );
                    let Some(next) = next else { break };
                    command = next;
                }
            }
            let known = |option: &str| {
                option.is_empty()
                    || ["help", "version"].contains(&option)
                    || command.get_arguments().chain(cli.get_arguments()).any(|argument| {
                        argument.get_long() == Some(option)
                            || argument.get_all_aliases().is_some_and(|all| all.contains(&option))
                    })
            };
            let unknown: Vec<_> = options.into_iter().filter(|option| !known(option)).collect();
            assert!(unknown.is_empty(), "{}: marque {}: {unknown:?}", page.display(), line.join(" "));
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}
