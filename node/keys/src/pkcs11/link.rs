//! The connection to a token, on the thread that has it.

use super::kinds;
use crate::error::Error;
use crate::limits::RETURN_PAUSE;
use aws_lc_rs::digest::{SHA256, digest};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Cause, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use did_resolver::keys::{KeyKind, PublicKey};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use zeroize::Zeroizing;

/// Bytes of the id of a pair: as long as that of others, which is often a SHA-1.
const ID_BYTES: usize = 20;

pub(super) struct Link {
    module: PathBuf,
    label: String,
    library: Option<Pkcs11>,
    session: Option<Session>,
    /// Kept for a token that comes back; in memory that is cleared.
    pin: Option<AuthPin>,
    /// Whether the PIN was refused: it is not given again.
    is_refused: bool,
    /// Whether the token shows secret keys only to who is logged in.
    wants_login: bool,
    handles: HashMap<String, ObjectHandle>,
    /// When it was last looked for in vain.
    lost: Option<Instant>,
}

impl Link {
    pub(super) fn new(module: &Path, label: &str) -> Self {
        Self {
            module: module.to_owned(),
            label: label.to_owned(),
            library: None,
            session: None,
            pin: None,
            is_refused: false,
            wants_login: true,
            handles: HashMap::new(),
            lost: None,
        }
    }

    /// Loads the module, starts it, and finds the token.
    pub(super) fn open(&mut self) -> Result<TokenInfo, Error> {
        let failed = |cause: &Cause| Error::Module(cause.to_string());
        let library = Pkcs11::new(&self.module).map_err(|cause| failed(&cause))?;
        start(&library).map_err(|cause| failed(&cause))?;
        self.library = Some(library);
        self.token().map(|(_, info)| info)
    }

    pub(super) fn log_in(&mut self, pin: Option<Zeroizing<String>>) -> Result<(), Error> {
        self.pin = pin.map(|pin| AuthPin::from(pin.as_str()));
        self.connect()
    }

