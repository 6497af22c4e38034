//! Resolution over HTTP (DID Resolution 1.0, section 11, "HTTP(S) Binding"), and names for people.

use crate::body::{answer, media_type, parse, read, typed, unsupported};
use crate::error::Problem;
use crate::faces::Faces;
use crate::limits::MAX_OPTIONS_BYTES;
use crate::media::choose;
use crate::ready::Ready;
use crate::target::{IDENTIFIERS, identifier, query, rest, segment};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use did_resolver::did::DidUrl;
use did_resolver::document::Relationship;
use did_resolver::resolution::dereference::{
    Accept, Dereferenced, Options, Resource, URLS_TYPE, dereference, error_json, version_query,
};
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::webvh::VersionQuery;
use marque_flows::resolve::{Answer, Basis, Unresolved};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use vc_schemas::claims::{MAX_DOMAIN_BYTES, is_name};
use vc_schemas::code::Code;

const RESOLUTION: &str = "application/did-resolution";
const DEREFERENCING: &str = "application/did-url-dereferencing";
const DOCUMENT: &str = "application/did";
const DOCUMENT_JSON: &str = "application/did+json";
const DOCUMENT_LD: &str = "application/did+ld+json";
const JSON: &str = "application/json";

/// The whole result, as earlier drafts name it.
const PROFILED: &str = "application/ld+json;profile=\"https://w3id.org/did-resolution\"";

/// The context of that.
const RESULT_CONTEXT: &str = "https://w3id.org/did-resolution/v1";

/// For a DID, the preferred one first.
const OF_DIDS: [&str; 6] = [RESOLUTION, DOCUMENT, DOCUMENT_JSON, DOCUMENT_LD, JSON, PROFILED];

/// For what a DID URL names, the preferred one first.
const OF_URLS: [&str; 6] = [DEREFERENCING, DOCUMENT, DOCUMENT_JSON, DOCUMENT_LD, URLS_TYPE, JSON];

/// What may stand in a query as a part of the DID URL that is written before it.
const OF_THE_URL: [&str; 4] = ["service", "serviceType", "relativeRef", "src"];

/// What is asked.
struct Question {
    url: DidUrl,
    version: Option<VersionQuery>,
    flags: Flags,
}

/// The options beside the version.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    /// `trace`: what was looked at.
    trace: bool,
    /// `expandRelativeUrls`: ids in full.
    absolute: bool,
    /// `verificationRelationship`: what the method that the DID URL names must be listed for.
    relationship: Option<Relationship>,
}

/// `GET /1.0/identifiers/{did}`, with the options in the query.
pub(crate) async fn resolve(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let options = query(&uri).map_err(|_| ResolutionError::InvalidOptions);
    answered(&faces, &uri, &headers, options).await
}

/// `POST /1.0/identifiers/{did}`, with the options in the body.
pub(crate) async fn resolve_with(
    State(faces): State<Arc<Faces>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut head, body) = request.into_parts();
    // Conditions are those of a GET (RFC 9110, section 13.1.2).
    head.headers.remove(IF_NONE_MATCH);
    let bytes = read(&head.headers, body, MAX_OPTIONS_BYTES).await?;
    let mut options = query(&head.uri).map_err(|_| ResolutionError::InvalidOptions);
    if !bytes.is_empty() {
        if media_type(&head.headers).as_deref() != Some(JSON) {
            return Err(unsupported());
        }
        let posted = posted(&parse(&bytes, MAX_OPTIONS_BYTES)?);
        if let Some(Ok(accept)) = posted.as_ref().ok().and_then(|posted| {
            let (_, accept) = posted.iter().find(|(name, _)| name == "accept")?;
            Some(HeaderValue::from_str(accept))
        }) {
            head.headers.insert(ACCEPT, accept);
        }
        // That one is heeded above.
        let posted = posted.map(|posted| posted.into_iter().filter(|(name, _)| name != "accept").collect());
        options = options.and_then(|asked| Ok([asked, posted?].concat()));
    }
    answered(&faces, &head.uri, &head.headers, options).await
}

/// The options of a body: an object of texts and truth values.
fn posted(json: &Value) -> Result<Vec<(String, String)>, ResolutionError> {
    let members = json.as_object().ok_or(ResolutionError::InvalidOptions)?;
    let option = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Bool(is) => Ok((name.clone(), is.to_string())),
        _ => Err(ResolutionError::InvalidOptions),
    };
    members.iter().map(option).collect()
}

