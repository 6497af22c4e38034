//! One chain in its other renderings: nested `act` (RFC 8693, section 4.1) and the `delegation_chain` of an
//! AIT (draft-gudlab-agentid-protocol-00, section 3.5.1).
//!
//! Neither proves anything. `act` is for show: it has names alone. An entry of a `delegation_chain` carries as
//! `evidence` the id and digest of its DelegationCredential, so that whoever has the credentials can hold it
//! against them: [`DelegationChain::check`] with links that [`crate::chain::check`] and a verifier accepted.

use crate::chain::{Link, MAX_LINKS};
use crate::claims::Parent;
use crate::code::Code;
use crate::delegation::scope::Scope;
use crate::object::{Object, ObjectError};
use crate::refusal::{Path, Refusal};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// For whom, and through whom: the subjects of the links, the first delegate first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actors {
    /// The `sub` of the token.
    pub principal: Did,
    /// One to eight, each once.
    pub actors: Vec<Did>,
}

impl Actors {
    /// Those of a chain. `None` where there is no link.
    #[must_use]
    pub fn of(links: &[Link]) -> Option<Self> {
        let principal = links.first()?.delegation.principal.clone();
        Some(Self { principal, actors: links.iter().map(|link| link.delegation.id.clone()).collect() })
    }

    /// The claims `sub` and `act`: outermost who acts now, inside it who passed that on.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let act = self.actors.iter().fold(None, |inner: Option<Value>, actor| {
            Some(match inner {
                None => json!({"sub": actor.as_str()}),
                Some(inner) => json!({"sub": actor.as_str(), "act": inner}),
            })
        });
        json!({"sub": self.principal.as_str(), "act": act})
    }

    /// Reads what [`Actors::to_json`] writes.
    ///
    /// # Errors
    /// [`Code::RequestMalformed`] for other members or shapes, [`Code::ChainTooLong`], [`Code::ChainRepeats`].
    pub fn read(json: &Value) -> Result<Self, Refusal> {
        let mut object = Object::new(json, "claims").map_err(malformed(&act()))?;
        let principal = object.did("sub").map_err(malformed(&act()))?;
        let mut next = Some(object.required("act").map_err(malformed(&act()))?);
        object.end("claims").map_err(malformed(&act()))?;
        let (mut actors, mut seen) = (Vec::new(), BTreeSet::from([principal.clone()]));
        while let Some(json) = next {
            if actors.len() >= MAX_LINKS {
                return Err(Refusal::new(Code::ChainTooLong, act(), "more than eight actors"));
            }
            let mut object = Object::new(json, "act").map_err(malformed(&act()))?;
            let actor = object.did("sub").map_err(malformed(&act()))?;
            next = object.optional("act");
            object.end("act").map_err(malformed(&act()))?;
            if !seen.insert(actor.clone()) {
                return Err(Refusal::new(Code::ChainRepeats, act(), "an actor stands there twice"));
            }
            actors.push(actor);
        }
        actors.reverse();
        Ok(Self { principal, actors })
    }

    /// Whether it shows this chain.
    ///
    /// # Errors
    /// [`Code::PrincipalMismatch`], [`Code::ChainBroken`].
    pub fn check(&self, links: &[Link]) -> Result<(), Refusal> {
        let shown = Self::of(links);
        if shown.as_ref().map(|shown| &shown.principal) != Some(&self.principal) {
            let detail = "not the principal of the chain";
            return Err(Refusal::new(Code::PrincipalMismatch, Path::root().then("sub"), detail));
        }
        if shown.as_ref() == Some(self) {
            Ok(())
        } else {
            Err(Refusal::new(Code::ChainBroken, act(), "not the subjects of the chain in their order"))
        }
    }
}

/// One delegation, as an AIT tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who delegated.
    pub principal: Did,
    /// When: from when on the link counts.
    pub granted_at: UnixSeconds,
    /// What.
    pub scopes: Scope,
    /// The link.
    pub evidence: Parent,
}

/// The delegations of a chain: the original principal's first, the latest delegator's last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationChain(Vec<Entry>);

impl DelegationChain {
    /// That of a chain.
    ///
    /// # Errors
    /// What [`DelegationChain::read`] would refuse: a rendering that nobody reads is not made.
    pub fn of(links: &[Link]) -> Result<Self, Refusal> {
        Self::ordered(
            links
                .iter()
                .map(|link| Entry {
                    principal: link.credential.issuer.clone(),
                    granted_at: link.credential.valid_from,
                    scopes: link.delegation.capabilities.clone(),
                    evidence: Parent { id: link.credential.id.clone(), digest: link.digest },
                })
                .collect(),
        )
    }

