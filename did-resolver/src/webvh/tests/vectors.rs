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

/// Methods, relationships, explicit services.
type Essence = (Vec<String>, Vec<(Relationship, String)>, Vec<(String, Value)>);

/// What implementations agree on.
fn essence(json: Value) -> Essence {
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

/// The implicit services that `theirs` writes out, as `document` has them. One implementation
/// leaves the last slash of `#files` out.
fn implicit(document: &Value, theirs: &Value) -> Vec<(Value, Value, String)> {
    let named = |json: &Value| json["service"].as_array().cloned().unwrap_or_default();
    let ids: Vec<Value> = named(theirs).iter().map(|service| service["id"].clone()).collect();
    let mut found: Vec<_> = named(document)
        .into_iter()
        .filter(|s| {
            ids.contains(&s["id"])
                && ["#files", "#whois"].iter().any(|n| s["id"].as_str().unwrap().ends_with(n))
        })
        .map(|s| {
            (
                s["id"].clone(),
                s["type"].clone(),
                s["serviceEndpoint"].as_str().unwrap().trim_end_matches('/').to_owned(),
            )
        })
        .collect();
    found.sort_by_key(|(id, ..)| id.to_string());
    found
}

/// The witness file beside a log, if there is one.
fn verify(log: &Path, witness: &Path) -> Log {
    let witness = read_to_string(witness).ok();
    Log::verify_with(read_to_string(log).unwrap().as_bytes(), witness.as_deref().map(str::as_bytes), LATER)
        .unwrap_or_else(|e| panic!("{}: {e}", log.display()))
}

/// Compares what `number` (or the head) resolves to with what another implementation says.
fn compare(name: &str, log: &Log, number: Option<u32>, metadata: &Value, document: &Value) {
    let number = number.map(VersionQuery::Number);
    let resolution = Resolution::of_log(log, log.did(), number.as_ref()).unwrap();
    let ours = resolution.metadata.to_json();
    for member in ["versionId", "created"] {
        assert_eq!(ours[member], metadata[member], "{name}: {member}");
    }
    // One implementation leaves `deactivated` out where it is false.
    assert_eq!(ours["deactivated"] == true, metadata["deactivated"] == true, "{name}: deactivated");
    match (resolution.document, document) {
        // Two implementations return the document of a deactivated DID; the specification forbids it.
        (None, _) => assert!(log.is_deactivated(), "{name}"),
        (Some(ours), theirs) => {
            assert_eq!(ours["id"], theirs["id"], "{name}");
            let names = |json: &Value| json.get("alsoKnownAs").cloned().unwrap_or(json!([]));
            assert_eq!(names(&ours), names(theirs), "{name}");
            assert_eq!(implicit(&ours, theirs), implicit(theirs, theirs), "{name}");
            assert_eq!(essence(ours), essence(theirs.clone()), "{name}");
        }
    }
}

/// Each version by its id, its number and its time: the entry's own state, with two services more.
fn at_each_version(name: &str, log: &Log) -> usize {
    let lines = log.bytes().trim_ascii_end().split(|b| *b == b'\n');
    let entries: Vec<Value> = lines.map(|line| parse(line, MAX_ENTRY_BYTES).unwrap()).collect();
    for (place, entry) in entries.iter().enumerate() {
        let number = u32::try_from(place).unwrap() + 1;
        let id = entry["versionId"].as_str().unwrap();
        let time = UnixSeconds::parse(entry["versionTime"].as_str().unwrap()).unwrap();
        let did: crate::did::Did = entry["state"]["id"].as_str().unwrap().parse().unwrap();
        let by_id = Resolution::of_log(log, &did, Some(&VersionQuery::Id(id.to_owned()))).unwrap();
        for query in [VersionQuery::Number(number), VersionQuery::Time(time)] {
            let other = Resolution::of_log(log, &did, Some(&query));
            assert_eq!(other.as_ref(), Ok(&by_id), "{name}: {query:?}");
        }
        let metadata = by_id.metadata.to_json();
        let later = entries.get(place + 1);
        let expected = [
            ("versionId", Some(json!(id))),
            ("versionNumber", Some(json!(number.to_string()))),
            ("versionTime", Some(json!(time.to_string()))),
            ("created", Some(json!(log.versions().next().unwrap().time.to_string()))),
            ("updated", Some(json!(log.head().time.to_string()))),
            ("deactivated", Some(json!(log.is_deactivated()))),
            ("scid", Some(entries[0]["parameters"]["scid"].clone())),
            ("nextVersionId", later.map(|later| later["versionId"].clone())),
        ];
        for (member, value) in expected {
            assert_eq!(metadata.get(member), value.as_ref(), "{name}, version {number}: {member}");
        }
        let over = entry["parameters"]["deactivated"] == true;
        assert_eq!(by_id.document.is_none(), over, "{name}, version {number}");
        let Some(document) = by_id.document else { continue };
        assert_eq!(document["id"], entry["state"]["id"], "{name}, version {number}");
        assert_eq!(essence(document.clone()), essence(entry["state"].clone()), "{name}, version {number}");
        let services: Vec<_> = document["service"].as_array().unwrap().iter().collect();
        for fragment in ["#files", "#whois"] {
            let is = |service: &&&Value| service["id"].as_str().unwrap().ends_with(fragment);
            assert_eq!(services.iter().filter(is).count(), 1, "{name}, version {number}: {fragment}");
        }
    }
    entries.len()
}

#[test]
fn logs_of_other_implementations_verify_and_resolve_to_what_they_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/webvh");
    let logs = files(&dir, ".jsonl");
    let (mut witnessed, mut compared, mut versions) = (0, 0, 0);
    for path in &logs {
        let name = path.file_name().unwrap().to_str().unwrap();
        let log = verify(path, &path.with_extension("witness.json"));
        witnessed += usize::from(!log.witness_proofs().is_empty());
        versions += at_each_version(name, &log);
        let expected = read_to_string(path.with_extension("expected.json")).unwrap();
        for expected in parse(expected.as_bytes(), 100_000).unwrap().as_array().unwrap() {
            let number = expected["versionNumber"].as_u64().map(|n| u32::try_from(n).unwrap());
            compare(name, &log, number, expected, &expected["document"]);
            compared += 1;
        }
    }
    println!(
        "{} logs, {witnessed} of them witnessed, {versions} versions, {compared} results of others",
        logs.len()
    );
    assert_eq!((logs.len(), witnessed, versions, compared), (38, 6, 70, 44));
}

