//! The HTTP client under `object_store`: hyper over rustls, no redirections, with a deadline and a longest answer.

use crate::limits::{
    CONNECT_TIMEOUT, IDLE, MAX_HEAD_BYTES, MAX_HEADERS, MAX_IDLE, MAX_OBJECT_BYTES, REQUEST_TIMEOUT,
};
use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;
use tokio::time::timeout;

/// Whom TLS trusts: those of `pem`, or the ones that Mozilla trusts.
pub(crate) fn roots(pem: Option<&[u8]>) -> Result<RootCertStore, NoRoots> {
    let Some(pem) = pem else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| NoRoots)?).map_err(|_| NoRoots)?;
    }
    if roots.is_empty() { Err(NoRoots) } else { Ok(roots) }
}

/// What is no list of certification authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoots;

/// A client, and what makes it: there is one.
#[derive(Clone)]
pub(crate) struct Client {
    inner: legacy::Client<HttpsConnector<Tcp>, HttpRequestBody>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client; `None` where the cryptography of this build has no safe version of TLS.
    pub(crate) fn new(roots: RootCertStore) -> Option<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        // Where http may be spoken, the place says.
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .http1_max_headers(MAX_HEADERS)
            .build(https);
        Some(Self { inner })
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.inner.request(request).await;
        let response = response.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
            HttpError::new(kind, Why::of(&error))
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_OBJECT_BYTES).collect().await;
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Decode, Why(error.to_string())))?;
        let body = Full::new(body.to_bytes()).map_err(|never| match never {});
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        timeout(REQUEST_TIMEOUT, self.exchange(request)).await.unwrap_or_else(|_| {
            let why = Why(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()));
            Err(HttpError::new(HttpErrorKind::Timeout, why))
        })
    }
}

impl HttpConnector for Client {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

/// Why there was no answer, down to the first cause: the outer ones say only that there was none.
#[derive(Debug)]
struct Why(String);

impl Why {
    fn of(error: &dyn std::error::Error) -> Self {
        let mut cause = error;
        while let Some(below) = cause.source() {
            cause = below;
        }
        Self(cause.to_string())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Why {}
