//! Answers as they go out: made once, with what lets a client that has one already be told so (RFC 9110,
//! sections 8.8.3, 13.1.2 and 15.4.5).

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use did_resolver::codec;
use did_resolver::time::UnixSeconds;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What stands before the time in the metadata of a result.
const CONFIRMED: &str = "\"confirmedAt\":\"";

/// Bytes of the digest that a tag has: two bodies with one tag are not to be found by trying.
const TAG_BYTES: usize = 16;

/// An answer without what differs from request to request.
#[derive(Debug)]
pub(crate) struct Ready {
    status: StatusCode,
    media_type: &'static str,
    said: Said,
}

#[derive(Debug)]
enum Said {
    /// The same to everybody; only what is there has a tag.
    Always(Bytes, Option<HeaderValue>),
    /// With the time of asking in it.
    When(Time),
}

/// A body with a place for the time of asking.
#[derive(Debug)]
struct Time {
    start: usize,
    end: usize,
    /// The digest of what stands around it.
    around: String,
    /// As it was given last: within a second it is given again.
    latest: Mutex<Latest>,
}

#[derive(Debug, Clone)]
struct Latest {
    at: UnixSeconds,
    body: Bytes,
    tag: HeaderValue,
}

impl Ready {
    /// An answer of these bytes.
    pub(crate) fn new(status: u16, media_type: &'static str, body: String) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, media_type, said: Said::Always(body.into(), None) }
    }

    /// With a tag, where there is what it can be of.
    pub(crate) fn tagged(mut self) -> Self {
        if let (StatusCode::OK, Said::Always(body, tag)) = (self.status, &mut self.said) {
            *tag = HeaderValue::from_str(&format!("\"{}\"", digest(self.media_type, &[body]))).ok();
        }
        self
    }

    /// Gives it the tag, and the time of asking in place of `now` for whoever asks later: for the whole result about
    /// a DID that confirms itself. Whether that time was found.
    pub(crate) fn confirm_when_asked(&mut self, now: UnixSeconds) -> bool {
        let time = self.place_of(now);
        let found = time.is_some();
        if let Some(time) = time {
            self.said = Said::When(time);
        }
        found
    }

    fn place_of(&self, now: UnixSeconds) -> Option<Time> {
        let Said::Always(body, _) = &self.said else { return None };
        let text = now.to_string();
        // The metadata of the resolution come last, and have no text of anybody else's making.
        let start = last(body, CONFIRMED.as_bytes())?.checked_add(CONFIRMED.len())?;
        let end = start.checked_add(text.len())?;
        if body.get(start..end)? != text.as_bytes() {
            return None;
        }
        let around = digest(self.media_type, &[body.get(..start)?, body.get(end..)?]);
        let latest = Latest { at: now, body: body.clone(), tag: tag_at(&around, now)? };
        Some(Time { start, end, around, latest: Mutex::new(latest) })
    }

    /// How many bytes it takes, beside those of a few pointers.
    pub(crate) fn len(&self) -> usize {
        match &self.said {
            Said::Always(body, _) => body.len(),
            Said::When(time) => time.locked().body.len(),
        }
    }

    /// As which it is given.
    pub(crate) const fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// What is answered to a request with these headers.
    pub(crate) fn answer(&self, headers: &HeaderMap, now: UnixSeconds) -> Response {
        let (body, tag) = match &self.said {
            Said::Always(body, tag) => (body.clone(), tag.clone()),
            Said::When(time) => {
                let Latest { body, tag, .. } = time.at(now);
                (body, Some(tag))
            }
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
}

impl Time {
    fn locked(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body with this time in it, and its tag. A time that does not fit leaves the one before.
    fn at(&self, now: UnixSeconds) -> Latest {
        let mut latest = self.locked();
        if latest.at != now
            && let Some(made) = self.make(&latest.body, now)
        {
            *latest = made;
        }
        latest.clone()
    }

    fn make(&self, body: &[u8], now: UnixSeconds) -> Option<Latest> {
        let text = now.to_string();
        let mut body = body.to_vec();
        let place = body.get_mut(self.start..self.end).filter(|place| place.len() == text.len())?;
        place.copy_from_slice(text.as_bytes());
        Some(Latest { at: now, body: body.into(), tag: tag_at(&self.around, now)? })
    }
}

fn tag_at(around: &str, now: UnixSeconds) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{around}.{}\"", now.get())).ok()
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
