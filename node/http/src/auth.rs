//! The admin token: a bearer token (RFC 6750, section 2.1) of which only the digest is held.

use crate::error::Problem;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use did_resolver::codec::{self, Sha256Digest};
use vc_schemas::code::Code;

/// What the admin token is compared with.
#[derive(Debug, Clone, Copy)]
pub struct AdminToken(Sha256Digest);

impl AdminToken {
    /// Of the token itself, without the line end of its file.
    #[must_use]
    pub fn new(token: &[u8]) -> Self {
        Self(codec::sha256(token))
    }

    /// Of the SHA-256 digest of the token.
    #[must_use]
    pub const fn from_digest(digest: Sha256Digest) -> Self {
        Self(digest)
    }

    /// Whether the request carries the token.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (first, second) = (values.next(), values.next());
        let presented = first.filter(|_| second.is_none()).and_then(|value| bearer(value.as_bytes()));
        let Some(presented) = presented else {
            return Err(Problem::new(Code::AdminTokenMissing, "no single Authorization: Bearer header"));
        };
        if same(&codec::sha256(presented), &self.0) {
            Ok(())
        } else {
            Err(Problem::new(Code::AdminTokenWrong, "another token"))
        }
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

/// Compares without saying where two digests differ: a caller cannot choose the digest's bytes, and
/// the time is the same for all.
fn same(one: &Sha256Digest, other: &Sha256Digest) -> bool {
    let difference = one.iter().zip(other).fold(0, |sum, (a, b)| std::hint::black_box(sum | (a ^ b)));
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn check(values: &[&str]) -> Option<Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        AdminToken::new(b"secret").check(&headers).err().map(|problem| problem.code())
    }

    #[test]
    fn the_one_token_opens_and_nothing_else_does() {
        assert_eq!(check(&["Bearer secret"]), None);
        assert_eq!(check(&["bearer secret"]), None);
        for missing in [&[][..], &["Basic secret"], &["Bearer"], &["secret"], &["Bearer secret", "Bearer x"]]
        {
            assert_eq!(check(missing), Some(Code::AdminTokenMissing), "{missing:?}");
        }
        for wrong in ["Bearer ", "Bearer secret2", "Bearer Secret", "Bearer sécret", "Bearer secret secret"]
        {
            assert_eq!(check(&[wrong]), Some(Code::AdminTokenWrong), "{wrong}");
        }
    }
}
