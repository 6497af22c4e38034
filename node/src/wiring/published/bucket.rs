//! A bucket of an object store.
//!
//! Nobody can lock it. So an object is read first, then what the store of this node says, and then it is written where
//! it still is the version that was read: what is written is at least as new as what it replaces, also with several
//! nodes of the domain, each of which commits before it publishes.

use super::{Place, Trouble};
use crate::config::Publish;
use crate::failure::{Failure, Local};
use crate::files;
use did_resolver::codec;
use marque_bucket::{
    Bucket, BucketError, Claim, Credentials, Keys, MAX_ROOTS_BYTES, Options, Place as Where, Put,
};
use marque_flows::domain::Domain;
use marque_flows::error::Error;
use marque_flows::published::{PublicFile, Subject};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often an object may change while it is read and written: other nodes write it too.
const MAX_TRIES: usize = 8;

/// Objects of which is remembered that they are there as they should be, so that nobody is asked each time: 16 MiB.
const MAX_SEEN: usize = 262_144;

/// After this all are looked at again, for what somebody else did to them.
const FORGET: Duration = Duration::from_secs(24 * 3_600);

/// What is remembered of a name, and of what is in there.
type Digest = [u8; 16];

/// The bucket.
#[derive(Debug)]
pub(super) struct InBucket {
    bucket: Bucket,
    owner: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Whether it is known whose bucket it is. Not after it was away: another may have come.
    is_own: bool,
    seen: HashMap<Digest, Digest>,
    since: Instant,
}

impl InBucket {
    /// The bucket that is configured; nobody is asked yet.
    ///
    /// # Errors
    /// [`Local::Configuration`], [`Local::File`].
    pub(super) fn open(publish: &Publish, owner: &str) -> Result<Self, Failure> {
        let roots = match publish.bucket_roots.as_str() {
            "" => None,
            path => Some(files::read(Path::new(path), MAX_ROOTS_BYTES)?),
        };
        let place = Where::read(&publish.bucket).map_err(|error| failure(&error.to_string()))?;
        let credentials = match publish.bucket_credentials.as_str() {
            "" => Credentials::Given(of_environment()?),
            path => Credentials::File(path.into()),
        };
        let options = Options { place, region: publish.bucket_region.clone(), credentials, roots };
        let bucket = Bucket::new(&options).map_err(|error| failure(&error.to_string()))?;
        let state = State { is_own: false, seen: HashMap::new(), since: Instant::now() };
        Ok(Self { bucket, owner: owner.to_owned(), state: Mutex::new(state) })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is to be done about an error; after some it is to be found out anew whose bucket it is.
    fn trouble(&self, error: BucketError) -> Trouble {
        match error {
            BucketError::Object(why) => Trouble::One(why),
            BucketError::Away(why) => {
                self.with(|state| state.is_own = false);
                Trouble::Place(why)
            }
        }
    }

    async fn keep_one(&self, domain: &Domain, subject: &Subject, wanted: PublicFile) -> Result<(), Trouble> {
        let name = wanted.path.as_str();
        if self.with(|state| state.seen.get(&digest(name.as_bytes())) == Some(&of(&wanted))) {
            return Ok(());
        }
        for _ in 0..MAX_TRIES {
            let there = self.bucket.get(name).await.map_err(|error| self.trouble(error))?;
            let files = domain.public_files(subject).await.map_err(|error| unread(&error))?;
            let Some(file) = files.into_iter().find(|file| file.path == name) else { return Ok(()) };
            if there.as_ref().map(|found| found.bytes.as_ref()) == file.content.as_deref() {
                self.saw(&file);
                return Ok(());
            }
            if let Some(there) = &there
                && domain.is_newer(&there.bytes, &file).await.map_err(|error| unread(&error))?
            {
                tracing::error!(name, "what is in the bucket is newer than what the store has, and stays");
                return Ok(());
            }
            let Some(content) = file.content.clone() else {
                // Whatever came of it, it is looked at once more: another node may have put something there.
                if let Some(there) = &there {
                    let deleted = self.bucket.delete(name, &there.tag).await;
                    deleted.map_err(|error| self.trouble(error))?;
                }
                continue;
            };
            let (kind, tag) = ((file.media_type, file.keep), there.map(|found| found.tag));
            match self.bucket.put(name, content.into(), kind, tag.as_ref()).await {
                Ok(Put::Done) => {
                    self.saw(&file);
                    return Ok(());
                }
                Ok(Put::Changed) => {}
                Err(error) => return Err(self.trouble(error)),
            }
        }
        Err(Trouble::One(format!("{name} changes faster than it can be written")))
    }

    fn saw(&self, file: &PublicFile) {
        self.with(|state| {
            let name = digest(file.path.as_bytes());
            if state.seen.len() < MAX_SEEN || state.seen.contains_key(&name) {
                state.seen.insert(name, of(file));
            }
        });
    }
}

impl Place for InBucket {
    const KIND: &'static str = "bucket";
    const AT_ONCE: usize = 8;

    async fn ready(&self) -> Result<bool, Trouble> {
        let is_own = self.with(|state| {
            if state.since.elapsed() > FORGET {
                state.seen.clear();
                state.since = Instant::now();
            }
            state.is_own
        });
        if is_own {
            return Ok(false);
        }
        let is_new = match self.bucket.claim(&self.owner).await.map_err(|error| self.trouble(error))? {
            Claim::Own => false,
            Claim::New => true,
            Claim::Taken => {
                return Err(Trouble::Place("the bucket is another domain's: its .marque says so".to_owned()));
            }
            Claim::Careless => {
                let why = "the store does not keep the conditions of a request (If-Match, If-None-Match)";
                return Err(Trouble::Place(why.to_owned()));
            }
        };
        self.with(|state| {
            state.is_own = true;
            if is_new {
                state.seen.clear();
            }
        });
        Ok(is_new)
    }

    async fn keep(&self, domain: &Arc<Domain>, subject: &Subject) -> Result<(), Trouble> {
        for file in domain.public_files(subject).await.map_err(|error| unread(&error))? {
            self.keep_one(domain, subject, file).await?;
        }
        Ok(())
    }
}

fn unread(error: &Error) -> Trouble {
    Trouble::One(error.to_string())
}

fn digest(bytes: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.iter_mut().zip(codec::sha256(bytes)).for_each(|(to, from)| *to = from);
    digest
}

/// What is in a file, or that there is none.
fn of(file: &PublicFile) -> Digest {
    file.content.as_deref().map_or(Digest::default(), digest)
}

/// The keys in the variables that programs for S3 share.
fn of_environment() -> Result<Keys, Failure> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Ok(Keys { id, secret, token: variable("AWS_SESSION_TOKEN") }),
        _ => Err(failure("publish.bucket wants keys, and there are none")),
    }
}

fn failure(reason: &str) -> Failure {
    let action =
        "Name a file of credentials in publish.bucket_credentials; marque config check looks at the rest.";
    Failure::local(Local::Configuration, reason, action)
}
