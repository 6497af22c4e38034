//! Who is admitted to the mesh: a node shows its domain's log and a credential of that domain for its
//! PeerId; the domain is this one, a recognised one, or one that joins by a token.

use crate::domain::Domain;
use crate::error::Error;
use crate::objects::authority;
use crate::peers::{PeerRecord, Undecided};
use crate::ports::mesh::{Admission, Knock, Shown};
use crate::ports::records::Write;
use did_resolver::did::Did;
use did_resolver::document::{Document, Relationship};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use marque_rules::replica::floor::{LogDecision, ReceivedLog};
use marque_rules::replica::limits::MAX_MEMBERSHIP_BYTES;
use marque_rules::replica::{Hello, Refusal, Scid};
use marque_rules::trust::domain_scid;
use std::sync::Arc;
use vc_schemas::claims::Claims;
use vc_schemas::credential::{Credential, MEMBERSHIP_LIFE};
use vc_schemas::facts::ListKey;
use vc_schemas::secure::{Content, Envelope, Secured};

/// How often a hello is decided on that others overtake: nodes of one domain that come at once show the same log.
const MAX_TRIES: usize = 8;

impl Domain {
    /// Decides on a hello, and makes durable what follows from it.
    pub(crate) async fn decide_on(&self, knock: &Knock) -> Result<Admission, Refusal> {
        for _ in 0..MAX_TRIES {
            match self.try_decide_on(knock).await {
                Ok(admission) => return Ok(admission),
                Err(Undecided::Refused(reason)) => return Err(reason),
                Err(Undecided::Overtaken) => {}
            }
        }
        Err(Refusal::Overloaded)
    }

    async fn try_decide_on(&self, knock: &Knock) -> Result<Admission, Undecided> {
        let hello = &knock.hello;
        let scid = domain_scid(&hello.domain).map_err(|_| Refusal::UnknownDomain)?;
        let domain = Scid::of(&hello.domain).ok_or(Refusal::UnknownDomain)?;
        // Strangers cost one comparison: their log is looked at only where there is a way in for them.
        let way = self.way_in(&scid, knock).await?;
        let (log, writes) = self.domain_log(hello).await?;
        let document = authority(&log).ok_or(Refusal::BadDomainLog)?;
        let until = self.check_membership(&hello.domain, &hello.membership, document, &knock.peer).await?;
        if let Some(token) = &knock.joining
            && log.versions().all(|version| version.id != token.version_id)
        {
            return Err(Refusal::BadDomainLog.into());
        }
        let joined = way != WayIn::Known;
        if joined {
            let record = PeerRecord::new(hello.domain.clone(), true, hello.addresses.clone());
            let record = record.map_err(|_| Refusal::UnknownDomain)?;
            let secret = hello.join_secret.as_ref().filter(|_| way == WayIn::Secret);
            self.admit_domain(&record, secret, writes).await?;
        } else if !writes.is_empty() {
            self.keep_of_hello(writes).await?;
        }
        Ok(Admission { domain, until, joined })
    }

    async fn way_in(&self, scid: &str, knock: &Knock) -> Result<WayIn, Refusal> {
        let store = |_| Refusal::StoreFailed;
        let trusted = self.trusted().await.map_err(store)?;
        match trusted.iter().find(|d| d.scid().is_ok_and(|s| s == scid)) {
            _ if self.home.scid == scid => return Ok(WayIn::Known),
            // That it joined once does not count while it is suspended.
            Some(domain) if domain.suspended => return Err(Refusal::UnknownDomain),
            Some(_) => return Ok(WayIn::Known),
            None => {}
        }
        let joined = self.peer(scid).await.map_err(store)?.is_some_and(|peer| peer.joined);
        if joined {
            return Ok(WayIn::Known);
        }
        if knock.joining.as_ref().is_some_and(|token| token.domain == knock.hello.domain) {
            return Ok(WayIn::Token);
        }
        let secret = knock.hello.join_secret.as_ref().ok_or(Refusal::UnknownDomain)?;
        self.invite_of(secret).await.map(|_| WayIn::Secret)
    }

