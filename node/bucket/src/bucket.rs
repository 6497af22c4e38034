//! A bucket: what is asked of it, and what is found out before anything is written there.

use crate::client::{Client, roots};
use crate::credentials::Credentials;
use crate::limits::{MAX_OBJECT_BYTES, MAX_REASON};
use crate::place::Place;
use bytes::Bytes;
use http::header::IF_MATCH;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, S3ConditionalPut};
use object_store::client::{HttpRequestBody, HttpService as _};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CredentialProvider as _, Error, ObjectStore as _, ObjectStoreExt as _, PutMode,
    PutOptions, RetryConfig, UpdateVersion,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The object that says whose bucket it is.
const MARKER: &str = ".marque";

/// A tag that no object has.
const NO_TAG: &str = "\"marque\"";

/// Where a bucket is and how it is reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub place: Place,
    /// What requests are signed for; stores without regions take any.
    pub region: String,
    /// The keys.
    pub credentials: Credentials,
    /// The certification authorities of the store, in PEM, where they are not those that Mozilla trusts.
    pub roots: Option<Vec<u8>>,
}

/// The version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

/// An object as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is in it.
    pub bytes: Bytes,
    /// Its version.
    pub tag: Tag,
}

/// What came of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there.
    Done,
    /// Nothing was written: there is another version than the one that was to be replaced.
    Changed,
}

/// What came of deleting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// There is none.
    Done,
    /// Nothing was deleted: there is another version than the one that was to go.
    Changed,
}

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The caller's, from now on: there was nobody's name.
    New,
    /// The caller's.
    Own,
    /// Another's.
    Taken,
    /// Nobody's: the store replaces what it was told to leave. Nothing is safe in there.
    Careless,
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<AmazonS3>,
    client: Client,
    options: Arc<Options>,
}

impl Bucket {
    /// A bucket; nobody is asked yet.
    ///
    /// # Errors
    /// [`BucketError::Away`].
    pub fn new(options: &Options) -> Result<Self, BucketError> {
        let roots = roots(options.roots.as_deref())
            .map_err(|_| BucketError::Away("no list of certification authorities in PEM".to_owned()))?;
        let client = Client::new(roots)
            .ok_or_else(|| BucketError::Away("no safe version of TLS to be had".to_owned()))?;
        let place = &options.place;
        let store = AmazonS3Builder::new()
            .with_endpoint(&place.endpoint)
            .with_allow_http(!place.is_tls)
            .with_bucket_name(&place.bucket)
            .with_region(&options.region)
            .with_credentials(Arc::new(options.credentials.clone()))
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // Who calls tries again, when and as often as it thinks right.
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(client.clone())
            .build()
            .map_err(|error| BucketError::of(&error))?;
        Ok(Self { store: Arc::new(store), client, options: Arc::new(options.clone()) })
    }

    fn path(&self, name: &str) -> Result<Path, BucketError> {
        Path::parse(format!("{}{name}", self.options.place.prefix))
            .map_err(|_| BucketError::Object(format!("{name} is no name of an object")))
    }

