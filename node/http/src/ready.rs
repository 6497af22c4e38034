//! Answers as they go out: made once, with what lets a client that has one already be told so (RFC 9110,
//! sections 8.8.3, 13.1.2 and 15.4.5).

use crate::given::Piece;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use did_resolver::codec;
use did_resolver::time::UnixSeconds;
use std::ops::Range;
use std::sync::Arc;

/// What stands before the time in the metadata of a result.
const CONFIRMED: &str = "\"confirmedAt\":\"";

/// Bytes of the digest that a tag has: two bodies with one tag are not to be found by trying.
const TAG_BYTES: usize = 16;

/// An answer without what differs from request to request.
#[derive(Debug)]
pub(crate) struct Ready {
    status: StatusCode,
    media_type: &'static str,
    /// One after the other, for they are read in this order: whom it is about, its tag, its body.
    bytes: Arc<[u8]>,
    did_bytes: usize,
    /// Where the body begins.
    body_at: usize,
    /// Where the time of asking stands in it; `None` where it is the same to everybody.
    when: Option<Box<Time>>,
    /// The time that stands there: within a second it is given again as it is.
    at: UnixSeconds,
}

/// A place for the time of asking.
#[derive(Debug)]
struct Time {
    place: Range<usize>,
    /// The digest of what stands around it.
    around: String,
}

/// What is said to one request.
#[derive(Debug)]
pub(crate) struct Said {
    status: StatusCode,
    /// `None` for who has it.
    media_type: Option<&'static str>,
    tag: Option<HeaderValue>,
    body: Option<Piece>,
}

impl Ready {
    /// An answer about `did` of these bytes.
    pub(crate) fn new(status: u16, media_type: &'static str, did: &str, body: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (did_bytes, bytes) = (did.len(), [did, body].concat().into_bytes().into());
        let at = UnixSeconds::new(0);
        Self { status, media_type, bytes, did_bytes, body_at: did_bytes, when: None, at }
    }

    /// With a tag, where there is what it can be of.
    pub(crate) fn tagged(mut self) -> Self {
        if self.status == StatusCode::OK {
            self.tag(&format!("\"{}\"", digest(self.media_type, &[self.body()])));
        }
        self
    }

    fn tag(&mut self, tag: &str) {
        self.bytes = [self.did(), tag.as_bytes(), self.body()].concat().into();
        self.body_at = self.did_bytes.saturating_add(tag.len());
    }

    /// Gives it the tag, and the time of asking in place of `now` for whoever asks later: for the whole result about
    /// a DID that confirms itself. Whether that time was found.
    pub(crate) fn confirm_when_asked(&mut self, now: UnixSeconds) -> bool {
        let Some((start, around)) = self.place_of(now) else { return false };
        self.tag(&tag_at(&around, now));
        let start = self.body_at.saturating_add(start);
        let place = start..start.saturating_add(now.to_string().len());
        (self.when, self.at) = (Some(Box::new(Time { place, around })), now);
        true
    }

    /// Where `now` stands in the body, and the digest of what stands around it.
    fn place_of(&self, now: UnixSeconds) -> Option<(usize, String)> {
        let (body, text) = (self.body(), now.to_string());
        // The metadata of the resolution come last, and have no text of anybody else's making.
        let start = last(body, CONFIRMED.as_bytes())?.checked_add(CONFIRMED.len())?;
        let end = start.checked_add(text.len())?;
        if body.get(start..end)? != text.as_bytes() {
            return None;
        }
        Some((start, digest(self.media_type, &[body.get(..start)?, body.get(end..)?])))
    }

    /// How many bytes it takes, beside those of a few pointers.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// As which it is given.
    pub(crate) const fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Whom it is about, as it was written.
    pub(crate) fn did(&self) -> &[u8] {
        self.bytes.get(..self.did_bytes).unwrap_or_default()
    }

    fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }

    /// What is answered to a request with these headers.
    pub(crate) fn answer(&mut self, headers: &HeaderMap, now: UnixSeconds) -> Response {
        self.say(headers, now)
            .response(HeaderMap::new())
            .map(|body| body.map_or_else(Body::empty, Body::from))
    }

    /// What is said to a request with these headers.
    pub(crate) fn say(&mut self, headers: &HeaderMap, now: UnixSeconds) -> Said {
        if self.at != now {
            self.confirm(now);
        }
        let tag = self.bytes.get(self.did_bytes..self.body_at).filter(|tag| !tag.is_empty());
        let has_it = tag.is_some_and(|tag| is_among(headers, tag));
        let tag = tag.and_then(|tag| HeaderValue::from_bytes(tag).ok());
        if has_it {
            return Said { status: StatusCode::NOT_MODIFIED, media_type: None, tag, body: None };
        }
        let body = Some(Piece::new(Arc::clone(&self.bytes), self.body_at));
        Said { status: self.status, media_type: Some(self.media_type), tag, body }
    }

    /// Puts this time in its place, and in the tag. One that does not fit leaves the one before.
    fn confirm(&mut self, now: UnixSeconds) {
        let Some(time) = &self.when else { return };
        let (text, tag) = (now.to_string(), tag_at(&time.around, now));
        let places = [(time.place.clone(), text.as_bytes()), (self.did_bytes..self.body_at, tag.as_bytes())];
        if places.iter().any(|(place, text)| place.len() != text.len()) {
            return;
        }
        // Who is being given the one before keeps that.
        let bytes = Arc::make_mut(&mut self.bytes);
        for (place, text) in places {
            bytes.get_mut(place).into_iter().for_each(|place| place.copy_from_slice(text));
        }
        self.at = now;
    }
}

impl Said {
    /// Its status code.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// As a response, with its headers in `headers`, which are to be none.
    pub(crate) fn response(self, mut headers: HeaderMap) -> Response<Option<Piece>> {
        if let Some(media_type) = self.media_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        if let Some(tag) = self.tag {
            headers.insert(ETAG, tag);
        }
        // Kept only to be asked for again: whoever resolves a DID wants the newest.
        headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("no-cache") });
        headers.insert(VARY, const { HeaderValue::from_static("accept") });
        let mut response = Response::new(self.body);
        (*response.status_mut(), *response.headers_mut()) = (self.status, headers);
        response
    }
}

fn tag_at(around: &str, now: UnixSeconds) -> String {
    format!("\"{around}.{}\"", now.get())
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
fn is_among(headers: &HeaderMap, tag: &[u8]) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag)
}

#[cfg(test)]
mod tests;
