//! Answers as they go out: made once, with what lets a client that has one already be told so (RFC 9110,
//! sections 8.8.3, 13.1.2 and 15.4.5).

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use did_resolver::codec;
use did_resolver::time::UnixSeconds;

/// What stands before the time in the metadata of a result.
const CONFIRMED: &str = "\"confirmedAt\":\"";

/// Bytes of the digest that a tag has: two bodies with one tag are not to be found by trying.
const TAG_BYTES: usize = 16;

/// An answer without what differs from request to request.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    status: StatusCode,
    media_type: &'static str,
    body: Bytes,
    /// Of the body; only what is there has one.
    tag: Option<HeaderValue>,
    /// Where the time stands that is that of asking.
    time: Option<Time>,
}

/// A place in a body for the time of asking.
#[derive(Debug, Clone)]
struct Time {
    start: usize,
    end: usize,
    /// The digest of what stands around it.
    around: String,
}

impl Ready {
    /// An answer of these bytes.
    pub(crate) fn new(status: u16, media_type: &'static str, body: String) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, media_type, body: body.into(), tag: None, time: None }
    }

    /// With a tag, where there is what it can be of.
    pub(crate) fn tagged(mut self) -> Self {
        if self.status == StatusCode::OK {
            self.tag = HeaderValue::from_str(&format!("\"{}\"", digest(self.media_type, &[&self.body]))).ok();
        }
        self
    }

    /// With the tag, and the time of asking in place of `now` for whoever asks later: for the whole result about a
    /// DID that confirms itself. `None` where that time is not found.
    pub(crate) fn confirmed_when_asked(mut self, now: UnixSeconds) -> Option<Self> {
        let text = now.to_string();
        // The metadata of the resolution come last, and have no text of anybody else's making.
        let start = last(&self.body, CONFIRMED.as_bytes())?.checked_add(CONFIRMED.len())?;
        let end = start.checked_add(text.len())?;
        if self.body.get(start..end)? != text.as_bytes() {
            return None;
        }
        let around = digest(self.media_type, &[self.body.get(..start)?, self.body.get(end..)?]);
        self.time = Some(Time { start, end, around });
        Some(self)
    }

    /// How many bytes it takes, beside those of a few pointers.
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    /// As which it is given.
    pub(crate) const fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// What is answered to a request with these headers.
    pub(crate) fn answer(&self, headers: &HeaderMap, now: UnixSeconds) -> Response {
        let (body, tag) = match self.time.as_ref().and_then(|time| self.at(time, now)) {
            Some((body, tag)) => (body, Some(tag)),
            None => (self.body.clone(), self.tag.clone()),
        };
        let has_it = tag.as_ref().is_some_and(|tag| is_among(headers, tag));
        let mut response = Response::new(if has_it { Body::empty() } else { Body::from(body) });
        *response.status_mut() = if has_it { StatusCode::NOT_MODIFIED } else { self.status };
        let answered = response.headers_mut();
        if !has_it {
            answered.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        }
        if let Some(tag) = tag {
            answered.insert(ETAG, tag);
        }
        // Kept only to be asked for again: whoever resolves a DID wants the newest.
        answered.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        answered.insert(VARY, HeaderValue::from_static("accept"));
        response
    }

    /// The body with this time in it, and its tag.
    fn at(&self, time: &Time, now: UnixSeconds) -> Option<(Bytes, HeaderValue)> {
        let text = now.to_string();
        let mut body = self.body.to_vec();
        let place = body.get_mut(time.start..time.end).filter(|place| place.len() == text.len())?;
        place.copy_from_slice(text.as_bytes());
        let tag = HeaderValue::from_str(&format!("\"{}.{}\"", time.around, now.get())).ok()?;
        Some((body.into(), tag))
    }
}

/// The same bytes as another type are another representation.
fn digest(media_type: &str, parts: &[&[u8]]) -> String {
    let digest = codec::sha256(&[media_type.as_bytes(), &parts.concat()].concat());
    codec::to_base64url(digest.get(..TAG_BYTES).unwrap_or(&digest))
}

/// The last place where `text` stands.
fn last(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).rposition(|window| window == text)
}

/// Whether a client says that it has this (`If-None-Match`), compared weakly as the RFC wants.
fn is_among(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tag = tag.as_bytes();
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag)
}