async fn answered(
    faces: &Faces,
    uri: &Uri,
    headers: &HeaderMap,
    options: Result<Vec<(String, String)>, ResolutionError>,
) -> Result<Response, Problem> {
    let question = question(uri, options);
    let names_a_part = question.as_ref().is_ok_and(Question::names_a_part);
    let offered = if names_a_part { &OF_URLS[..] } else { &OF_DIDS[..] };
    let refused = if names_a_part { url_refused } else { did_refused };
    let Some(media_type) = choose(headers, offered) else {
        return Ok(refused(ResolutionError::RepresentationNotSupported, Vec::new()));
    };
    let question = match question {
        Ok(question) => question,
        Err(error) => return Ok(refused(error, Vec::new())),
    };
    let mut answer = faces.domain.resolve(&question.url, question.version.as_ref()).await?;
    let metadata = answer.metadata(question.flags.trace);
    let resolution = match answer.found {
        Ok((ref resolution, _)) if question.flags.absolute => Arc::new(resolution.with_absolute_ids()),
        Ok((ref resolution, _)) => Arc::clone(resolution),
        Err(Unresolved::Error(error)) => return Ok(refused(error, metadata)),
        Err(Unresolved::Refused(ref refusal)) => {
            let problem = Problem::of(refusal.clone());
            return Err(if question.flags.trace { problem.traced(answer.trace()) } else { problem });
        }
    };
    if !names_a_part {
        let written = rest(uri, IDENTIFIERS);
        let basis = answer.basis.take().filter(|_| question.is_plain(written));
        let ready = resolved(written, &resolution, media_type, metadata);
        return Ok(given(faces, ready, &answer, (basis, media_type, question.flags), headers));
    }
    let accept = if is_document(media_type) { Accept::Document } else { Accept::Urls };
    let options = Options { accept, relationship: question.flags.relationship };
    match dereference(&question.url, &resolution, options) {
        Ok(found) if media_type == URLS_TYPE && found.content_type().is_some_and(|t| t != URLS_TYPE) => {
            Ok(refused(ResolutionError::RepresentationNotSupported, metadata))
        }
        Ok(found) => Ok(dereferenced(&found, media_type, metadata)),
        Err(error) => Ok(refused(error, metadata)),
    }
}

/// Answers with what was made, and keeps it where it is the answer to a DID as it is written (`basis`).
fn given(
    faces: &Faces,
    ready: Ready,
    answer: &Answer,
    (basis, asked, flags): (Option<Basis>, &'static str, Flags),
    headers: &HeaderMap,
) -> Response {
    // No two traces are the same.
    let mut ready = if flags.trace { ready } else { ready.tagged() };
    let confirmed = answer.found.as_ref().ok().and_then(|(_, standing)| standing.confirmed);
    let now = confirmed.unwrap_or_else(|| faces.domain.now());
    let Some(basis) = basis else { return ready.answer(headers, now) };
    let says_when = basis.is_own() && !is_document(ready.media_type());
    let may_be_kept = !says_when || ready.confirm_when_asked(now);
    let response = ready.answer(headers, now);
    if may_be_kept {
        faces.answers.keep(basis, asked, ready);
    }
    response
}

/// As which a DID is answered to a request with these headers; `None` where it accepts none.
pub(crate) fn offered_for_dids(headers: &HeaderMap) -> Option<&'static str> {
    choose(headers, &OF_DIDS)
}

/// What is asked for: the version by the DID URL or by an option.
fn question(
    uri: &Uri,
    options: Result<Vec<(String, String)>, ResolutionError>,
) -> Result<Question, ResolutionError> {
    let mut text = identifier(rest(uri, IDENTIFIERS)).ok_or(ResolutionError::InvalidDid)?;
    // A query that follows a DID as it is written is its own, as far as it means something there.
    let options = options?;
    let of_the_url = |pair: &str| OF_THE_URL.contains(&pair.split('=').next().unwrap_or_default());
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| of_the_url(pair));
    for pair in pairs {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(pair);
    }
    let is_part = text.contains(['/', '?', '#']);
    let url: DidUrl = text.parse().map_err(|_| match is_part {
        true => ResolutionError::InvalidDidUrl,
        false => ResolutionError::InvalidDid,
    })?;
    let pairs = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let asked = VersionQuery::from_parameters(pairs)?;
    let written = version_query(&url)?;
    if asked.is_some() && written.is_some() {
        return Err(ResolutionError::InvalidOptions);
    }
    Ok(Question { url, version: asked.or(written), flags: flags(&options)? })
}

/// The options that are no version. What is not known is refused: whoever asks for it counts on it.
fn flags(options: &[(String, String)]) -> Result<Flags, ResolutionError> {
    let mut flags = Flags::default();
    let mut seen = BTreeSet::new();
    for (name, value) in options.iter().filter(|(name, _)| !OF_THE_URL.contains(&name.as_str())) {
        if !seen.insert(name) {
            return Err(ResolutionError::InvalidOptions);
        }
        match name.as_str() {
            "versionId" | "versionNumber" | "versionTime" => {}
            "trace" => flags.trace = flag(value)?,
            "expandRelativeUrls" => flags.absolute = flag(value)?,
            "verificationRelationship" => {
                let relationship = Relationship::ALL.into_iter().find(|known| known.as_str() == value);
                flags.relationship = Some(relationship.ok_or(ResolutionError::InvalidOptions)?);
            }
            // A stranger who could bypass what is held would make this node ask others at will.
            "noCache" if !flag(value)? => {}
            _ => return Err(ResolutionError::FeatureNotSupported),
        }
    }
    Ok(flags)
}

