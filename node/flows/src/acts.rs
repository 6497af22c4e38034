//! What a domain is asked to do. An act that is done is on record by the batch that does it; one that is
//! refused is on record, here, before the refusal is told.

use crate::domain::Domain;
use crate::error::Error;
use crate::forks::Fork;
use crate::issue::Issued;
use crate::members::{Member, NewMember};
use crate::peers::PeerRecord;
use crate::ports::keys::NextKeys;
use crate::ports::mesh::Ban;
use crate::record::{Decision, Kind};
use did_resolver::did::Did;
use did_resolver::webvh::Log;
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::{Act, Standing};
use marque_rules::replica::MembershipEpoch;
use marque_rules::replica::floor::ReceivedLog;
use marque_rules::trust::TrustedDomain;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::credential::Credential;
use vc_schemas::secure::{Envelope, Secured};

/// Most characters of what a caller named that stand in the record of a refusal.
const MAX_SUBJECT: usize = 256;

impl Domain {
    /// Registers a member: checks its log and that it holds its key, reserves its indices, issues its
    /// identity credential and announces its log, all in one durable step.
    ///
    /// # Errors
    /// [`Error::Refused`]; nothing was changed then but the nonce, which is used up.
    pub async fn register(
        &self,
        name: &str,
        new: NewMember,
        log: impl Into<ReceivedLog<'_>>,
        proof: &[u8],
    ) -> Result<(Member, String), Error> {
        self.told("register", name, self.try_register(name, new, log.into(), proof).await).await
    }

    /// Accepts the next version of a member's log: a rotation of its keys, or another change of its
    /// document.
    ///
    /// # Errors
    /// [`Error::Refused`]: `log-refused` where it does not extend what is held.
    pub async fn update_log(
        &self,
        kind: MemberKind,
        name: &str,
        log: impl Into<ReceivedLog<'_>>,
    ) -> Result<Log, Error> {
        self.told("update-log", name, self.try_update_log(kind, name, log.into()).await).await
    }

    /// Suspends, resumes or revokes a member: its status index for life says so to everybody. With an
    /// owner its agents are revoked.
    ///
    /// # Errors
    /// [`Error::Refused`] with `state-conflict` where it is revoked already and the act is another.
    pub async fn act_on_member(&self, kind: MemberKind, name: &str, act: Act) -> Result<Member, Error> {
        self.told(act.as_str(), name, self.try_act_on_member(kind, name, act).await).await
    }

    /// Ends every membership that nodes of this domain showed so far, as after the theft of a node's key:
    /// from now on they come in by new ones, here and wherever this is heard of.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`].
    pub async fn revoke_memberships(&self) -> Result<MembershipEpoch, Error> {
        self.told("revoke-memberships", self.home.did.as_str(), self.try_revoke_memberships().await).await
    }

    /// Makes the keys that are to follow the domain's own, durably, and tells them with the log that is to list them.
    /// Whoever has the key that this log commits to signs the entry. `is_alone` says that no other node of this domain
    /// runs, where several share a store.
    ///
    /// # Errors
    /// [`Error::Refused`] with `state-conflict` where others may run; [`Error::Keys`].
    pub async fn next_keys(&self, is_alone: bool) -> Result<(NextKeys, Arc<Log>), Error> {
        self.told("next-keys", self.home.did.as_str(), self.try_next_keys(is_alone).await).await
    }

    /// Takes in the next version of the domain's own log, by which keys of [`Domain::next_keys`] replace those in
    /// force. From then on they sign, and what is to last is signed anew.
    ///
    /// # Errors
    /// [`Error::Refused`]: `log-refused` where it does not extend what is held, or does not list those keys.
    pub async fn rotate_keys(&self, log: impl Into<ReceivedLog<'_>>, is_alone: bool) -> Result<Log, Error> {
        let outcome = self.try_rotate_keys(log.into(), is_alone).await;
        self.told("rotate", self.home.did.as_str(), outcome).await
    }

