//! A domain that outgrew one node: its records go from files to a server that several nodes share.

use crate::process::Domain;
use crate::shared::{list, on_server};
use std::collections::BTreeSet;

fn runs(domain: &Domain, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, serde_json::Value) {
    let output = domain.command(arguments).arg("--json").envs(variables.iter().copied()).output().unwrap();
    let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    (output.status.code().unwrap(), serde_json::from_slice(text).unwrap_or_default())
}

// R-346 R-347
#[test]
fn a_domain_goes_on_on_a_server_with_all_that_it_had_on_files() {
    let Some(on_server) = on_server("outgrown", "a") else { return };
    let server: Vec<(&str, &str)> = on_server.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The server is known, and not used yet.
    let known: Vec<_> = server.iter().filter(|(name, _)| *name != "MARQUE_STORE__ENGINE").copied().collect();
    let mut a = Domain::start("alpha.test");
    a.done(&["trust", "add", &a.did, "--cap", "calendar:read"]);
    a.done(&["owner", "create", "alice"]);
    for bot in ["kept", "revoked"] {
        a.done(&["agent", "create", bot, "--owner", "alice", "--cap", "calendar:read"]);
        a.verifies_until(&a, bot, 0);
    }
    revoke(&a, "revoked");
    a.verifies_until(&a, "revoked", 4);
    let indices = |a: &Domain| -> BTreeSet<String> {
        let listed = a.done(&["credential", "ls"]).json["credentials"].as_array().unwrap().clone();
        listed.iter().map(|credential| credential["id"].as_str().unwrap().to_owned()).collect()
    };
    let before = (indices(&a), list(&a).unwrap().0);
    // Not while it runs.
    assert_ne!(runs(&a, &known, &["store", "to-postgres"]).0, 0);
    a.stop();
    let (exit, moved) = runs(&a, &known, &["store", "to-postgres"]);
    assert_eq!(exit, 0, "{moved}");
    assert!(moved["records"].as_u64().unwrap() > 20, "{moved}");
    assert!(!a.data().join("store").join("log").exists() && a.data().join("store.moved/log").exists());
    // No node starts on files here any more, be they there or not.
    for _ in 0..2 {
        let (exit, refused) = runs(&a, &[], &["up", "--while-stdin"]);
        assert_ne!(exit, 0);
        assert!(refused.to_string().contains("moved to PostgreSQL"), "{refused}");
        copied(&a.data().join("store.moved"), &a.data().join("store"));
    }
    // What was moved once is not moved again over what came since.
    std::fs::rename(a.data().join("store.moved"), a.data().join("elsewhere")).unwrap();
    let (exit, refused) = runs(&a, &known, &["store", "to-postgres"]);
    assert!(exit != 0 && refused.to_string().contains("records of its own"), "{refused}");
    std::fs::remove_dir_all(a.data().join("store")).unwrap();
    a.up_with(&server);
    assert_eq!(indices(&a), before.0);
    a.verifies_until(&a, "kept", 0);
    a.verifies_until(&a, "revoked", 4);
    // Its lists go on where they were.
    revoke(&a, "kept");
    a.verifies_until(&a, "kept", 4);
    assert!(list(&a).unwrap().0 > before.1);
}

/// Revokes what is delegated to an agent.
fn revoke(a: &Domain, agent: &str) {
    let listed = a.done(&["credential", "ls"]).json["credentials"].as_array().unwrap().clone();
    let is_its = |c: &&serde_json::Value| {
        c["type"] == "DelegationCredential" && c.to_string().contains(&format!("agents:{agent}"))
    };
    let delegation = listed.iter().find(is_its).expect("a delegation");
    a.done(&["credential", "revoke", delegation["id"].as_str().unwrap()]);
}

fn copied(from: &std::path::Path, to: &std::path::Path) {
    assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}
