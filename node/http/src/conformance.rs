//! What this node conforms to, made from what the code knows, so that it says neither more nor less.

use crate::body::answer;
use axum::http::StatusCode;
use axum::response::Response;
use did_resolver::keys::KeyKind;
use did_resolver::proof::Suite;
use marque_rules::lifecycle::{Act, Standing};
use marque_rules::replica::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vc_schemas::claims::Claims;
use vc_schemas::delegation::constraints::NAMES;
use vc_schemas::secure::{Content, Envelope};
use vc_schemas::status::token_list::Form;

/// The methods of DIDs that are resolved.
const METHODS: [&str; 6] = ["webvh", "web", "key", "jwk", "peer", "scid"];

/// The specifications, by the version that is implemented.
const SPECIFICATIONS: [&str; 14] = [
    "W3C Decentralized Identifiers (DIDs) 1.1",
    "W3C DID Resolution 1.0",
    "did:webvh 1.0",
    "W3C Verifiable Credentials Data Model 2.0",
    "W3C Securing Verifiable Credentials using JOSE and COSE",
    "W3C Data Integrity 1.0",
    "W3C Data Integrity EdDSA Cryptosuites 1.0: eddsa-jcs-2022",
    "W3C Data Integrity ECDSA Cryptosuites 1.0: ecdsa-jcs-2019",
    "W3C Bitstring Status List 1.0",
    "draft-ietf-oauth-status-list",
    "RFC 9901 (SD-JWT)",
    "RFC 8785 (JCS)",
    "RFC 9457 (problem details)",
    "OpenAPI 3.1",
];

/// The statement.
pub(crate) fn statement() -> Value {
    let of = |content| {
        let secures = move |envelope: &Envelope| envelope.secures(content);
        let types = Envelope::ALL.into_iter().filter(secures).map(move |e| e.media_type(content));
        types.collect::<Vec<_>>()
    };
    let suites: BTreeSet<_> = KeyKind::ALL.into_iter().filter_map(Suite::of).map(Suite::as_str).collect();
    let mut lists = vec![Envelope::Jwt.media_type(Content::Credential)];
    lists.extend(Form::ALL.map(Form::media_type));
    json!({
        "product": "marque",
        "version": env!("CARGO_PKG_VERSION"),
        "specifications": SPECIFICATIONS,
        "didMethods": METHODS,
        "signatureAlgorithms": KeyKind::ALL.into_iter().filter_map(KeyKind::jose_alg).collect::<Vec<_>>(),
        "cryptosuites": suites,
        "credentialFormats": of(Content::Credential),
        "presentationFormats": of(Content::Presentation),
        "credentialTypes": Claims::TYPES,
        // None is issued yet.
        "tokenFormats": [],
        "policyLanguages": ["https://w3id.org/marque/v1"],
        "constraints": NAMES,
        "statusFormats": lists,
        "lifecycle": {
            "standings": Standing::ALL.map(Standing::as_str),
            "acts": Act::ALL.map(Act::as_str),
        },
        "mesh": {
            "protocols": ["/marque/hello/1", "/marque/sync/1", "/meshsub/1.1.0"],
            "kinds": Kind::ALL.map(Kind::as_str),
        },
    })
}

/// `GET /.well-known/marque`
pub(crate) async fn conformance() -> Response {
    answer(StatusCode::OK, &statement())
}