    /// The domain's log as it is after this hello, and the writes that keep it.
    async fn domain_log(&self, hello: &Hello) -> Result<(Arc<Log>, Vec<Write>), Undecided> {
        let store = |_: Error| Refusal::StoreFailed;
        let did = &hello.domain;
        let known = self.known_log(did).await.map_err(store)?;
        if known.held.is_contested() {
            return Err(Refusal::Contested.into());
        }
        let received = ReceivedLog { log: &hello.domain_log, witness: hello.domain_witness.as_deref() };
        match known.decide(did, received, self.now()) {
            LogDecision::Accept(log) => {
                let writes = self.log_writes(did, &known, std::slice::from_ref(&log));
                Ok((Arc::new(log), writes))
            }
            LogDecision::Approved(branches) => {
                let log = known.chosen(&branches).cloned().ok_or(Refusal::BadDomainLog)?;
                Ok((Arc::new(log), self.log_writes(did, &known, &branches)))
            }
            LogDecision::Same | LogDecision::Older => {
                let log = known.held.log().cloned().ok_or(Refusal::BadDomainLog)?;
                Ok((log, Vec::new()))
            }
            LogDecision::Contested { branches, .. } if branches.len() < 2 => Err(Refusal::Contested.into()),
            LogDecision::Contested { at, branches } => {
                // A fork proves itself, whoever shows it and by whichever door.
                let mut writes = self.log_writes(did, &known, &branches);
                if let Some(log) = known.chosen(&branches) {
                    return Ok((Arc::new(log.clone()), writes));
                }
                writes.extend(self.contested_writes(did, at).await.map_err(store)?);
                self.keep_of_hello(writes).await?;
                Err(Refusal::Contested.into())
            }
            LogDecision::DeadKey { at, branch } => {
                self.keep_dead_key_fork(did, at, &branch).await.map_err(store)?;
                Err(Refusal::DeadKey.into())
            }
            LogDecision::Refused(_) => Err(Refusal::BadDomainLog.into()),
        }
    }

    /// Whether what a peer was admitted by admits it still, by what is held now of its domain.
    pub(crate) async fn review(&self, shown: &Shown) -> Result<(), Refusal> {
        let held = match self.held_log(&shown.domain).await {
            Ok(held) => held,
            Err(error) => {
                tracing::error!(%error, "the store failed the mesh");
                return Ok(());
            }
        };
        // Nodes of a contested domain stay until their time is over, since all branches are to be passed on.
        if held.is_contested() || held.branches.is_empty() {
            return Ok(());
        }
        let document = held.log().and_then(|log| authority(log)).ok_or(Refusal::BadMembership)?;
        match self.check_membership(&shown.domain, &shown.membership, document, &shown.peer).await {
            Ok(_) | Err(Refusal::StoreFailed) => Ok(()),
            Err(reason) => Err(reason),
        }
    }

    async fn check_membership(
        &self,
        domain: &Did,
        membership: &[u8],
        document: &Document,
        peer: &str,
    ) -> Result<UnixSeconds, Refusal> {
        let bad = Refusal::BadMembership;
        let secured = Secured::parse(Content::Credential, Envelope::Cose, membership, MAX_MEMBERSHIP_BYTES)
            .map_err(|_| bad)?;
        let credential = Credential::read(secured.payload()).map_err(|_| bad)?;
        let Claims::NodeMembership(node) = &credential.claims else { return Err(bad) };
        let (now, skew) = (self.now(), self.policy().skew);
        let life = credential.valid_until.since(credential.valid_from);
        let shaped = credential.issuer == *domain
            && document.id() == domain
            && node.peer_id == peer
            && life <= MEMBERSHIP_LIFE
            && credential.valid_from <= now.plus(skew);
        if !shaped {
            return Err(bad);
        }
        if credential.valid_until <= now.minus(skew) {
            return Err(Refusal::MembershipExpired);
        }
        let admits = self.admits_from(domain, credential.valid_from).await;
        if !admits.map_err(|_| Refusal::StoreFailed)? {
            return Err(Refusal::MembershipExpired);
        }
        let key =
            document.authorised(Relationship::AssertionMethod, secured.key_id(), now).map_err(|_| bad)?;
        secured.verify(key.key, now, skew).map_err(|_| bad)?;
        for entry in [&credential.status.revocation, &credential.status.suspension] {
            // At first contact no list is held; the credential lives a day at most.
            let key = ListKey { issuer: domain.clone(), url: entry.list.clone() };
            let fact = self.held_list(&key).await.map_err(|_| Refusal::StoreFailed)?;
            let listed = fact.is_some_and(|fact| {
                fact.list.purpose == entry.purpose && fact.list.bits.get(entry.index) == Some(true)
            });
            // Also where the list itself no longer counts, because its key was retired.
            let beside = self.beside(&key).await.map_err(|_| Refusal::StoreFailed)?;
            if listed || beside.is_some_and(|bits| bits.get(entry.index) == Some(true)) {
                return Err(bad);
            }
        }
        Ok(credential.valid_until)
    }
}

/// By what a domain comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayIn {
    /// It is this domain, recognised, or joined before.
    Known,
    /// This node is joining it by its token.
    Token,
    /// It shows the secret of a token that this node gave out.
    Secret,
}
