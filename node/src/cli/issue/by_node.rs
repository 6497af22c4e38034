//! Issued by the node, in the name of its domain or of a did:key of it: `POST /credentials/issue`.

use super::{HELP, Issue, check, issued, usage};
use crate::cli::party::malformed;
use crate::cli::session::Session;
use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::output::{self, Answer};
use crate::signing::{self, ASSERTION, P256};
use did_resolver::did::Did;
use serde_json::{Map, Value, json};
use vc_schemas::code::Code;
use vc_schemas::disclosure::Pointer;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};

/// What stands before the name of a claim.
const SUBJECT: &str = "credentialSubject";

/// What a node never hides: who the subject is and what it is.
const SHOWN: [&str; 2] = ["id", "type"];

impl Issue {
    /// Has the node issue what was given.
    pub(super) async fn by_node(
        &self,
        session: &Session,
        given: Map<String, Value>,
    ) -> Result<Answer, Failure> {
        let client = session.client().map_err(elsewhere)?;
        let node = client.get("/v1/node").await.map_err(elsewhere)?;
        let issuer = match given.get("issuer") {
            Some(issuer) => issuer.get("id").unwrap_or(issuer).as_str().unwrap_or_default().to_owned(),
            None => output::text(&node, "did"),
        };
        let issuer: Did = issuer.parse().map_err(|_| usage("its issuer is no DID"))?;
        let document = self.document(given, &issuer, signing::now())?;
        check(&document)?;
        let body = json!({"credential": document, "options": self.options(&document, &issuer, &node)?});
        let secured = issue(&client, &body).await?;
        Ok(issued(&secured))
    }

    fn options(&self, document: &Value, issuer: &Did, node: &Value) -> Result<Value, Failure> {
        let mut options = json!({
            "format": self.format.format(Content::Credential),
            "statusPurposes": self.statuses,
        });
        let mut also = |name: &str, value: Value| {
            if let Some(members) = options.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        if let Some(role) = &self.role {
            also("verificationMethod", json!(method(role, issuer, node)?));
        }
        if self.format == Envelope::VcSdJwt {
            also("mandatoryPointers", json!(shown(document, &self.hidden)?));
        } else if !self.hidden.is_empty() {
            return Err(usage("only an SD-JWT can hide something: --format vc+sd-jwt"));
        }
        Ok(options)
    }
}

async fn issue(client: &Client, body: &Value) -> Result<Secured, Failure> {
    let answer = client.post("/credentials/issue", body).await.map_err(|failure| {
        let is_of_caller = failure.code == Code::CredentialMalformed.as_str();
        if is_of_caller { failure.by_caller().so(HELP) } else { failure }
    })?;
    let credential = answer.get("verifiableCredential").ok_or_else(|| malformed("no credential"))?;
    let url = credential.get("id").and_then(Value::as_str).filter(|url| url.starts_with("data:"));
    let secured = match url {
        Some(url) => Secured::from_data_url(Content::Credential, url, MAX_CREDENTIAL_BYTES),
        None => Secured::embedded(Content::Credential, credential, MAX_CREDENTIAL_BYTES),
    };
    secured.map_err(|error| malformed(&error.to_string()))
}

/// The issuer's key of that name: the node tells its keys by what they sign.
fn method(role: &str, issuer: &Did, node: &Value) -> Result<String, Failure> {
    let suite = match role {
        ASSERTION => "eddsa-jcs-2022",
        P256 => "ecdsa-jcs-2019",
        _ => return Err(usage("a node issues with assertion (Ed25519) or p256 (ES256)")),
    };
    let of_issuer = output::items(node, "issuers").iter().find_map(|key| {
        let (id, by) = (output::text(key, "verificationMethod"), output::text(key, "cryptosuite"));
        (by == suite && id.split('#').next() == Some(issuer.as_str())).then_some(id)
    });
    of_issuer.ok_or_else(|| usage(format!("the node has no such key of {issuer}")))
}

/// What cannot be held back, for a node that lets every claim be but these.
fn shown(document: &Value, hidden: &[Pointer]) -> Result<Vec<String>, Failure> {
    let Some(claims) = document.get(SUBJECT).and_then(Value::as_object) else {
        return Err(usage("a node hides claims of one subject alone"));
    };
    let of = |name: &String| Pointer::of([SUBJECT.to_owned(), name.clone()]);
    let is_claim =
        |pointer: &Pointer| claims.keys().any(|name| !SHOWN.contains(&name.as_str()) && of(name) == *pointer);
    if !hidden.iter().all(is_claim) {
        return Err(usage("a node hides whole claims of the subject, such as /credentialSubject/name"));
    }
    Ok(claims.keys().map(of).filter(|claim| !hidden.contains(claim)).map(|claim| claim.to_string()).collect())
}

/// Where there is no node, or none answers, somebody else can issue.
fn elsewhere(failure: Failure) -> Failure {
    if ![Local::NodeUnreachable, Local::Usage].iter().any(|local| failure.code == local.as_str()) {
        return failure;
    }
    let action =
        format!("{} Without a node name who issues: --owner, --agent or --key-file.", failure.action);
    failure.so(action)
}
