//! The OpenAPI 3.1 document, made from the routes themselves.

use crate::error::status_of;
use crate::limits::{
    BODY_TIMEOUT, CONNECTION_LIFE, HEAD_TIMEOUT, MAX_BODIES, MAX_CONNECTIONS, MAX_HEAD_BYTES, MAX_HEADERS,
    MAX_TARGET_BYTES, REQUEST_TIMEOUT,
};
use crate::operation::{Answer, Operation, Payload};
use crate::table::Listed;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use vc_schemas::code::Code;

/// Schemas, parameters and groups, as the specification writes them.
const COMPONENTS: &str = include_str!("../openapi/components.json");

/// What any endpoint may refuse with.
const OF_ALL: [Code; 3] = [Code::TooLarge, Code::Unavailable, Code::Internal];

/// What any endpoint that has something to read may refuse with.
const OF_INPUT: [Code; 1] = [Code::RequestMalformed];

/// What any endpoint that takes a body may refuse with.
const OF_BODIES: [Code; 4] =
    [Code::RequestMalformed, Code::JsonRefused, Code::MediaTypeUnsupported, Code::RateLimited];

/// What the admin listener refuses with.
const OF_ADMIN: [Code; 2] = [Code::AdminTokenMissing, Code::AdminTokenWrong];

const PROBLEM_JSON: &str = "application/problem+json";

/// The document of these endpoints: `open` for anybody, `admin` for who has the token, `health` for who watches.
pub(crate) fn document(open: &[Listed], admin: &[Listed], health: &[Listed]) -> Value {
    let mut components: Value = serde_json::from_str(COMPONENTS).unwrap_or_default();
    let tags = components.as_object_mut().and_then(|members| members.remove("tags"));
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let faces = [(open, &["public", "admin"][..]), (admin, &["admin"]), (health, &["health"])];
    for (listed, face) in faces.into_iter().flat_map(|(all, face)| all.iter().map(move |one| (one, face))) {
        let path = listed.path.replace("{*", "{");
        let operation = described(listed, face);
        paths.entry(path).or_default().insert(listed.method.to_owned(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "Marque",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The node of a trust domain: who is this agent, what may it do, is that still true.",
            "description": about(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": tags,
        "paths": paths,
        "components": components,
    })
}

/// What holds for all of them.
fn about() -> String {
    format!(
        "Three listeners, each with an address of its own: `public` for anybody, `admin` for who has the admin \
         token, `health` for who watches the node; `x-listeners` says which have an endpoint. The admin listener \
         has the public endpoints too, and wants its token for everything.\n\n\
         Bodies are strict JSON (RFC 7493). An unknown member is refused, and an unknown query parameter by \
         whatever has any. A refusal is a problem (RFC 9457) with a code from one closed list, the path to what \
         failed, what to do about it, and the request id under which the log has the cause; of what is not there \
         (404) it has that at the level `debug`.\n\n\
         Bounds of each listener: {MAX_CONNECTIONS} connections, {MAX_BODIES} requests with a body at once, \
         {MAX_TARGET_BYTES} bytes of path and query, {MAX_HEADERS} headers, {MAX_HEAD_BYTES} bytes of head; {} s \
         for a head, {} s for a body, {} s for an answer, {} s for a connection. What is beyond a body's \
         `x-max-bytes` is refused with 413.",
        HEAD_TIMEOUT.as_secs(),
        BODY_TIMEOUT.as_secs(),
        REQUEST_TIMEOUT.as_secs(),
        CONNECTION_LIFE.as_secs(),
    )
}

fn described(listed: &Listed, face: &[&str]) -> Value {
    let Listed { path, group, operation, method } = listed;
    let in_path = path.split(['{', '}']).skip(1).step_by(2).map(|name| name.trim_start_matches('*'));
    let reference =
        |place: &str, name: &str| json!({"$ref": format!("#/components/parameters/{place}-{name}")});
    let parameters: Vec<Value> = in_path
        .map(|name| reference("path", name))
        .chain(operation.query.iter().map(|name| reference("query", name)))
        .collect();
    // By address at the public listener, and by how many bodies are held elsewhere.
    let may_be_many = *method == "post" || face.contains(&"public");
    let codes = codes(operation, may_be_many, !parameters.is_empty(), face.contains(&"admin"));
    let mut json = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [group],
        "x-listeners": face,
        "parameters": parameters,
        "responses": responses(operation, &codes),
    });
    if let Some(members) = json.as_object_mut() {
        if let Some(taken) = &operation.payload {
            members.insert("requestBody".to_owned(), payload(taken));
        }
        let security = match face {
            ["admin"] => json!([{"adminToken": []}]),
            ["health"] => json!([]),
            // The admin listener wants its token for these too.
            _ => json!([{}, {"adminToken": []}]),
        };
        members.insert("security".to_owned(), security);
    }
    json
}

