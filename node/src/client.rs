//! The client of a node's admin listener: JSON over HTTP/1.1, bounded and in time (RFC 9457 for
//! refusals).

use crate::data::Data;
use crate::exit::Exit;
use crate::failure::{Failure, Local};
use crate::files;
use did_resolver::json;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use vc_schemas::code::Code;

/// Most bytes of an answer: an agent with a log at its cap, escaped.
const MAX_ANSWER_BYTES: usize = 24 * 1024 * 1024;

/// How long a connection may take: the node is near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an answer may take: the longest call waits ten seconds for another node, some wait for three
/// rounds of resolution.
const TIMEOUT: Duration = Duration::from_secs(45);

/// Longest `node.json`.
const MAX_NODE_BYTES: usize = 64 * 1024;

/// Longest `admin.token`.
const MAX_TOKEN_BYTES: usize = 1_024;

/// A node's admin listener, and the token for it.
#[derive(Debug)]
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    authorization: HeaderValue,
}

/// A 2xx answer, or one of another status that is no problem document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Seconds after which to try again, where it says so (RFC 9110, section 10.2.3).
    pub retry_after: Option<u64>,
    /// The body.
    pub json: Value,
}

/// What comes before the body of an answer.
#[derive(Debug, Clone, Copy)]
struct Head {
    status: StatusCode,
    retry_after: Option<u64>,
}

impl Head {
    fn of(response: &Response<Incoming>) -> Self {
        let value = response.headers().get(RETRY_AFTER);
        let retry_after = value.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        Self { status: response.status(), retry_after }
    }
}

impl Client {
    /// The client of the node whose data folder this is. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Local::NodeUnreachable`] where no node ever ran here; [`Local::File`].
    pub fn of(data: &Data) -> Result<Self, Failure> {
        let down = || {
            let reason = format!("no node runs in {}", data.path().display());
            Failure::local(
                Local::NodeUnreachable,
                reason,
                "Start it with marque up, or name its folder with --data.",
            )
        };
        let node = files::read_if_there(&data.node(), MAX_NODE_BYTES)?.ok_or_else(down)?;
        let node = json::parse(&node, MAX_NODE_BYTES).ok();
        let address = node.as_ref().and_then(|n| n.get("admin")).and_then(Value::as_str);
        let address = address.and_then(|text| text.parse().ok()).ok_or_else(down)?;
        let token = files::read(&data.admin_token(), MAX_TOKEN_BYTES)?;
        let token = String::from_utf8_lossy(&token);
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|_| Failure::local(Local::File, "admin.token holds no token", ""))?;
        authorization.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let http = Http::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, address, authorization })
    }

    /// GET `path`.
    ///
    /// # Errors
    /// The refusal by its code; [`Local::NodeUnreachable`]; [`Local::Answer`].
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        let answer = self.send(Method::GET, path, None).await?;
        accept(answer)
    }

    /// POST `body` to `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let answer = self.send(Method::POST, path, Some(body)).await?;
        accept(answer)
    }

    /// GET `path`, whatever the status is.
    ///
    /// # Errors
    /// [`Local::NodeUnreachable`]; [`Local::Answer`].
    pub async fn look(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, None).await
    }

    /// GET `path`, whose answer is text.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn text(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let (head, body) = self.exchange(Method::GET, path, None).await?;
        if head.status.is_success() { Ok(body.to_vec()) } else { Err(problem(&read(head, &body)?)) }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let (head, body) = self.exchange(method, path, body).await?;
        read(head, &body)
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Head, Bytes), Failure> {
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let mut request = self.request(path);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let accepted = "application/json, application/problem+json, application/did-resolution";
        let request = request.method(method).header(ACCEPT, accepted).body(Full::new(bytes));
        in_time(async {
            let response = self.begin(request).await?;
            let head = Head::of(&response);
            Ok((head, whole(response.into_body()).await?))
        })
        .await
    }

    /// GET `path`, whose answer goes on for as long as one reads it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn follow(&self, path: &str) -> Result<Incoming, Failure> {
        let request = self.request(path).header(ACCEPT, "text/event-stream").body(Full::default());
        in_time(async {
            let response = self.begin(request).await?;
            let head = Head::of(&response);
            if head.status.is_success() {
                return Ok(response.into_body());
            }
            Err(problem(&read(head, &whole(response.into_body()).await?)?))
        })
        .await
    }

    fn request(&self, path: &str) -> Builder {
        let uri = format!("http://{}{path}", self.address);
        Request::builder().uri(uri).header(AUTHORIZATION, &self.authorization)
    }

    async fn begin(
        &self,
        request: hyper::http::Result<Request<Full<Bytes>>>,
    ) -> Result<Response<Incoming>, Failure> {
        let request =
            request.map_err(|error| Failure::local(Local::Usage, format!("not a request: {error}"), ""))?;
        let response = self.http.request(request).await;
        response.map_err(|error| if error.is_connect() { self.down() } else { broken(&error.to_string()) })
    }

    fn down(&self) -> Failure {
        let reason = format!("nothing listens at {}", self.address);
        Failure::local(Local::NodeUnreachable, reason, "Start the node with marque up.")
    }
}

