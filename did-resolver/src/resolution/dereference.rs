//! Dereferencing of DID URLs, as data: of what a DID resolved to, the part or the URL that a DID URL
//! names (DID Resolution 1.0, section 5; did:webvh 1.0, "DID URL Resolution").
//!
//! A `relativeRef` and a path are appended to a service's endpoint, as the examples of both
//! specifications have it, and never lead out of it: the merge of RFC 3986, section 5, would let an
//! absolute path replace what the controller wrote.

use super::{DOCUMENT_TYPE, Metadata, Resolution, ResolutionError};
use crate::did::{Did, DidUrl};
use crate::document::{Document, Part, Relationship, Service};
use crate::webvh::{SOURCE, VersionQuery, WebvhId};
use serde_json::{Value, json};

/// The media type of a whole result.
pub const RESULT_TYPE: &str = "application/did-url-dereferencing";

/// The media type of service URLs.
pub const URLS_TYPE: &str = "text/uri-list";

/// Most service URLs of one result: more than one for each service that a document may have.
const MAX_URLS: usize = 128;

/// How often a path is decoded in search of a step upwards. Who encodes more often has something to
/// hide.
const MAX_ENCODINGS: usize = 4;

/// The parameters that are known. All are single values.
const PARAMETERS: [&str; 6] =
    ["versionId", "versionNumber", "versionTime", "service", "serviceType", "relativeRef"];

/// What is wanted where a DID URL selects services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// The document, with the selected services only.
    #[default]
    Document,
    /// The URLs of their endpoints.
    Urls,
}

/// Options, as the caller and not the DID URL states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// What is wanted where the DID URL selects services.
    pub accept: Accept,
    /// The DID URL must name a verification method, and the document must list it for this.
    pub relationship: Option<Relationship>,
}

/// What a DID URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// The document, or with only the services that were selected.
    Document(Value),
    /// A verification method, with an absolute id and the document's `@context`.
    VerificationMethod(Value),
    /// A service, likewise.
    Service(Value),
    /// Where the resource is: URLs, the first to be tried first. Not fetched, and not known to answer.
    Urls(Vec<String>),
    /// Nothing: the DID is deactivated.
    Gone,
}

/// What dereferencing a DID URL gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dereferenced {
    /// What the DID URL names.
    pub resource: Resource,
    /// What is known about the document that names it.
    pub metadata: Metadata,
}

impl Dereferenced {
    /// The media type of the resource.
    #[must_use]
    pub const fn content_type(&self) -> Option<&'static str> {
        match self.resource {
            Resource::Document(_) | Resource::VerificationMethod(_) | Resource::Service(_) => {
                Some(DOCUMENT_TYPE)
            }
            Resource::Urls(_) => Some(URLS_TYPE),
            Resource::Gone => None,
        }
    }

    /// The HTTP status: 303 for URLs, 410 where the DID is deactivated, else 200.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.resource {
            Resource::Gone => 410,
            _ if self.metadata.deactivated => 410,
            Resource::Urls(_) => 303,
            _ => 200,
        }
    }

    /// The whole result.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let content = match &self.resource {
            Resource::Document(json) | Resource::VerificationMethod(json) | Resource::Service(json) => {
                json.clone()
            }
            Resource::Urls(urls) => json!(urls),
            Resource::Gone => Value::Null,
        };
        let metadata = self.content_type().map_or_else(|| json!({}), |t| json!({"contentType": t}));
        json!({
            "content": content,
            "contentMetadata": self.metadata.to_json(),
            "dereferencingMetadata": metadata,
        })
    }
}

/// The whole result, with an error in it.
#[must_use]
pub fn error_json(error: ResolutionError) -> Value {
    json!({
        "content": null,
        "contentMetadata": {},
        "dereferencingMetadata": {"error": error.problem()},
    })
}

/// Which version of the document to resolve before [`dereference`].
///
/// # Errors
/// [`ResolutionError::InvalidDidUrl`] where a known parameter stands there twice or is malformed, or
/// more than one version is asked for.
pub fn version_query(url: &DidUrl) -> Result<Option<VersionQuery>, ResolutionError> {
    let parameters = parameters(url)?;
    let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    VersionQuery::from_parameters(pairs).map_err(|_| ResolutionError::InvalidDidUrl)
}