fn flag(value: &str) -> Result<bool, ResolutionError> {
    value.parse().map_err(|_| ResolutionError::InvalidOptions)
}

impl Question {
    /// Whether it asks for the DID that is written so, and nothing else.
    fn is_plain(&self, written: &str) -> bool {
        let Flags { trace, absolute, relationship } = self.flags;
        let none = self.version.is_none() && !trace && !absolute && relationship.is_none();
        none && self.url.did().as_str() == written
    }

    /// Whether it is to be dereferenced.
    fn names_a_part(&self) -> bool {
        is_part(&self.url) || self.flags.relationship.is_some()
    }
}

/// Whether a DID URL names more than a version of the document.
fn is_part(url: &DidUrl) -> bool {
    let names_the_whole = |pair: &str| match pair.split('=').next().unwrap_or_default() {
        "versionId" | "versionNumber" | "versionTime" => true,
        // Where the log is, of a DID that does not say it.
        "src" => url.did().method() == "scid",
        _ => false,
    };
    let whole = url.query().is_none_or(|query| query.split('&').all(names_the_whole));
    !url.path().is_empty() || url.fragment().is_some() || !whole
}

fn is_document(media_type: &str) -> bool {
    [DOCUMENT, DOCUMENT_JSON, DOCUMENT_LD].contains(&media_type)
}

fn with_status(status: u16, mut response: Response) -> Response {
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// `json` with more members in the object of this name.
fn with_metadata(mut json: Value, name: &str, metadata: Vec<(&'static str, Value)>) -> Value {
    if let Some(members) = json.get_mut(name).and_then(Value::as_object_mut) {
        members.extend(metadata.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    json
}

fn resolved(
    written: &str,
    resolution: &Resolution,
    media_type: &'static str,
    metadata: Vec<(&'static str, Value)>,
) -> Ready {
    let whole = || with_metadata(resolution.to_json(), "didResolutionMetadata", metadata);
    let ready = |media_type, body: String| Ready::new(resolution.status(), media_type, written, &body);
    match &resolution.document {
        Some(document) if is_document(media_type) => ready(media_type, document.to_string()),
        // Without a document only the result says why.
        None if is_document(media_type) => ready(RESOLUTION, whole().to_string()),
        _ if media_type == PROFILED => {
            let mut json = whole();
            if let Some(members) = json.as_object_mut() {
                members.insert("@context".to_owned(), RESULT_CONTEXT.into());
            }
            ready(PROFILED, json.to_string())
        }
        _ => ready(media_type, whole().to_string()),
    }
}

fn dereferenced(
    found: &Dereferenced,
    media_type: &'static str,
    metadata: Vec<(&'static str, Value)>,
) -> Response {
    let whole = || with_metadata(found.to_json(), "dereferencingMetadata", metadata);
    let mut response = match &found.resource {
        Resource::Document(json) | Resource::VerificationMethod(json) | Resource::Service(json)
            if is_document(media_type) =>
        {
            typed(media_type, json.to_string())
        }
        // Where no result is wanted the URL is all there is to say.
        Resource::Urls(_) if ![DEREFERENCING, JSON].contains(&media_type) => Body::empty().into_response(),
        _ if [DEREFERENCING, JSON].contains(&media_type) => typed(media_type, whole().to_string()),
        _ => typed(DEREFERENCING, whole().to_string()),
    };
    if let Resource::Urls(urls) = &found.resource
        && let Some(Ok(first)) = urls.first().map(|url| HeaderValue::from_str(url))
    {
        response.headers_mut().insert(LOCATION, first);
    }
    with_status(found.status(), response)
}

fn did_refused(error: ResolutionError, metadata: Vec<(&'static str, Value)>) -> Response {
    let json = with_metadata(error.to_json(), "didResolutionMetadata", metadata);
    with_status(error.status(), typed(RESOLUTION, json.to_string()))
}

fn url_refused(error: ResolutionError, metadata: Vec<(&'static str, Value)>) -> Response {
    let json = with_metadata(error_json(error), "dereferencingMetadata", metadata);
    with_status(error.status(), typed(DEREFERENCING, json.to_string()))
}

/// `GET /v1/names/{name@domain}`
pub(crate) async fn name(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let text = segment(&uri, 2)?;
    let parts = text.split_once('@');
    let parts = parts.filter(|(name, label)| is_name(name) && (1..=MAX_DOMAIN_BYTES).contains(&label.len()));
    let (name, label) = parts.ok_or(Problem::new(Code::NameMalformed, "not written as name@domain"))?;
    let did = faces.domain.find_name(name, label).await?;
    let body: Value = json!({"did": did.as_str()});
    Ok(answer(StatusCode::OK, &body))
}