    /// The claim `delegation_chain`. Whether the original principal is a person or an organisation it does
    /// not tell: it is a `user`, the others are each an `agent`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let entry = |(at, entry): (usize, &Entry)| {
            json!({
                "principal_type": principal_type(at),
                "principal_id": entry.principal.as_str(),
                "granted_at": entry.granted_at.to_string(),
                "scopes": entry.scopes.to_json(),
                "evidence": format!("{}#{}", entry.evidence.id, codec::digest_multibase(&entry.evidence.digest)),
            })
        };
        self.0.iter().enumerate().map(entry).collect()
    }

    /// Reads what [`DelegationChain::to_json`] writes.
    ///
    /// # Errors
    /// [`Code::RequestMalformed`] for other members or shapes, or an entry without evidence;
    /// [`Code::ChainEmpty`], [`Code::ChainTooLong`], [`Code::ChainRepeats`]; [`Code::ChainBroken`] for
    /// entries that are not in the order of time; [`Code::DelegationWidened`].
    pub fn read(json: &Value) -> Result<Self, Refusal> {
        let items =
            json.as_array().ok_or_else(|| Refusal::new(Code::RequestMalformed, chain(), "not a list"))?;
        if items.len() > MAX_LINKS {
            return Err(Refusal::new(Code::ChainTooLong, chain(), "more than eight delegations"));
        }
        Self::ordered(items.iter().enumerate().map(read_entry).collect::<Result<_, _>>()?)
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    fn ordered(entries: Vec<Entry>) -> Result<Self, Refusal> {
        if entries.is_empty() {
            return Err(Refusal::new(Code::ChainEmpty, chain(), "there is no delegation"));
        }
        let mut seen = BTreeSet::new();
        for (at, entry) in entries.iter().enumerate() {
            if !seen.insert(&entry.principal) {
                let path = chain().at(at).then("principal_id");
                return Err(Refusal::new(Code::ChainRepeats, path, "it delegated before"));
            }
        }
        for (at, pair) in entries.windows(2).enumerate() {
            let [held, next] = pair else { continue };
            let path = chain().at(at + 1);
            if next.granted_at < held.granted_at {
                let detail = "granted before what it passes on";
                return Err(Refusal::new(Code::ChainBroken, path.then("granted_at"), detail));
            }
            if !next.scopes.is_within(&held.scopes) {
                return Err(Refusal::new(Code::DelegationWidened, path.then("scopes"), "adds a capability"));
            }
        }
        Ok(Self(entries))
    }

    /// Whether the credentials say what this tells.
    ///
    /// # Errors
    /// [`Code::ParentMismatch`] for another number of links, another link, or another time;
    /// [`Code::PrincipalMismatch`]; [`Code::DelegationWidened`] for other scopes.
    pub fn check(&self, links: &[Link]) -> Result<(), Refusal> {
        if self.0.len() != links.len() {
            return Err(Refusal::new(Code::ParentMismatch, chain(), "not as many as there are credentials"));
        }
        for (at, (told, link)) in self.0.iter().zip(links).enumerate() {
            let differs = |code, member, detail| Err(Refusal::new(code, chain().at(at).then(member), detail));
            if told.evidence.id != link.credential.id || told.evidence.digest != link.digest {
                return differs(Code::ParentMismatch, "evidence", "not the credential that is at hand");
            }
            if told.principal != link.credential.issuer {
                return differs(Code::PrincipalMismatch, "principal_id", "not who issued the credential");
            }
            if told.granted_at != link.credential.valid_from {
                return differs(Code::ParentMismatch, "granted_at", "not when the credential begins");
            }
            if told.scopes != link.delegation.capabilities {
                return differs(Code::DelegationWidened, "scopes", "not what the credential passes on");
            }
        }
        Ok(())
    }
}

fn read_entry((at, json): (usize, &Value)) -> Result<Entry, Refusal> {
    let path = chain().at(at);
    let mut object = Object::new(json, "entry").map_err(malformed(&path))?;
    if object.text("principal_type").map_err(malformed(&path))? != principal_type(at) {
        return Err(malformed(&path)(ObjectError { member: "principal_type" }));
    }
    let evidence = object.text("evidence").map_err(malformed(&path))?;
    let evidence = evidence.split_once('#').and_then(|(id, digest)| {
        Some(Parent { id: id.to_owned(), digest: codec::from_digest_multibase(digest).ok()? })
    });
    let scopes = Scope::read(object.required("scopes").map_err(malformed(&path))?);
    let entry = Entry {
        principal: object.did("principal_id").map_err(malformed(&path))?,
        granted_at: object.time("granted_at").map_err(malformed(&path))?,
        scopes: scopes.map_err(|_| malformed(&path)(ObjectError { member: "scopes" }))?,
        evidence: evidence.ok_or_else(|| malformed(&path)(ObjectError { member: "evidence" }))?,
    };
    object.end("entry").map_err(malformed(&path))?;
    Ok(entry)
}

const fn principal_type(at: usize) -> &'static str {
    if at == 0 { "user" } else { "agent" }
}

fn act() -> Path {
    Path::root().then("act")
}

fn chain() -> Path {
    Path::root().then("delegation_chain")
}

fn malformed(path: &Path) -> impl Fn(ObjectError) -> Refusal + use<> {
    let path = path.clone();
    let detail = "missing, of the wrong shape, or with members that are not known";
    move |error| Refusal::new(Code::RequestMalformed, path.clone().then(error.member), detail)
}