    /// Finds out whose bucket it is, and whether the store keeps conditions. Where it is nobody's, `owner` is noted.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn claim(&self, owner: &str) -> Result<Claim, BucketError> {
        let note = || Bytes::from(owner.to_owned());
        let (keep, kind) = (Duration::ZERO, "text/plain");
        let is_new = self.put(MARKER, note(), (kind, keep), None).await? == Put::Done;
        if is_new && self.put(MARKER, note(), (kind, keep), None).await? == Put::Done {
            return Ok(Claim::Careless);
        }
        if !is_new && self.get(MARKER).await?.is_none_or(|found| found.bytes != owner.as_bytes()) {
            return Ok(Claim::Taken);
        }
        let wrong = Tag(NO_TAG.to_owned());
        if self.put(MARKER, note(), (kind, keep), Some(&wrong)).await? == Put::Done {
            return Ok(Claim::Careless);
        }
        Ok(if is_new { Claim::New } else { Claim::Own })
    }

    /// The object of this name, if there is one.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get(&self, name: &str) -> Result<Option<Found>, BucketError> {
        let found = match self.store.get(&self.path(name)?).await {
            Ok(found) => found,
            // A bucket that is not there is not one without objects.
            Err(Error::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => {
                return Ok(None);
            }
            Err(error) => return Err(BucketError::of(&error)),
        };
        if found.meta.size > MAX_OBJECT_BYTES as u64 {
            return Err(BucketError::Object(format!("{name} there is longer than {MAX_OBJECT_BYTES} bytes")));
        }
        let tag = found.meta.e_tag.clone();
        let tag = tag.ok_or_else(|| BucketError::Away("the store tells no versions (ETag)".to_owned()))?;
        let bytes = found.bytes().await.map_err(|error| BucketError::of(&error))?;
        Ok(Some(Found { bytes, tag: Tag(tag) }))
    }

    /// Writes an object in the place of the version `over`, or where there is none. It is there whole, or as before.
    ///
    /// # Errors
    /// [`BucketError`]. It may have been written all the same.
    pub async fn put(
        &self,
        name: &str,
        bytes: Bytes,
        (media_type, keep): (&'static str, Duration),
        over: Option<&Tag>,
    ) -> Result<Put, BucketError> {
        let mode = match over {
            None => PutMode::Create,
            Some(Tag(tag)) => PutMode::Update(UpdateVersion { e_tag: Some(tag.clone()), version: None }),
        };
        let caching = match keep.as_secs() {
            0 => "no-cache".to_owned(),
            seconds => format!("max-age={seconds}"),
        };
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, media_type.to_owned()),
            (Attribute::CacheControl, caching),
        ]);
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        match self.store.put_opts(&self.path(name)?, bytes.into(), options).await {
            Ok(_) => Ok(Put::Done),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::Changed),
            Err(error) => Err(BucketError::of(&error)),
        }
    }

    /// Deletes an object while it is the version `seen`.
    ///
    /// A store that passes the condition over, or says that it has none, deletes what is there; so it is looked at right
    /// before, and what remains is what somebody writes in that moment.
    ///
    /// # Errors
    /// [`BucketError`]. It may have been deleted all the same.
    pub async fn delete(&self, name: &str, seen: &Tag) -> Result<Deleted, BucketError> {
        match self.get(name).await? {
            None => return Ok(Deleted::Done),
            Some(found) if found.tag != *seen => return Ok(Deleted::Changed),
            Some(_) => {}
        }
        let (status, text) = self.delete_if(name, seen).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(Deleted::Done),
            status if status.is_success() => Ok(Deleted::Done),
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(Deleted::Changed),
            StatusCode::NOT_IMPLEMENTED => match self.store.delete(&self.path(name)?).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(Deleted::Done),
                Err(error) => Err(BucketError::of(&error)),
            },
            _ => Err(BucketError::away(&format!("HTTP {status} {text}"))),
        }
    }

    /// The request, which `object_store` has not: what the store answers to it.
    async fn delete_if(&self, name: &str, Tag(tag): &Tag) -> Result<(StatusCode, String), BucketError> {
        let place = &self.options.place;
        let path = self.path(name)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        let malformed = || BucketError::Object(format!("{name} is no name of an object"));
        if !path.as_ref().bytes().all(plain) {
            return Err(malformed());
        }
        let url = format!("{}/{}/{path}", place.endpoint, place.bucket);
        let request = Request::builder().method(Method::DELETE).uri(url).header(IF_MATCH, tag);
        let mut request = request.body(HttpRequestBody::empty()).map_err(|_| malformed())?;
        let credential = self.options.credentials.get_credential().await;
        let credential = credential.map_err(|error| BucketError::of(&error))?;
        let signer = AwsAuthorizer::new(&credential, "s3", &self.options.region);
        signer.try_authorize(&mut request, None).map_err(|error| BucketError::of(&error))?;
        let answer =
            self.client.call(request).await.map_err(|error| BucketError::away(&error.to_string()))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| BucketError::away(&error.to_string()))?;
        Ok((head.status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    }
}

/// Why nothing came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketError {
    /// The store is not reached, does not let this node in, or has no such bucket: no other request would fare better.
    Away(String),
    /// It is about this object.
    Object(String),
}

impl BucketError {
    fn of(error: &Error) -> Self {
        Self::away(&error.to_string())
    }

    fn away(text: &str) -> Self {
        // Stores explain at length, and say again what they were told.
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        let reason = match code {
            Some((code, _)) => format!("the store answers {code}"),
            None => text.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        Self::Away(reason.chars().take(MAX_REASON).collect())
    }
}

impl fmt::Display for BucketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) | Self::Object(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for BucketError {}
