//! An approval before a verifier: it lets one use through, once, also over a restart.

use crate::world::{Holder, Node};
use marque_flows::error::Error;
use marque_flows::ports::records::{Records, Table};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use std::sync::Arc;
use vc_schemas::check::Verdict;
use vc_schemas::claims::{Approval, Claims, Parent};
use vc_schemas::code::Code;
use vc_schemas::credential::Credential;
use vc_schemas::delegation::constraints::Constraints;
use vc_schemas::facts::Request;
use vc_schemas::secure::{Envelope, Secured};

/// alice -> travel-bot, who needs an approval to write.
struct Journey {
    node: Node,
    alice: Holder,
    travel: Holder,
    link: Secured,
}

impl Journey {
    async fn new() -> Self {
        let node = Node::new("alpha.test").await;
        let alice = node.owner("alice").await;
        let travel = node.agent("travel-bot", "alice", &["calendar:write"]).await;
        let needs = serde_json::json!({"needsApproval": ["calendar:write"]});
        let constraints = Constraints::read(&needs).unwrap();
        let link = node.bound_link((&alice, &travel), &[], &["calendar:write"], constraints).await;
        node.trusts(&node, &["calendar:write"]).await;
        Self { node, alice, travel, link }
    }

    fn request() -> Request {
        Request { capability: Some("calendar:write".parse().unwrap()), ..Request::default() }
    }

    async fn approval(&self, life: u64) -> Secured {
        let domain = &self.node.domain;
        let index = domain.reserve_index(&self.alice.did()).await.unwrap();
        let action = Self::request().action(domain.home.did.as_str()).unwrap();
        let approval = Approval {
            id: self.travel.did(),
            capability: action.capability.clone(),
            action: action.digest().unwrap(),
            mandate: Parent {
                id: self.link.payload()["id"].as_str().unwrap().to_owned(),
                digest: self.link.digest(),
            },
        };
        self.node.signed(&self.alice, index, life, Claims::Approval(approval))
    }

    async fn present(&self, approval: Option<&Secured>) -> Vec<u8> {
        let mut all = vec![self.link.clone()];
        all.push(self.node.identity(MemberKind::Owner, "alice").await);
        all.push(self.node.identity(MemberKind::Agent, "travel-bot").await);
        all.extend(approval.cloned());
        self.travel.present(&self.node, &self.node.domain.new_nonce().unwrap(), all)
    }

    async fn verify(&self, approval: Option<&Secured>) -> Result<Verdict, Error> {
        let presented = self.present(approval).await;
        self.node.domain.verify(&presented, Envelope::Jwt, Self::request()).await
    }

    async fn claims(&self) -> usize {
        self.node.records.scan(Table::Claims, b"", None, 100).await.unwrap().len()
    }
}

fn code(result: Result<Verdict, Error>) -> (Code, String) {
    let refusal = result.unwrap_err().refusal();
    (refusal.code, refusal.path.to_string())
}

// R-312 R-314 R-315
#[tokio::test]
async fn an_approval_counts_once_also_after_a_restart_and_its_approver_is_on_record() {
    let mut journey = Journey::new().await;
    assert_eq!(code(journey.verify(None).await).0, Code::ApprovalRequired);
    let approval = journey.approval(600).await;
    let verdict = journey.verify(Some(&approval)).await.unwrap();
    assert!(verdict.obligations.is_empty(), "the node has claimed it");
    assert_eq!(verdict.approval.unwrap().approver, journey.alice.did());
    let used = (Code::ApprovalUsed, "approval".to_owned());
    assert_eq!(code(journey.verify(Some(&approval)).await), used);
    journey.node = Node::over("alpha.test", Arc::clone(&journey.node.records)).await;
    assert_eq!(code(journey.verify(Some(&approval)).await), used);
    let rows = journey.node.records.scan(Table::Decisions, b"", None, 1_000).await.unwrap();
    let entries: Vec<serde_json::Value> =
        rows.iter().map(|row| serde_json::from_slice(&row.stored.value).unwrap()).collect();
    let approver = journey.alice.did();
    let outcomes: Vec<_> = entries
        .iter()
        .filter(|entry| entry["facts"]["approval"]["approver"] == approver.as_str())
        .map(|entry| (entry["outcome"].as_str().unwrap(), entry["code"].as_str()))
        .collect();
    let refused = ("refused", Some("approval-used"));
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.contains(&("verified", None)) && outcomes.contains(&refused), "{outcomes:?}");
}

