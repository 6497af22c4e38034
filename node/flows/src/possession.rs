//! Proof of possession: whoever registers a DID signs this node's nonce with its own key.

use crate::domain::Domain;
use crate::error::Error;
use crate::ports::clock::random;
use crate::ports::records::{Expect, StoreError, Table, Write};
use did_resolver::document::{Document, Relationship};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use marque_rules::replay::{NonceError, Nonces};
use vc_schemas::code::Code;
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

/// The key of nonces, where nodes share a store. Who reads the store could give nonces with it, and no more.
const NONCE_KEY: &[u8] = b"nonce-key";

/// What the keys of claimed nonces begin with; then comes when they end.
const CLAIMED: &[u8] = b"nonce/";

/// Most claims that are cleared beside a new one: more than come, so that none stays for long.
const MAX_CLEARED: usize = 16;

impl Domain {
    /// A nonce for one verification or registration here.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn new_nonce(&self) -> Result<String, Error> {
        let random = random(self.entropy.as_ref())?;
        let now = self.now();
        Ok(self.with_nonces(|nonces| nonces.mint(random, now)))
    }

    /// Uses up a nonce, once: where nodes share a store, once of all of them.
    pub(crate) async fn claim_nonce(&self, nonce: &str) -> Result<(), Error> {
        let now = self.now();
        if !self.records.is_shared() {
            return self.with_nonces(|nonces| nonces.claim(nonce, now)).map_err(nonce_refused);
        }
        let (random, ends) = self.with_nonces(|nonces| nonces.place(nonce, now)).map_err(nonce_refused)?;
        let key = |ends: UnixSeconds| [CLAIMED, &ends.get().to_be_bytes()].concat();
        let claim = Write {
            table: Table::Claims,
            key: [key(ends), random.to_vec()].concat(),
            value: Some(Vec::new()),
            expect: Expect::Absent,
        };
        // Claims of nonces that no date lets through any more, in order of time.
        let rows = self.records.scan(Table::Claims, CLAIMED, None, MAX_CLEARED).await?;
        let past = key(now.minus(self.policy().skew));
        let rows = rows.into_iter().filter(|row| row.key < past);
        let cleared =
            rows.map(|row| Write { table: Table::Claims, key: row.key, value: None, expect: Expect::Any });
        match self.records.commit(std::iter::once(claim).chain(cleared).collect()).await {
            Err(StoreError::Conflict(_)) => Err(nonce_refused(NonceError::Used)),
            outcome => Ok(outcome?),
        }
    }

    /// Where nodes share a store, gives nonces with the key that all of them have.
    pub(crate) async fn share_nonces(&self) -> Result<(), Error> {
        if !self.records.is_shared() {
            return Ok(());
        }
        let made = random::<32>(self.entropy.as_ref())?.to_vec();
        let write =
            Write { table: Table::Node, key: NONCE_KEY.to_vec(), value: Some(made), expect: Expect::Absent };
        match self.records.commit(vec![write]).await {
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let stored = self.records.get(Table::Node, NONCE_KEY).await?;
        let key = stored.and_then(|stored| <[u8; 32]>::try_from(stored.value).ok());
        let key = key.ok_or(Error::Record("the key of nonces"))?;
        self.with_nonces(|nonces| *nonces = Nonces::new(&key));
        Ok(())
    }

    /// Checks that `proof`, a presentation without credentials, is signed over a nonce of this node by
    /// a lasting authentication key of the DID that `log` describes. Uses up the nonce.
    pub(crate) async fn check_possession(&self, proof: &[u8], log: &Log) -> Result<(), Error> {
        let refuse = |detail| Error::member(Code::PossessionUnproven, "proof", detail);
        let secured = Secured::parse(Content::Presentation, Envelope::Jwt, proof, MAX_PRESENTATION_BYTES)
            .map_err(|_| refuse("not a vp+jwt"))?;
        let said = Presentation::read(&secured).map_err(|_| refuse("not a presentation"))?;
        if !said.credentials.is_empty() {
            return Err(refuse("presents credentials, so it was made for a verification"));
        }
        let document: &Document = log.document().ok_or(refuse("the DID is deactivated"))?;
        let (now, skew) = (self.now(), self.policy().skew);
        let in_time = said.issued <= now.plus(skew) && said.expires > now.minus(skew);
        if said.holder != *log.did() || said.audience != self.home.did.as_str() || !in_time {
            return Err(refuse("made by somebody else, for somebody else, or too long ago"));
        }
        let key = document
            .authorised(Relationship::Authentication, secured.key_id(), now)
            .map_err(|_| refuse("not signed by an authentication key of the DID"))?;
        if key.retiring {
            return Err(refuse("signed by a key on its way out"));
        }
        secured.verify(key.key, now, skew).map_err(|_| refuse("the signature does not verify"))?;
        self.claim_nonce(&said.nonce).await
    }
}

fn nonce_refused(error: NonceError) -> Error {
    match error {
        NonceError::NotGiven => {
            let detail = "not a nonce that was given and is still honoured";
            Error::member(Code::NonceMismatch, "nonce", detail)
        }
        NonceError::Used => Error::member(Code::NonceReplayed, "nonce", "the nonce was used before"),
        NonceError::Full => Error::refused(Code::Unavailable, "too many nonces are in use"),
    }
}