async fn whole(body: Incoming) -> Result<Bytes, Failure> {
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    Ok(body.map_err(|error| answer(&error.to_string()))?.to_bytes())
}

async fn in_time<T>(exchange: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(TIMEOUT, exchange)
        .await
        .map_err(|_| broken(&format!("no answer within {} s", TIMEOUT.as_secs())))?
}

fn broken(why: &str) -> Failure {
    let action = "Whether it acted is not known: look before you repeat.";
    Failure::local(Local::NodeUnreachable, format!("the node did not answer: {why}"), action)
}

fn answer(why: &str) -> Failure {
    let action = "Is it a node of this version? Its log says more.";
    Failure::local(Local::Answer, format!("the node's answer is not one: {why}"), action)
}

fn read(head: Head, body: &[u8]) -> Result<Answer, Failure> {
    let Head { status, retry_after } = head;
    let json =
        json::parse(body, MAX_ANSWER_BYTES).map_err(|error| answer(&format!("HTTP {status}, {error}")))?;
    Ok(Answer { status: status.as_u16(), retry_after, json })
}

fn accept(answer: Answer) -> Result<Value, Failure> {
    if (200..300).contains(&answer.status) { Ok(answer.json) } else { Err(problem(&answer)) }
}

/// The failure that a problem document is. A code that is not known here ends by its HTTP status.
#[must_use]
pub fn problem(answer: &Answer) -> Failure {
    let text = |name: &str| answer.json.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = text("code").unwrap_or_else(|| format!("http-{}", answer.status));
    let known: Option<Code> = code.parse().ok();
    let path = answer.json.get("path").filter(|path| path.is_array());
    // Of a limit alone the node knows how long it lasts.
    let wait = answer.retry_after.filter(|_| known == Some(Code::RateLimited));
    let action = wait.map(|seconds| format!("Wait: retry after {seconds} s.")).or_else(|| text("action"));
    Failure {
        exit: known.map_or(Exit::of_http_status(answer.status), Exit::of),
        reason: text("detail").or_else(|| text("title")).unwrap_or_else(|| "refused".to_owned()),
        action: action.unwrap_or_else(|| known.map_or("", Code::action).to_owned()),
        path: path.cloned().unwrap_or_else(|| Value::Array(Vec::new())),
        is_verdict: answer.json.get("verified") == Some(&Value::Bool(false)),
        report: wait.map(|seconds| Box::new(serde_json::json!({"retryAfter": seconds}))),
        code,
    }
}

/// `text` as one segment of a path or one value of a query (RFC 3986, section 2.3): what is not
/// unreserved, `:` and `@` is percent-encoded.
#[must_use]
pub fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte);
    let encode = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests;
