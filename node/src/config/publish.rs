//! What anybody may read, beside the node.

use super::{Failure, refused};
use serde::{Deserialize, Serialize};

/// Longest name of a region: AWS's have at most 16 letters.
const MAX_REGION_BYTES: usize = 32;

/// Longest URL of a bucket, in bytes.
const MAX_URL_BYTES: usize = 512;

/// Files for a web server or a CDN, and objects in a bucket, so that reading needs no node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The folder that they are kept in, by its absolute path; empty, none are. It belongs to this domain alone.
    pub folder: String,
    /// The URL of a bucket in an object store that speaks S3; empty, there is none. It belongs to this domain alone.
    pub bucket: String,
    /// The region of that bucket.
    pub bucket_region: String,
    /// The file with its keys, by its absolute path; empty, variables have them.
    pub bucket_credentials: String,
    /// A PEM file, by its absolute path, of the certification authorities that the store's certificate may be of; empty,
    /// those that Mozilla trusts.
    pub bucket_roots: String,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            folder: String::new(),
            bucket: String::new(),
            bucket_region: "us-east-1".to_owned(),
            bucket_credentials: String::new(),
            bucket_roots: String::new(),
        }
    }
}

impl Publish {
    /// Checks what types do not.
    ///
    /// # Errors
    /// [`Local::Configuration`](crate::failure::Local::Configuration).
    pub(super) fn check(&self) -> Result<(), Failure> {
        let url = &self.bucket;
        if !(url.is_empty()
            || (url.starts_with("https://") || url.starts_with("http://")) && url.len() <= MAX_URL_BYTES)
        {
            return Err(refused(
                "publish.bucket is not the URL of a bucket, such as https://s3.eu-central-1.amazonaws.com/BUCKET",
            ));
        }
        #[cfg(feature = "s3")]
        if !url.is_empty() {
            marque_bucket::Place::read(url).map_err(|error| refused(format!("publish.bucket is {error}")))?;
        }
        let is_label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let region = &self.bucket_region;
        if region.is_empty() || region.len() > MAX_REGION_BYTES || !region.bytes().all(is_label) {
            return Err(refused(format!(
                "publish.bucket_region is not a name of at most {MAX_REGION_BYTES} lower-case letters, digits and -"
            )));
        }
        Ok(())
    }
}
