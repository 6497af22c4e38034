//! Other domains' nodes: which are not met, not connected, not heard, or do not let this one in.

use super::{Facts, Found, Level, first_of, items, text};
use marque_rules::replica::Refusal;
use serde_json::Value;
use std::collections::BTreeMap;

/// Rounds of anti-entropy that may fail before it is told.
const MISSED_ROUNDS: u64 = 4;

pub(super) fn peers(facts: &Facts) -> Found {
    let (config, node) = (facts.config.as_ref().ok()?, facts.node.as_ref().ok()?);
    let mesh = node.get("mesh")?;
    let own = node.get("did").and_then(Value::as_str);
    let mut found = Vec::new();
    for head in items(mesh, "logHeads") {
        let did = head.get("did").and_then(Value::as_str).unwrap_or_default();
        if Some(did) != own && head.get("versionId").is_none_or(Value::is_null) {
            let reason = format!("nothing is known of {did}, which is recognised");
            let action =
                "Ask its operator for a join token: marque peer invite there, marque peer join here.";
            found.push((Level::Bad, reason, action.to_owned()));
        }
    }
    let others = items(mesh, "logHeads").len() > 1 || !config.mesh.peers.is_empty();
    if others && node.get("peers").and_then(Value::as_u64) == Some(0) {
        let reason = "no other node is connected".to_owned();
        let action = "marque peer ls says which are known, marque events why they do not come in.";
        found.push((Level::Bad, reason, action.to_owned()));
    }
    found.extend(refusals(items(mesh, "refusedBy"), own.unwrap_or_default()));
    let lag = mesh.get("syncLagSeconds").and_then(Value::as_u64).unwrap_or_default();
    if lag > MISSED_ROUNDS * u64::from(config.mesh.sync_seconds) {
        let reason = format!("what is held was last compared with a peer {lag} s ago");
        found.push((Level::Look, reason, "marque events says what peers answer.".to_owned()));
    }
    Some(found)
}

/// One finding for each reason for which connected nodes do not let this one in: they hear nothing of this domain,
/// and pass nothing on to it. `all` is of the node's answer, `own` the DID of this domain.
fn refusals(all: &[Value], own: &str) -> Vec<(Level, String, String)> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in all {
        by_reason.entry(text(one, "reason")).or_default().push(text(one, "peerId"));
    }
    let finding = |(reason, peers): (&str, Vec<&str>)| {
        let action = match Refusal::from_name(reason) {
            Some(Refusal::UnknownDomain | Refusal::NotAdmitted) => format!(
                "They do not recognise this domain. Where they should, their operator runs: marque trust add {own}"
            ),
            Some(Refusal::MembershipExpired | Refusal::BadMembership) => {
                "Compare the clocks, here and there: timedatectl. After a rotation or marque peer revoke-memberships \
                 it ends by itself."
                    .to_owned()
            }
            _ => "It is tried again by itself. Where it stays so, marque events on their side says more.".to_owned(),
        };
        (Level::Look, format!("this node is not let in ({reason}) by {}", first_of(&peers)), action)
    };
    by_reason.into_iter().map(finding).collect()
}