#[tokio::test]
async fn of_two_uses_of_one_approval_at_the_same_time_one_is_refused() {
    let journey = Journey::new().await;
    let approval = journey.approval(600).await;
    let (one, two) = tokio::join!(journey.verify(Some(&approval)), journey.verify(Some(&approval)));
    let refused = if one.is_ok() { two } else { one };
    assert_eq!(code(refused).0, Code::ApprovalUsed);
    journey.verify(Some(&journey.approval(600).await)).await.unwrap();
}

#[tokio::test]
async fn claims_of_approvals_that_are_past_are_cleared_and_let_nothing_through_again() {
    let journey = Journey::new().await;
    let short = journey.approval(100).await;
    journey.verify(Some(&short)).await.unwrap();
    journey.node.pass(159);
    journey.verify(Some(&journey.approval(600).await)).await.unwrap();
    assert_eq!(journey.claims().await, 2, "within the skew the first could still be presented");
    assert_eq!(code(journey.verify(Some(&short)).await).0, Code::ApprovalUsed);
    journey.node.pass(1);
    journey.verify(Some(&journey.approval(600).await)).await.unwrap();
    assert_eq!(journey.claims().await, 2);
    assert_eq!(code(journey.verify(Some(&short)).await).0, Code::CredentialExpired);
}

#[tokio::test]
async fn a_presentation_that_is_refused_leaves_its_approval_unused() {
    let journey = Journey::new().await;
    let approval = journey.approval(600).await;
    let presented = journey.present(Some(&approval)).await;
    let other = Request { purpose: Some("another".to_owned()), ..Journey::request() };
    let refused = journey.node.domain.verify(&presented, Envelope::Jwt, other).await;
    assert_eq!(code(refused), (Code::ApprovalMismatch, "approval.action".to_owned()));
    assert_eq!(journey.claims().await, 0);
    journey.node.domain.verify(&presented, Envelope::Jwt, Journey::request()).await.unwrap();
}

// R-043 R-312
#[tokio::test]
async fn a_registered_approval_can_be_withdrawn_until_it_is_used() {
    let journey = Journey::new().await;
    let domain = &journey.node.domain;
    let (withdrawn, kept) = (journey.approval(600).await, journey.approval(600).await);
    let id = domain.register_approval(&withdrawn).await.unwrap().id;
    domain.register_approval(&kept).await.unwrap();
    let listed = domain.credential(&id).await.unwrap().0;
    assert_eq!((&listed["type"], &listed["state"]), (&"ApprovalCredential".into(), &"active".into()));
    domain.act_on_credential(&id, Act::Revoke).await.unwrap();
    let revoked = (Code::CredentialRevoked, "approval.credentialStatus".to_owned());
    assert_eq!(code(journey.verify(Some(&withdrawn)).await), revoked);
    journey.verify(Some(&kept)).await.unwrap();
    let used = Code::ApprovalUsed;
    assert_eq!(code(journey.verify(Some(&kept)).await).0, used);
    assert_eq!(
        domain.act_on_credential(&id, Act::Resume).await.unwrap_err().refusal().code,
        Code::StateConflict
    );
}

#[tokio::test]
async fn only_an_owner_registers_an_approval_and_only_at_a_place_of_its_own() {
    let journey = Journey::new().await;
    let domain = &journey.node.domain;
    let approval = journey.approval(600).await;
    let claims = || Credential::read(approval.payload()).unwrap().claims;
    let refused = async |approval: &Secured| {
        let refusal = domain.register_approval(approval).await.unwrap_err().refusal();
        (refusal.code, refusal.path.to_string())
    };
    let at = |place: &str| format!("approval{place}");
    let mail = journey.node.agent("mail-bot", "alice", &["calendar:write"]).await;
    let own = domain.reserve_index(&mail.did()).await.unwrap();
    let by_agent = journey.node.signed(&mail, own, 600, claims());
    assert_eq!(refused(&by_agent).await, (Code::ApprovalMismatch, at("")));
    let elsewhere = journey.node.signed(&journey.alice, own, 600, claims());
    assert_eq!(refused(&elsewhere).await, (Code::StatusAuthority, at(".credentialStatus")));
    assert_eq!(refused(&journey.link).await, (Code::CredentialMalformed, at("")), "a link is none");
    domain.register_approval(&approval).await.unwrap();
    assert_eq!(refused(&approval).await.0, Code::StatusAuthority, "an index serves one approval");
    domain.act_on_member(MemberKind::Owner, "alice", Act::Suspend).await.unwrap();
    let other = journey.node.signed(&journey.alice, own, 600, claims());
    assert_eq!(refused(&other).await.0, Code::OwnerSuspended);
}
