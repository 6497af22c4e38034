//! Keys in a token behind a PKCS#11 module (OASIS PKCS#11 3.1; what older modules have of it is enough).
//!
//! A pair is made in the token, so that the secret was never anywhere else: sensitive, not extractable, for signing
//! only. It is found again by its label; that there be one of it is checked each time. The module is called on a
//! thread of its own, one call after the other. The PIN is given once, and once more where a token was away and is
//! back; one that was refused is never given again, since tokens lock after a few. What the token signs is verified
//! before anybody sees it: a faulty device spoils no log.

mod kinds;
mod link;

use crate::error::Error;
use crate::lane::Lane;
use crate::limits::ANSWER_WITHIN;
use did_resolver::keys::{KeyKind, PublicKey};
use link::Link;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A token, found and perhaps logged in to.
#[derive(Debug, Clone)]
pub struct Token {
    lane: Arc<Lane<Link>>,
    about: About,
}

/// What a token says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct About {
    /// Whether it wants a PIN from this program: one with a keypad of its own does not.
    wants_pin: bool,
    /// Whether it is a program that keeps keys in files.
    is_software: bool,
}

/// A key in a token.
#[derive(Debug)]
pub struct TokenKey {
    lane: Arc<Lane<Link>>,
    name: Arc<str>,
    public: PublicKey,
}

impl Token {
    /// Loads the module, which is code that this program then runs, and looks for the token of that label. Blocks for
    /// [`ANSWER_WITHIN`] at most, as each of these.
    ///
    /// # Errors
    /// [`Error::Module`]; [`Error::NoToken`], [`Error::SeveralTokens`]; [`Error::Late`].
    pub fn open(module: &Path, label: &str) -> Result<Self, Error> {
        let lane = Lane::start("pkcs11", Link::new(module, label))?;
        let about = lane.wait(ANSWER_WITHIN, |link| {
            let info = link.open()?;
            let wants_pin = info.login_required() && !info.protected_authentication_path();
            Ok(About { wants_pin, is_software: info.manufacturer_id().contains("SoftHSM") })
        })?;
        Ok(Self { lane: Arc::new(lane), about })
    }

    /// Whether [`Self::log_in`] needs a PIN.
    #[must_use]
    pub const fn wants_pin(&self) -> bool {
        self.about.wants_pin
    }

    /// Whether the token is a program that keeps its keys in files, as SoftHSM does: whoever has those and the PIN has
    /// the keys.
    #[must_use]
    pub const fn is_software(&self) -> bool {
        self.about.is_software
    }

    /// Logs in, once.
    ///
    /// # Errors
    /// [`Error::WrongPin`], after which every call is refused by it; [`Error::Locked`], [`Error::NoPin`].
    pub fn log_in(&self, pin: Option<Zeroizing<String>>) -> Result<(), Error> {
        self.lane.wait(ANSWER_WITHIN, move |link| link.log_in(pin))
    }

    /// The key of that name, where there is one. Only after [`Self::log_in`].
    ///
    /// # Errors
    /// [`Error::Taken`] where there is more than one, [`Error::Missing`] where one half is gone,
    /// [`Error::NotAKey`], [`Error::Unprotected`].
    pub fn key(&self, name: &str) -> Result<Option<TokenKey>, Error> {
        let asked: Arc<str> = name.into();
        let name = Arc::clone(&asked);
        let public = self.lane.wait(ANSWER_WITHIN, move |link| link.find(&asked))?;
        Ok(public.map(|public| TokenKey { lane: Arc::clone(&self.lane), name, public }))
    }

    /// Makes a pair in the token.
    ///
    /// # Errors
    /// [`Error::Taken`] where there is one of the name; [`Error::Kind`] where the token makes none of the kind.
    pub fn generate(&self, name: &str, kind: KeyKind) -> Result<TokenKey, Error> {
        let asked: Arc<str> = name.into();
        let name = Arc::clone(&asked);
        let public = self.lane.wait(ANSWER_WITHIN, move |link| link.generate(&asked, kind))?;
        Ok(TokenKey { lane: Arc::clone(&self.lane), name, public })
    }

    /// Destroys the pair of that name; none is as good.
    ///
    /// # Errors
    /// Whatever the token says.
    pub fn destroy(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.lane.wait(ANSWER_WITHIN, move |link| link.destroy(&name))
    }

    /// Which of these keys have no public half in the token, or more than one. It takes no PIN.
    ///
    /// # Errors
    /// Whatever the token says.
    pub fn missing(&self, names: Vec<String>) -> Result<Vec<String>, Error> {
        self.lane.wait(ANSWER_WITHIN, move |link| link.missing(names))
    }
}

impl TokenKey {
    /// What others verify with.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature over `message`: as RFC 8032 writes it, or R and S of their full length.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Late`], [`Error::Lost`]; [`Error::Faulty`] where it does not verify.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.lane.run(ANSWER_WITHIN, self.signing(message)).await
    }

    /// The same for who has no runtime.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_and_wait(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.lane.wait(ANSWER_WITHIN, self.signing(message))
    }

    fn signing(&self, message: &[u8]) -> impl FnOnce(&mut Link) -> Result<Vec<u8>, Error> + Send + 'static {
        let (name, public, message) = (Arc::clone(&self.name), self.public.clone(), message.to_vec());
        move |link| {
            let signature = link.sign(&name, public.kind(), &message)?;
            let verified = public.verify(&message, &signature);
            verified.map(|()| signature).map_err(|_| Error::Faulty(name.to_string()))
        }
    }
}