/// Every code that the endpoint may refuse with.
fn codes(
    operation: &Operation,
    may_be_many: bool,
    has_parameters: bool,
    is_of_admin: bool,
) -> BTreeSet<Code> {
    let mut codes: BTreeSet<Code> = operation.codes.iter().chain(&OF_ALL).copied().collect();
    let groups: [(bool, &[Code]); 4] = [
        (may_be_many, &[Code::RateLimited]),
        (has_parameters, &OF_INPUT),
        (operation.payload.is_some(), &OF_BODIES),
        (is_of_admin, &OF_ADMIN),
    ];
    for (_, group) in groups.into_iter().filter(|(has, _)| *has) {
        codes.extend(group);
    }
    codes
}

fn payload(taken: &Payload) -> Value {
    let media = |media_type: &&str| {
        let is_json = *media_type == "application/json";
        let schema = if is_json { schema(taken.schema) } else { json!({"type": "string"}) };
        ((*media_type).to_owned(), json!({"schema": schema}))
    };
    json!({
        "required": taken.is_required,
        "x-max-bytes": taken.max_bytes,
        "content": taken.media_types.iter().map(media).collect::<Map<_, _>>(),
    })
}

fn schema(name: &str) -> Value {
    match name {
        "" => json!({"type": "string"}),
        name => json!({"$ref": format!("#/components/schemas/{name}")}),
    }
}

/// The answers by their statuses; one of a problem names the codes that have it.
fn responses(operation: &Operation, codes: &BTreeSet<Code>) -> Value {
    let mut contents: BTreeMap<u16, Map<String, Value>> = BTreeMap::new();
    for Answer { status, media_types, schema: name } in &operation.answers {
        let content = contents.entry(*status).or_default();
        for media_type in *media_types {
            content.insert((*media_type).to_owned(), json!({"schema": schema(name)}));
        }
    }
    let mut by_status: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.http_status()).or_default().insert(code.as_str());
        if operation.is_vc_api {
            by_status.entry(status_of(*code, true)).or_default().insert(code.as_str());
        }
    }
    for (status, codes) in &by_status {
        let named = json!({"properties": {"code": {"enum": codes}}});
        let problem = json!({"allOf": [schema("Problem"), named]});
        contents.entry(*status).or_default().insert(PROBLEM_JSON.to_owned(), json!({"schema": problem}));
    }
    let response = |(status, content): (u16, Map<String, Value>)| {
        let description = match by_status.get(&status) {
            Some(codes) => codes.iter().copied().collect::<Vec<_>>().join(", "),
            None if status == 201 => "Done, and durable.".to_owned(),
            None if status == 303 => "The URL that is named, in Location.".to_owned(),
            None if status == 304 => "What If-None-Match names is still the answer.".to_owned(),
            None => "As asked.".to_owned(),
        };
        let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
        if let (429 | 503, Some(members)) = (status, headers.as_object_mut()) {
            members.insert("retry-after".to_owned(), json!({"$ref": "#/components/headers/RetryAfter"}));
        }
        let mut json = json!({"description": description, "headers": headers});
        if let (false, Some(members)) = (content.is_empty(), json.as_object_mut()) {
            members.insert("content".to_owned(), Value::Object(content));
        }
        (status.to_string(), json)
    };
    contents.into_iter().map(response).collect::<Map<_, _>>().into()
}
