//! Logs that the Java, Rust and TypeScript implementations wrote, and what resolving them gives.

use super::*;
use crate::document::{Document, Relationship};
use crate::json::parse;
use crate::resolution::Resolution;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// After the youngest of them was written.
const LATER: UnixSeconds = UnixSeconds::new(1_900_000_000);

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|p| p.to_str().unwrap().ends_with(ending));
    found.sort();
    found
}

/// What implementations agree on: methods, relationships, explicit services.
fn essence(json: Value) -> (Vec<String>, Vec<(Relationship, String)>, Vec<(String, Value)>) {
    let document = Document::parse(json).unwrap();
    let listed = |r| document.listed(r).map(move |m| (r, m.id.to_string())).collect::<Vec<_>>();
    let implicit = |id: &str| id.ends_with("#files") || id.ends_with("#whois");
    let services = document.services().iter().map(|s| (s.id.to_string(), s.endpoint.clone()));
    (
        document.methods().iter().map(|m| format!("{} {:?}", m.id, m.key)).collect(),
        Relationship::ALL.into_iter().flat_map(listed).collect(),
        services.filter(|(id, _)| !implicit(id)).collect(),
    )
}

#[test]
fn logs_of_other_implementations_verify_and_resolve_to_what_they_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/webvh");
    let logs = files(&dir, ".jsonl");
    assert_eq!(logs.len(), 32);
    for path in logs {
        let name = path.file_name().unwrap().to_str().unwrap();
        let log = Log::verify(read_to_string(&path).unwrap().as_bytes(), LATER)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = read_to_string(path.with_extension("expected.json")).unwrap();
        for expected in parse(expected.as_bytes(), 100_000).unwrap().as_array().unwrap() {
            let number = expected["versionNumber"].as_u64().map(|n| VersionQuery::Number(n as u32));
            let resolution = Resolution::of_log(&log, log.did(), number.as_ref()).unwrap();
            let metadata = resolution.metadata.to_json();
            for member in ["versionId", "created", "deactivated"] {
                assert_eq!(metadata[member], expected[member], "{name}: {member}");
            }
            match (resolution.document, &expected["document"]) {
                (None, Value::Null) => {}
                (Some(ours), theirs) => {
                    assert_eq!(ours["id"], theirs["id"], "{name}");
                    assert_eq!(ours["alsoKnownAs"], theirs["alsoKnownAs"], "{name}");
                    assert_eq!(essence(ours), essence(theirs.clone()), "{name}");
                }
                (None, _) => panic!("{name}: no document"),
            }
        }
    }
}

/// The whole suite where it is at hand: what has no witnesses verifies, what has is refused.
#[test]
fn the_whole_suite_of_logs_is_judged_where_it_is_at_hand() {
    let mut ran = 0;
    if let Some(root) = std::env::var_os("MARQUE_VECTORS") {
        for case in files(&Path::new(&root).join("webvh"), "") {
            for implementation in ["java", "rust", "ts"] {
                let path = case.join(implementation).join("did.jsonl");
                let Ok(text) = read_to_string(&path) else { continue };
                match Log::verify(text.as_bytes(), LATER) {
                    Ok(_) => assert!(!text.contains("witnesses"), "{}", path.display()),
                    Err(e) => {
                        assert!(text.contains("witnesses"), "{}: {e}", path.display());
                        assert_eq!(why(e), EntryError::WitnessUnsupported);
                    }
                }
                ran += 1;
            }
        }
    }
    println!("{ran} logs of the whole suite");
}
