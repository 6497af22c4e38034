//! Where a bucket is: one URL, the way that any S3 store can be asked (path style).

use http::Uri;
use std::fmt;

/// Longest URL of a bucket, in bytes.
const MAX_URL_BYTES: usize = 512;

/// A bucket, and where in it objects go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The store: scheme, host and port.
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    /// What every name in the bucket begins with: nothing, or names with a slash at the end of each.
    pub(crate) prefix: String,
    pub(crate) is_tls: bool,
}

impl Place {
    /// Reads `https://HOST[:PORT]/BUCKET[/PREFIX]`. Only a store on this machine may be spoken to without TLS.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn read(url: &str) -> Result<Self, PlaceError> {
        let uri: Uri = url.parse().ok().filter(|_| url.len() <= MAX_URL_BYTES).ok_or(PlaceError::Url)?;
        let authority = uri.authority().ok_or(PlaceError::Url)?;
        // What follows a # is not part of what is read above.
        if authority.as_str().contains('@') || uri.query().is_some() || url.contains('#') {
            return Err(PlaceError::Url);
        }
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_near(authority.host()) => false,
            Some("http") => return Err(PlaceError::Open),
            _ => return Err(PlaceError::Url),
        };
        let mut names = uri.path().trim_matches('/').split('/');
        let bucket = names.next().filter(|name| is_bucket(name)).ok_or(PlaceError::Bucket)?;
        let mut prefix = String::new();
        for name in names {
            if !is_name(name) {
                return Err(PlaceError::Prefix);
            }
            prefix.extend([name, "/"]);
        }
        let endpoint = format!("{}://{authority}", if is_tls { "https" } else { "http" });
        Ok(Self { endpoint, bucket: bucket.to_owned(), prefix, is_tls })
    }
}

/// Whether only this machine is there.
fn is_near(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|a| a.is_loopback())
}

/// Names of buckets as S3 has them.
fn is_bucket(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| plain(*b) || matches!(b, b'-' | b'.'))
        && bytes.first().is_some_and(|b| plain(*b))
        && bytes.last().is_some_and(|b| plain(*b))
}

/// A name that every store and every URL has unchanged.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(plain)
}

/// Why a URL is none of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceError {
    /// It is no URL of that form.
    Url,
    /// It is http, and leads away from this machine.
    Open,
    /// It names no bucket.
    Bucket,
    /// It goes on with what is not plain names.
    Prefix,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "not a URL such as https://s3.eu-central-1.amazonaws.com/BUCKET",
            Self::Open => "not https, which only a store on this machine need not be",
            Self::Bucket => "a URL that does not go on with the name of a bucket",
            Self::Prefix => "a URL whose path has names of other than letters, digits and -_.",
        })
    }
}

impl std::error::Error for PlaceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_store_the_bucket_and_what_names_begin_with() {
        let read = |url| Place::read(url).unwrap();
        let place = read("https://s3.example:9000/acme-public/a/b.c");
        assert_eq!(
            (place.endpoint.as_str(), place.bucket.as_str()),
            ("https://s3.example:9000", "acme-public")
        );
        assert_eq!((place.prefix.as_str(), place.is_tls), ("a/b.c/", true));
        assert_eq!(read("https://s3.example/acme"), read("https://s3.example/acme/"));
        for near in ["http://127.0.0.1:9000/acme", "http://[::1]:9000/acme", "http://localhost/acme"] {
            assert!(!read(near).is_tls, "{near}");
        }
    }

    #[test]
    fn what_names_no_bucket_or_leaves_this_machine_without_tls_is_refused() {
        use PlaceError::{Bucket, Open, Prefix, Url};
        let long = format!("https://s3.example/acme/{}", "a".repeat(MAX_URL_BYTES));
        for (url, why) in [
            ("", Url),
            ("acme", Url),
            ("/acme", Url),
            ("s3://acme", Url),
            ("https://key:secret@s3.example/acme", Url),
            ("https://s3.example/acme?x=1", Url),
            ("https://s3.example/acme#x", Url),
            (&long, Url),
            ("http://s3.example/acme", Open),
            ("http://127.0.0.1.example/acme", Open),
            ("http://10.0.0.1/acme", Open),
            ("https://s3.example", Bucket),
            ("https://s3.example/", Bucket),
            ("https://s3.example/ab", Bucket),
            ("https://s3.example/Acme", Bucket),
            ("https://s3.example/-acme", Bucket),
            ("https://s3.example/acme/../other", Prefix),
            ("https://s3.example/acme//b", Prefix),
            ("https://s3.example/acme/a%2fb", Prefix),
        ] {
            assert_eq!(Place::read(url), Err(why), "{url}");
        }
    }
}