    /// The public half of the pair of that name.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<PublicKey>, Error> {
        self.with(|session, _| Ok(find(session, name)))?.map(|found| found.map(|(_, public)| public))
    }

    pub(super) fn generate(&mut self, name: &str, kind: KeyKind) -> Result<PublicKey, Error> {
        let (mechanism, key_type, curves) =
            kinds::making(kind).ok_or_else(|| Error::Kind(format!("{kind:?}")))?;
        let is_there = |session: &Session, _: &mut _| {
            let halves = [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY];
            halves
                .into_iter()
                .try_fold(false, |any, class| Ok(any || !named(session, class, name)?.is_empty()))
        };
        if self.with(is_there)? {
            return Err(Error::Taken(name.to_owned()));
        }
        let (slot, _) = self.token()?;
        let library = self.library.as_ref().ok_or_else(unopened)?;
        let writing = library.open_rw_session(slot).map_err(|cause| other(&cause))?;
        let id = digest(&SHA256, name.as_bytes()).as_ref().iter().take(ID_BYTES).copied().collect::<Vec<_>>();
        let both = [
            Attribute::Token(true),
            Attribute::KeyType(key_type),
            Attribute::Label(name.as_bytes().to_vec()),
            Attribute::Id(id),
        ];
        let private = [
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Derive(false),
        ];
        let mut made = Err(Cause::NotSupported);
        for curve in curves {
            let public =
                [Attribute::Private(false), Attribute::Verify(true), Attribute::EcParams(curve.to_vec())];
            let (public, private) = ([&both[..], &public].concat(), [&both[..], &private].concat());
            made = writing.generate_key_pair(&mechanism, &public, &private);
            if made.is_ok() {
                break;
            }
        }
        made.map_err(|cause| Error::Kind(cause.to_string()))?;
        // A token may take no notice of what it was asked for.
        let made =
            find(&writing, name).and_then(|found| found.ok_or_else(|| Error::Missing(name.to_owned())));
        drop(writing);
        made.map(|(_, public)| public).inspect_err(|_| drop(self.destroy(name)))
    }

    pub(super) fn destroy(&mut self, name: &str) -> Result<(), Error> {
        let (slot, _) = self.token()?;
        let library = self.library.as_ref().ok_or_else(unopened)?;
        let writing = library.open_rw_session(slot).map_err(|cause| other(&cause))?;
        self.handles.remove(name);
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            for half in named(&writing, class, name).map_err(|cause| other(&cause))? {
                writing.destroy_object(half).map_err(|cause| other(&cause))?;
            }
        }
        Ok(())
    }

    pub(super) fn sign(&mut self, name: &str, kind: KeyKind, message: &[u8]) -> Result<Vec<u8>, Error> {
        let (mechanism, data) =
            kinds::signing(kind, message).ok_or_else(|| Error::NotAKey(name.to_owned()))?;
        let signed = self.with(|session, handles| {
            let key = match handles.get(name) {
                Some(key) => *key,
                None => match find(session, name) {
                    Ok(Some((key, _))) => *handles.entry(name.to_owned()).or_insert(key),
                    Ok(None) => return Ok(Err(Error::Missing(name.to_owned()))),
                    Err(error) => return Ok(Err(error)),
                },
            };
            session.sign(&mechanism, key, &data).map(Ok)
        });
        signed?
    }

    pub(super) fn missing(&mut self, names: Vec<String>) -> Result<Vec<String>, Error> {
        let (slot, _) = self.token()?;
        let library = self.library.as_ref().ok_or_else(unopened)?;
        let session = library.open_ro_session(slot).map_err(|cause| other(&cause))?;
        let mut missing = Vec::new();
        for name in names {
            let found = named(&session, ObjectClass::PUBLIC_KEY, &name).map_err(|cause| other(&cause))?;
            if found.len() != 1 {
                missing.push(name);
            }
        }
        Ok(missing)
    }

    /// What `call` comes to in the session; where that or the token is gone, once more in another.
    fn with<R>(
        &mut self,
        mut call: impl FnMut(&Session, &mut HashMap<String, ObjectHandle>) -> Result<R, Cause>,
    ) -> Result<R, Error> {
        if let Some(session) = self.session.as_ref().filter(|session| self.is_in(session)) {
            match call(session, &mut self.handles) {
                Ok(done) => return Ok(done),
                Err(cause) if is_lost(&cause) => {
                    tracing::warn!(%cause, "the token is looked for anew");
                }
                Err(cause) => return Err(other(&cause)),
            }
        }
        self.return_to()?;
        let session = self.session.as_ref().ok_or_else(unopened)?;
        call(session, &mut self.handles).map_err(|cause| other(&cause))
    }

    /// Whether the session is still logged in to: who is not sees no secret keys, and misses none.
    fn is_in(&self, session: &Session) -> bool {
        let state = session.get_session_info().map(|info| info.session_state());
        !self.wants_login || matches!(state, Ok(SessionState::RoUser | SessionState::RwUser))
    }

    /// Finds a token again that was there before.
    fn return_to(&mut self) -> Result<(), Error> {
        if self.is_refused {
            return Err(Error::WrongPin);
        }
        let is_early = self.lost.is_some_and(|lost| lost.elapsed() < RETURN_PAUSE);
        if is_early {
            return Err(Error::Lost("it was looked for a moment ago".to_owned()));
        }
        self.session = None;
        self.handles.clear();
        let library = self.library.clone().ok_or_else(unopened)?;
        let found = start(&library).map_err(|cause| other(&cause)).and_then(|()| self.connect());
        let found = match found {
            // Some modules see what was plugged in only when they start.
            Err(Error::NoToken(_) | Error::Other(_)) => {
                drop(library.clone().finalize());
                start(&library).map_err(|cause| other(&cause)).and_then(|()| self.connect())
            }
            found => found,
        };
        self.lost = found.is_err().then(Instant::now);
        found.map_err(|error| match error {
            Error::WrongPin | Error::Locked => error,
            other => Error::Lost(other.to_string()),
        })
    }

    /// A session that is logged in.
    fn connect(&mut self) -> Result<(), Error> {
        if self.is_refused {
            return Err(Error::WrongPin);
        }
        let (slot, info) = self.token()?;
        may_log_in(info.user_pin_locked(), info.user_pin_final_try())?;
        let library = self.library.as_ref().ok_or_else(unopened)?;
        let session = library.open_ro_session(slot).map_err(|cause| other(&cause))?;
        self.wants_login = info.login_required();
        if self.wants_login {
            match session.login(UserType::User, self.pin.as_ref()) {
                // Of all sessions of a process.
                Ok(()) | Err(Cause::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                Err(cause) => {
                    let error = not_let_in(&cause);
                    self.is_refused = error == Error::WrongPin;
                    self.pin = self.pin.take().filter(|_| !self.is_refused);
                    return Err(error);
                }
            }
        }
        self.session = Some(session);
        Ok(())
    }

    fn token(&self) -> Result<(Slot, TokenInfo), Error> {
        let library = self.library.as_ref().ok_or_else(unopened)?;
        let slots = library.get_slots_with_token().map_err(|cause| other(&cause))?;
        let mut found = None;
        for slot in slots {
            // One that was pulled out meanwhile is none.
            let Ok(info) = library.get_token_info(slot) else { continue };
            if info.token_initialized() && info.label() == self.label {
                if found.is_some() {
                    return Err(Error::SeveralTokens(self.label.clone()));
                }
                found = Some((slot, info));
            }
        }
        found.ok_or_else(|| Error::NoToken(self.label.clone()))
    }
}

