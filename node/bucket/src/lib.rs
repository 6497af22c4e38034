//! Objects in a bucket of a store that speaks the S3 protocol: read, written where they are as they were read, deleted.
//!
//! The endpoint is the operator's and comes from the configuration only; no redirection is followed. TLS is the one of
//! `node/fetch`. Each request has a deadline and each answer a length.

mod limits;
mod place;
mod credentials;
mod client;
mod bucket;

pub use bucket::{Bucket, BucketError, Claim, Deleted, Found, Options, Put, Tag};
pub use credentials::{Credentials, CredentialsError, Keys};
pub use limits::{
    CONNECT_TIMEOUT, MAX_CREDENTIALS_BYTES, MAX_OBJECT_BYTES, MAX_ROOTS_BYTES, REQUEST_TIMEOUT,
};
pub use place::{Place, PlaceError};