/// What `url` names in `resolution`, which is of its DID and of the version of [`version_query`].
///
/// # Errors
/// [`ResolutionError::InvalidDidUrl`] as [`version_query`], for a reference that leads out of the
/// endpoint, and for services together with a path; [`ResolutionError::NotFound`] where the document
/// has no such part or service, and for paths and parameters without a meaning;
/// [`ResolutionError::InvalidDid`] where a did:webvh path has no http endpoint to be appended to;
/// [`ResolutionError::InvalidVerificationMethod`] and [`ResolutionError::InvalidRelationship`] where
/// `options` ask for a method; [`ResolutionError::InvalidDidDocument`];
/// [`ResolutionError::InternalError`] where the resolution is of another DID.
pub fn dereference(
    url: &DidUrl,
    resolution: &Resolution,
    options: Options,
) -> Result<Dereferenced, ResolutionError> {
    let parameters = parameters(url)?;
    let metadata = resolution.metadata.clone();
    let Some(json) = &resolution.document else {
        return Ok(Dereferenced { resource: Resource::Gone, metadata });
    };
    let document = Document::parse(json.clone()).map_err(|_| ResolutionError::InvalidDidDocument)?;
    if document.id() != url.did() && !have_one_scid(document.id(), url.did()) {
        return Err(ResolutionError::InternalError);
    }
    let value =
        |wanted: &str| parameters.iter().find_map(|(name, value)| (name == wanted).then_some(value.as_str()));
    let known = |name: &str| PARAMETERS.contains(&name) || (name == SOURCE && url.did().method() == "scid");
    if !parameters.iter().all(|(name, _)| known(name)) {
        return Err(ResolutionError::NotFound);
    }
    let (service, service_type, reference) = (value("service"), value("serviceType"), value("relativeRef"));
    let selects = service.is_some() || service_type.is_some();
    if (reference.is_some() && !selects) || (selects && !url.path().is_empty()) {
        return Err(ResolutionError::InvalidDidUrl);
    }
    let resource = if !url.path().is_empty() {
        urls(url, path_urls(&document, url.path())?)?
    } else if selects {
        let selected = selected(&document, service, service_type)?;
        match options.accept {
            Accept::Urls => urls(url, endpoint_urls(&selected, reference)?)?,
            Accept::Document => with_services(&document, &selected),
        }
    } else {
        Resource::Document(json.clone())
    };
    let resource = match (resource, url.fragment()) {
        (Resource::Document(_), Some(fragment)) => part(&document, fragment, options.relationship)?,
        (_, _) if options.relationship.is_some() => return Err(ResolutionError::InvalidVerificationMethod),
        (resource, _) => resource,
    };
    Ok(Dereferenced { resource, metadata })
}

/// Whether both are did:webvh of one log, which may have moved.
fn have_one_scid(one: &Did, other: &Did) -> bool {
    let ids = (WebvhId::parse(one), WebvhId::parse(other));
    matches!(ids, (Ok(one), Ok(other)) if one.scid() == other.scid())
}

/// The decoded parameters, of the known ones each at most once.
fn parameters(url: &DidUrl) -> Result<Vec<(String, String)>, ResolutionError> {
    let parameters = url.decoded_parameters().map_err(|_| ResolutionError::InvalidDidUrl)?;
    let twice = |known: &&str| parameters.iter().filter(|(name, _)| name == known).count() > 1;
    if PARAMETERS.iter().any(twice) {
        return Err(ResolutionError::InvalidDidUrl);
    }
    Ok(parameters)
}

fn part(
    document: &Document,
    fragment: &str,
    relationship: Option<Relationship>,
) -> Result<Resource, ResolutionError> {
    let id = document.id().with_fragment(fragment).map_err(|_| ResolutionError::InvalidDidUrl)?;
    let found = document.part(&id);
    if let Some(relationship) = relationship {
        match found {
            Some(Part::Method(_)) if document.lists(relationship, &id) => {}
            Some(Part::Method(_)) => return Err(ResolutionError::InvalidRelationship),
            _ => return Err(ResolutionError::InvalidVerificationMethod),
        }
    }
    // Out of its document a relative id would name nothing.
    let alone = |part: &Value| {
        let mut part = part.clone();
        if let Some(members) = part.as_object_mut() {
            members.insert("id".to_owned(), json!(id.as_str()));
            if let Some(context) = document.json().get("@context") {
                members.entry("@context").or_insert_with(|| context.clone());
            }
        }
        part
    };
    match found {
        Some(Part::Method(method)) => Ok(Resource::VerificationMethod(alone(method))),
        Some(Part::Service(service)) => Ok(Resource::Service(alone(service))),
        None => Err(ResolutionError::NotFound),
    }
}

/// The services with this id and this type. An id may be written in full, as a fragment, or without #.
fn selected<'a>(
    document: &'a Document,
    id: Option<&str>,
    kind: Option<&str>,
) -> Result<Vec<&'a Service>, ResolutionError> {
    let id = id.map(|id| match id.strip_prefix("did:") {
        Some(_) => id.parse::<DidUrl>(),
        None => document.id().with_fragment(id.strip_prefix('#').unwrap_or(id)),
    });
    let id = id.transpose().map_err(|_| ResolutionError::InvalidDidUrl)?;
    let fits = |service: &&Service| {
        id.as_ref().is_none_or(|id| service.id == *id)
            && kind.is_none_or(|kind| service.types.iter().any(|t| t == kind))
    };
    let selected: Vec<&Service> = document.services().iter().filter(fits).collect();
    if selected.is_empty() { Err(ResolutionError::NotFound) } else { Ok(selected) }
}