/// Whether a PIN is given: never where a wrong one would lock the token for good.
pub(super) const fn may_log_in(is_locked: bool, is_final_try: bool) -> Result<(), Error> {
    if is_locked || is_final_try { Err(Error::Locked) } else { Ok(()) }
}

/// Starts the module; one that runs already is as good.
fn start(library: &Pkcs11) -> Result<(), Cause> {
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Cause::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        started => started,
    }
}

fn named(session: &Session, class: ObjectClass, name: &str) -> Result<Vec<ObjectHandle>, Cause> {
    let label = Attribute::Label(name.as_bytes().to_vec());
    session.find_objects(&[Attribute::Class(class), Attribute::Token(true), label])
}

/// The one pair of that name: what it signs with, and what verifies that.
fn find(session: &Session, name: &str) -> Result<Option<(ObjectHandle, PublicKey)>, Error> {
    let halves = |class| named(session, class, name).map_err(|cause| other(&cause));
    let (private, public) = (halves(ObjectClass::PRIVATE_KEY)?, halves(ObjectClass::PUBLIC_KEY)?);
    let (private, public) = match (&private[..], &public[..]) {
        ([], []) => return Ok(None),
        ([private], [public]) => (*private, *public),
        ([], _) | (_, []) => return Err(Error::Missing(name.to_owned())),
        _ => return Err(Error::Taken(name.to_owned())),
    };
    let asked = [AttributeType::Sensitive, AttributeType::Extractable];
    let told = session.get_attributes(private, &asked).map_err(|cause| other(&cause))?;
    let is_kept = told.contains(&Attribute::Sensitive(true)) && told.contains(&Attribute::Extractable(false));
    if !is_kept {
        return Err(Error::Unprotected(name.to_owned()));
    }
    let asked = [AttributeType::KeyType, AttributeType::EcParams, AttributeType::EcPoint];
    let told = session.get_attributes(public, &asked).map_err(|cause| other(&cause))?;
    let key = match &told[..] {
        [Attribute::KeyType(key_type), Attribute::EcParams(curve), Attribute::EcPoint(point)] => {
            kinds::public(*key_type, curve, point)
        }
        _ => None,
    };
    key.map(|public| Some((private, public))).ok_or_else(|| Error::NotAKey(name.to_owned()))
}

/// Whether another session may help.
const fn is_lost(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Pkcs11(
            RvError::SessionClosed
                | RvError::SessionHandleInvalid
                | RvError::DeviceRemoved
                | RvError::DeviceError
                | RvError::TokenNotPresent
                | RvError::TokenNotRecognized
                | RvError::SlotIdInvalid
                | RvError::UserNotLoggedIn
                | RvError::CryptokiNotInitialized
                | RvError::ObjectHandleInvalid
                | RvError::KeyHandleInvalid
                | RvError::GeneralError
                | RvError::FunctionFailed,
            _
        )
    )
}

fn not_let_in(cause: &Cause) -> Error {
    match cause {
        Cause::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
            Error::WrongPin
        }
        Cause::Pkcs11(RvError::PinLocked | RvError::PinExpired, _) => Error::Locked,
        Cause::Pkcs11(RvError::UserPinNotInitialized, _) => Error::NoPin,
        cause => other(cause),
    }
}

fn other(cause: &Cause) -> Error {
    Error::Other(cause.to_string())
}

fn unopened() -> Error {
    Error::Other("the token is not open".to_owned())
}

#[cfg(test)]
mod tests;
