//! An owner or agent whose keys are in this data folder, and what it signs.

use super::session::Session;
use crate::client::Client;
use crate::data::Kind;
use crate::failure::{Failure, Local};
use crate::link::Planned;
use crate::mandate::{self, Mandate};
use crate::output;
use crate::signing::{self, ASSERTION, NEXT_UPDATE, P256, UPDATE};
use crate::wallet::Wallet;
use did_resolver::did::Did;
use did_resolver::document::Document;
use marque_store::keyfile::KeyFile;
use serde_json::{Value, json};
use vc_schemas::claims::StatusPair;
use vc_schemas::code::Code;
use vc_schemas::credential::uuid_urn;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};
use vc_schemas::status::{Purpose, StatusEntry};

/// The roles of the keys of a rotation that is under way, each with the role that it will have.
pub(super) const PENDING: [(&str, &str); 3] =
    [("pending-assertion", ASSERTION), ("pending-p256", P256), ("pending-next-update", NEXT_UPDATE)];

/// An owner or agent with its keys and its wallet.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) wallet: Wallet,
    pub(super) keys: KeyFile,
}

/// Whether keys and wallet of `name` are in this folder.
pub(super) fn is_here(session: &Session, kind: Kind, name: &str) -> bool {
    let data = session.data();
    data.party_keys(kind, name).exists() && data.wallet(kind, name).exists()
}

impl Party {
    /// Opens keys and wallet.
    ///
    /// # Errors
    /// The code of its kind where it has no keys here; [`Local::Keys`]; [`Local::File`].
    pub(super) fn open(session: &Session, kind: Kind, name: &str) -> Result<Self, Failure> {
        if !is_here(session, kind, name) {
            let code = match kind {
                Kind::Owner => Code::OwnerUnknown,
                Kind::Agent => Code::AgentUnknown,
            };
            let word = kind.as_str();
            let reason = format!("the keys of {word} {name} are not in {}", session.data().path().display());
            return Err(Failure::of(code)
                .because(reason)
                .so(format!("marque {word} ls lists those of the domain.")));
        }
        let wallet = Wallet::load(session.data(), kind, name, signing::now())?;
        let wallet =
            wallet.ok_or_else(|| Failure::local(Local::File, format!("{name} has no wallet"), ""))?;
        let keys = KeyFile::open(&session.data().party_keys(kind, name), session.passphrase()?)
            .map_err(|error| signing::keys(&error))?;
        let mut party = Self { kind, name: name.to_owned(), wallet, keys };
        // A rotation that the node accepted, and that was cut off before the key file was written.
        if party.rotation_is_in_force() {
            party.promote()?;
        } else if PENDING.iter().any(|(pending, _)| party.keys.get(pending).is_some()) {
            let word = kind.as_str();
            output::talk(&format!(
                "A rotation of {name} was cut off; marque {word} rotate {name} finishes it."
            ));
        }
        Ok(party)
    }

    pub(super) fn did(&self) -> &Did {
        self.wallet.did()
    }

    pub(super) fn document(&self) -> Result<&Document, Failure> {
        self.wallet.log.document().ok_or_else(|| Failure::of(Code::Deactivated))
    }

    /// Whether the log lists the keys of the rotation that is under way.
    pub(super) fn rotation_is_in_force(&self) -> bool {
        let pending = PENDING.first().and_then(|(pending, _)| self.keys.get(pending));
        let listed = |key: &marque_store::secret::SecretKey| {
            self.wallet.log.document().is_some_and(|d| signing::key_id(d, key.public()).is_some())
        };
        pending.is_some_and(listed)
    }

    /// Puts the keys of the rotation in the place of the old ones. Durable once the file is saved.
    pub(super) fn promote(&mut self) -> Result<(), Failure> {
        let insert = |keys: &mut KeyFile, role, key| {
            drop(keys.remove(role));
            keys.insert(role, key).map_err(|error| signing::keys(&error))
        };
        if let Some(key) = self.keys.remove(NEXT_UPDATE) {
            insert(&mut self.keys, UPDATE, key)?;
        }
        for (pending, role) in PENDING {
            if let Some(key) = self.keys.remove(pending) {
                insert(&mut self.keys, role, key)?;
            }
        }
        Ok(())
    }

    pub(super) fn sign(
        &self,
        content: Content,
        envelope: Envelope,
        payload: Value,
    ) -> Result<Secured, Failure> {
        let key = signing::key(&self.keys, ASSERTION)?;
        signing::secure(content, envelope, payload, self.document()?, key)
    }

    /// The identity credential that the domain gives now.
    pub(super) async fn identity(&self, client: &Client, envelope: Envelope) -> Result<Secured, Failure> {
        let format = super::arguments::credential_query(envelope);
        let path = format!("/v1/{}/{}/credential?format={format}", self.kind.plural(), self.name);
        let answer = client.get(&path).await?;
        let text = answer.get("credential").and_then(Value::as_str).unwrap_or_default();
        mandate::decode(text, MAX_CREDENTIAL_BYTES).map_err(|failure| malformed(&failure.reason))
    }

    /// A place for the status of something that it is about to sign.
    pub(super) async fn reserve(&self, client: &Client) -> Result<StatusPair, Failure> {
        let reserved = client.post("/v1/indices", &json!({"issuer": self.did().as_str()})).await?;
        read_pair(&reserved).ok_or_else(|| malformed("no index was reserved"))
    }

    /// Signs and registers a planned link, and makes the mandate that it ends.
    pub(super) async fn issue(
        &self,
        client: &Client,
        planned: Planned,
        above: Option<&Mandate>,
        envelope: Envelope,
    ) -> Result<Mandate, Failure> {
        let identity = self.identity(client, envelope).await?;
        let status = self.reserve(client).await?;
        let id = uuid_urn(signing::random()?);
        let credential = planned.credential(id, self.did().clone(), status);
        let link = self.sign(Content::Credential, envelope, credential.to_json())?;
        let mut chain = above.map(|mandate| mandate.chain().to_vec()).unwrap_or_default();
        let mut identities = above.map(|mandate| mandate.identities().to_vec()).unwrap_or_default();
        chain.push(link);
        identities.push(identity);
        let mandate = Mandate::new(chain, identities)?;
        let texts: Value = mandate.chain().iter().map(mandate::encode).collect();
        client.post("/v1/links", &json!({"chain": texts})).await?;
        Ok(mandate)
    }
}

fn read_pair(json: &Value) -> Option<StatusPair> {
    let index = u32::try_from(json.get("index")?.as_u64()?).ok()?;
    let entry = |purpose: Purpose| {
        let list = json.get(purpose.as_str())?.as_str()?.to_owned();
        Some(StatusEntry { purpose, index, list })
    };
    Some(StatusPair { revocation: entry(Purpose::Revocation)?, suspension: entry(Purpose::Suspension)? })
}

/// The node's answer is not what the contract says.
pub(super) fn malformed(why: &str) -> Failure {
    Failure::local(Local::Answer, format!("the node's answer is not one: {why}"), "Its log says more.")
}