#[test]
fn witnessed_logs_of_other_implementations_are_refused_without_their_proofs() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/webvh");
    for file in files(&dir, ".witness.json") {
        let log = file.to_str().unwrap().replace(".witness.json", ".jsonl");
        let refused = Log::verify(read_to_string(log).unwrap().as_bytes(), LATER).unwrap_err();
        assert_eq!(refused, EntryError::WitnessMissing.at(1), "{}", file.display());
    }
}

/// The whole suite where it is at hand, each log with every resolution result beside it.
#[test]
fn the_whole_suite_of_logs_is_judged_where_it_is_at_hand() {
    let (mut logs, mut compared, mut versions) = (0, 0, 0);
    if let Some(root) = std::env::var_os("MARQUE_VECTORS") {
        for case in files(&Path::new(&root).join("webvh"), "") {
            for implementation in ["java", "rust", "ts"] {
                let dir = case.join(implementation);
                if !dir.join("did.jsonl").exists() {
                    continue;
                }
                let log = verify(&dir.join("did.jsonl"), &dir.join("did-witness.json"));
                logs += 1;
                versions += at_each_version(&dir.display().to_string(), &log);
                for path in files(&dir, ".json") {
                    let file = path.file_name().unwrap().to_str().unwrap();
                    let Some(number) = file.strip_prefix("resolutionResult") else { continue };
                    let number = number.split('.').nth(1).and_then(|n| n.parse().ok());
                    let result = parse(read_to_string(&path).unwrap().as_bytes(), 100_000).unwrap();
                    let name = path.display().to_string();
                    compare(&name, &log, number, &result["didDocumentMetadata"], &result["didDocument"]);
                    compared += 1;
                }
            }
        }
        assert_eq!((logs, versions, compared), (38, 70, 44));
    }
    println!("{logs} logs of the whole suite, {versions} versions, {compared} results of others");
}