    /// Reserves a status index for a link that `issuer`, an active member of this domain, will sign.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub async fn reserve_index(&self, issuer: &Did) -> Result<u32, Error> {
        self.told("reserve-index", issuer.as_str(), self.try_reserve_index(issuer).await).await
    }

    /// The identity credential of a member as it is now, renewed where half of its life is over, in
    /// the envelope that is asked for.
    ///
    /// # Errors
    /// [`Error::Refused`] where the member, or who answers for it, is suspended or revoked.
    pub async fn identity_credential(
        &self,
        kind: MemberKind,
        name: &str,
        envelope: Envelope,
    ) -> Result<Issued, Error> {
        self.told("issue", name, self.try_identity_credential(kind, name, envelope).await).await
    }

    /// Registers the last link of a chain, which a member of this domain signed, so that it can be
    /// revoked by its id. Rules 1, 3 and 4 are checked along the whole chain; the links before were
    /// others' to sign and are not verified here.
    ///
    /// # Errors
    /// [`Error::Refused`] names the rule.
    pub async fn register_link(&self, chain: &[Secured]) -> Result<Credential, Error> {
        let signer = chain.last().map(|link| link.key_id().did().as_str()).unwrap_or_default();
        self.told("register-link", signer, self.try_register_link(chain).await).await
    }

    /// Registers an approval that an owner of this domain signed, so that it can be revoked by its id before
    /// it is used.
    ///
    /// # Errors
    /// [`Error::Refused`] names what is wrong with it.
    pub async fn register_approval(&self, approval: &Secured) -> Result<Credential, Error> {
        let signer = approval.key_id().did().as_str();
        self.told("register-approval", signer, self.try_register_approval(approval).await).await
    }

    /// Suspends, resumes or revokes a credential.
    ///
    /// # Errors
    /// [`Error::Refused`] with `credential-unknown` or `state-conflict`.
    pub async fn act_on_credential(&self, id: &str, act: Act) -> Result<Standing, Error> {
        self.told(act.as_str(), id, self.try_act_on_credential(id, act).await).await
    }

    /// Recognises a domain, or changes what it may root here.
    ///
    /// # Errors
    /// [`Error::Refused`] where the DID is no domain's, another domain of that name is recognised, or as
    /// many are recognised as can be.
    pub async fn trust(&self, domain: TrustedDomain) -> Result<(), Error> {
        let did = domain.did.to_string();
        self.told("trust", &did, self.try_trust(domain).await).await
    }

    /// Suspends the recognition of a domain, resumes it as it was, or ends it. What is held of the domain
    /// stays, and authorises nothing meanwhile; nodes of it that joined by token are admitted as before. A
    /// credential that states the recognition is suspended, resumed and revoked with it.
    ///
    /// # Errors
    /// [`Error::Refused`] where the DID is no domain's, or of none that is recognised.
    pub async fn act_on_trust(&self, did: &Did, act: Act) -> Result<TrustedDomain, Error> {
        self.told(act.as_str(), did.as_str(), self.try_act_on_trust(did, act).await).await
    }

    /// The DomainRecognitionCredential about a recognised domain as it is now, in the envelope that is asked
    /// for; a new one where there is none or half of its life is over. It tells others whom this domain
    /// recognises; nobody has to follow it.
    ///
    /// # Errors
    /// [`Error::Refused`] with `state-conflict` where the domain is not recognised, or suspended.
    pub async fn recognition_credential(&self, did: &Did, envelope: Envelope) -> Result<Issued, Error> {
        let outcome = match crate::trust::scid_of(did) {
            Ok(scid) => self.try_recognition_credential(&scid, envelope).await,
            Err(error) => Err(error),
        };
        self.told("issue", did.as_str(), outcome).await
    }

    /// Says which history of a DID counts on this node: the one that has the version `version_id`, as it
    /// is or grows. The others stay on record and are passed on.
    ///
    /// # Errors
    /// [`Error::Refused`] with `state-conflict` where the DID has no two histories here, or not exactly one
    /// of them has that version.
    pub async fn settle(&self, did: &Did, version_id: &str) -> Result<Fork, Error> {
        self.told("settle", did.as_str(), self.try_settle(did, version_id).await).await
    }

    /// Joins the domain of a token.
    ///
    /// # Errors
    /// [`Error::Refused`] where the token is no good, no address of it answers in time, or the other
    /// side does not admit.
    pub async fn join(&self, token: &str, within: Duration) -> Result<PeerRecord, Error> {
        // A token is a secret: it is not named.
        self.told("join", "", self.try_join(token, within).await).await
    }

    /// Lets a peer in no more for a while; its connections are closed.
    ///
    /// # Errors
    /// [`Error::Refused`] where it is no PeerId, the time is too long, or as many are banned as can be.
    pub async fn ban(&self, peer: &str, life: Duration) -> Result<Ban, Error> {
        self.told("ban", peer, self.try_ban(peer, life).await).await
    }

    /// Lets a peer in again.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not-found` where it is not banned.
    pub async fn unban(&self, peer: &str) -> Result<(), Error> {
        self.told("unban", peer, self.try_unban(peer).await).await
    }

    async fn told<T>(&self, act: &'static str, subject: &str, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Refused(refusal)) = &outcome {
            let subject: String = subject.chars().filter(|c| !c.is_control()).take(MAX_SUBJECT).collect();
            let facts = json!({"act": act, "path": refusal.path.to_json()});
            let decision = Decision::new(Kind::Refused, subject, "refused").because(refusal.code);
            self.record(decision.with(facts)).await?;
        }
        outcome
    }
}