fn with_services(document: &Document, selected: &[&Service]) -> Resource {
    let mut json = document.json().clone();
    let keep: Vec<bool> = document.services().iter().map(|s| selected.contains(&s)).collect();
    if let Some(services) = json.get_mut("service").and_then(Value::as_array_mut) {
        let mut keep = keep.into_iter();
        services.retain(|_| keep.next().unwrap_or(false));
    }
    Resource::Document(json)
}

/// The endpoints that are text, or texts in a list, each with the reference.
fn endpoint_urls(services: &[&Service], reference: Option<&str>) -> Result<Vec<String>, ResolutionError> {
    let mut urls = Vec::new();
    for service in services {
        let endpoints = match &service.endpoint {
            Value::Array(many) => many.as_slice(),
            one => std::slice::from_ref(one),
        };
        for endpoint in endpoints.iter().filter_map(Value::as_str) {
            let url = match reference {
                Some(reference) => appended(endpoint, reference)?,
                None => is_uri(endpoint).then(|| endpoint.to_owned()),
            };
            urls.extend(url);
        }
    }
    Ok(urls)
}

/// What a path is by the method: for did:webvh `whois`, or a file below `#files`.
fn path_urls(document: &Document, path: &str) -> Result<Vec<String>, ResolutionError> {
    if document.id().method() != "webvh" {
        return Err(ResolutionError::NotFound);
    }
    let (name, reference) = if path == "/whois" { ("whois", None) } else { ("files", Some(path)) };
    let urls = endpoint_urls(&selected(document, Some(name), None)?, reference)?;
    if urls.is_empty() { Err(ResolutionError::InvalidDid) } else { Ok(urls) }
}

/// The URLs with the fragment of the DID URL, which they inherit.
fn urls(url: &DidUrl, mut urls: Vec<String>) -> Result<Resource, ResolutionError> {
    if urls.is_empty() || urls.len() > MAX_URLS {
        return Err(ResolutionError::NotFound);
    }
    if let Some(fragment) = url.fragment() {
        if urls.iter().any(|url| url.contains('#')) {
            return Err(ResolutionError::InvalidDidUrl);
        }
        urls.iter_mut().for_each(|url| *url = format!("{url}#{fragment}"));
    }
    Ok(Resource::Urls(urls))
}

/// `reference` below the http endpoint `base`; `None` for an endpoint that nothing can be below.
fn appended(base: &str, reference: &str) -> Result<Option<String>, ResolutionError> {
    let path_end = reference.find(['?', '#']).unwrap_or(reference.len());
    let (path, rest) = reference.split_at(path_end);
    let first_segment = path.split('/').next().unwrap_or_default();
    let relative = !path.starts_with("//") && !first_segment.contains(':');
    if !relative || !is_uri_text(reference) || leads_elsewhere(path) {
        return Err(ResolutionError::InvalidDidUrl);
    }
    let scheme = ["https://", "http://"].into_iter().find(|scheme| base.starts_with(scheme));
    let plain = is_uri_text(base) && !base.contains(['?', '#']);
    let authority = scheme.and_then(|scheme| base.strip_prefix(scheme)).unwrap_or_default();
    if authority.is_empty() || authority.starts_with('/') || !plain {
        return Ok(None);
    }
    let (base, path) = match path.strip_prefix('/').unwrap_or(path) {
        "" => (base, String::new()),
        path => (base.strip_suffix('/').unwrap_or(base), format!("/{path}")),
    };
    Ok(Some(format!("{base}{path}{rest}")))
}

/// Whether `path`, decoded as often as somebody on the way might, has a step upwards, or what no path
/// has.
fn leads_elsewhere(path: &str) -> bool {
    let mut path = path.as_bytes().to_vec();
    for _ in 0..MAX_ENCODINGS {
        let steps = path.split(|b| *b == b'/').any(|segment| matches!(segment, b"." | b".."));
        if steps || path.iter().any(|b| *b == b'\\' || b.is_ascii_control()) {
            return true;
        }
        let decoded = decoded(&path);
        if decoded == path {
            return false;
        }
        path = decoded;
    }
    true
}

/// `path` without its percent-encoding, as a lenient reader takes it: what is no encoding stays.
fn decoded(path: &[u8]) -> Vec<u8> {
    let digit =
        |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, after @ ..] = rest {
        match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// An absolute URI, in characters that a header field may carry.
fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    let schemed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    schemed && is_uri_text(text)
}

/// Characters of RFC 3986, with `%` only before two hexadecimal digits, and at most one `#`.
fn is_uri_text(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let escapes = text.split('%').skip(1);
    let escaped = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    text.bytes().all(plain) && escapes.into_iter().all(escaped) && text.matches('#').count() <= 1
}

#[cfg(test)]
mod tests;
