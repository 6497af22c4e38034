//! One request and its answer (RFC 9112), over a connection of its own.

use crate::limits::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::target::Target;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use marque_flows::ports::fetch::{FetchError, Fetched};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How this node calls itself: as every other one does, so that no host tells them apart.
const AGENT: &str = "marque";

/// Asks for `target` over `stream` and reads the answer, `max_bytes` of body at most.
///
/// # Errors
/// What was wrong with the answer.
pub(crate) async fn get<S>(stream: S, target: &Target, max_bytes: usize) -> Result<Fetched, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = http1::Builder::new();
    client.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::get(&target.path)
        .header(HOST, target.authority())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Url)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        read(response, max_bytes).await
    };
    tokio::pin!(connection, answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // What was received before the connection ended is still there to be read.
        _ = &mut connection => answer.await,
    }
}

fn broken(error: hyper::Error) -> FetchError {
    tracing::debug!(%error, "an answer broke off");
    FetchError::Broken
}

async fn read(response: Response<Incoming>, max_bytes: usize) -> Result<Fetched, FetchError> {
    let (head, mut body) = response.into_parts();
    match head.status.as_u16() {
        200 => {}
        404 | 410 => return Err(FetchError::Missing),
        300..=399 => return Err(FetchError::Redirected),
        status => return Err(FetchError::Status(status)),
    }
    let plain = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !head.headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Err(FetchError::Encoded);
    }
    let announced =
        head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max_bytes as u64) {
        return Err(FetchError::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(broken)?;
        if let Some(data) = frame.data_ref() {
            if data.len() > max_bytes.saturating_sub(bytes.len()) {
                return Err(FetchError::TooLarge);
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(Fetched { bytes, keep: keep(&head.headers) })
}

/// How long the answer may be kept. What cannot be read is as if it said that it may not.
fn keep(headers: &HeaderMap) -> Option<Duration> {
    let mut keep = None;
    for value in headers.get_all(CACHE_CONTROL) {
        let Ok(text) = value.to_str() else { return Some(Duration::ZERO) };
        for directive in text.split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            let said = match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => 0,
                "max-age" => argument.trim().trim_matches('"').parse().unwrap_or(0),
                _ => continue,
            };
            let said = Duration::from_secs(said);
            keep = Some(keep.map_or(said, |earlier: Duration| earlier.min(said)));
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn kept(values: &[&'static str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
        }
        keep(&headers).map(|keep| keep.as_secs())
    }

    //
    #[test]
    fn the_shortest_time_that_the_host_names_is_how_long_it_may_be_kept() {
        for (values, expected) in [
            (&[][..], None),
            (&["public"][..], None),
            (&["max-age=60"][..], Some(60)),
            (&["public, Max-Age=\"60\""][..], Some(60)),
            (&["max-age=60, no-store"][..], Some(0)),
            (&["max-age=60", "no-cache"][..], Some(0)),
            (&["max-age=60", "max-age=30"][..], Some(30)),
            (&["max-age=-1"][..], Some(0)),
            (&["max-age=99999999999999999999999"][..], Some(0)),
        ] {
            assert_eq!(kept(values), expected, "{values:?}");
        }
    }
}
