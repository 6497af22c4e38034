//! The VC-API: credentials of any kind are issued, derived and verified, and presentations verified. All of it
//! is for who has the admin token: verifying looks up whatever a document names.
//!
//! An answer is 201, 200, or 400 with a problem whose type is one of the recommendations' where they have one;
//! "could not know" is told from "bad" by its code.

use crate::body::{self, Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::limits::MAX_VERIFY_BYTES;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use did_resolver::codec;
use did_resolver::did::DidUrl;
use marque_flows::vcapi::{Asked, Checks, Failure, IssueOptions, Verified, Warning, issued_in};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use vc_schemas::code::Code;
use vc_schemas::disclosure::Pointer;
use vc_schemas::object::Object;
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::secure::Envelope;
use vc_schemas::status::Purpose;

/// What can be become of a credential, as `options.statusPurposes` names it.
const PURPOSES: [Purpose; 2] = [Purpose::Revocation, Purpose::Suspension];

/// No options.
static NONE: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

/// The options of a request, read member by member.
struct Options<'a>(Object<'a>);

impl<'a> Options<'a> {
    /// Takes `options` out of the body; none are as good as an empty object.
    fn of(body: &mut Object<'a>) -> Result<Self, Problem> {
        Ok(Self(Object::new(body.optional("options").unwrap_or((&*NONE).into()), "options")?))
    }

    fn text(&mut self, name: &'static str) -> Result<Option<&'a str>, Problem> {
        self.0.optional_text(name).map_err(|_| wrong(name, "not a text"))
    }

    fn texts(&mut self, name: &'static str) -> Result<Option<BTreeSet<String>>, Problem> {
        self.0.texts(name).map_err(|_| wrong(name, "not a list of distinct texts"))
    }

    fn flag(&mut self, name: &'static str) -> Result<bool, Problem> {
        match self.0.optional(name) {
            None => Ok(false),
            Some(json) => json.as_bool().ok_or_else(|| wrong(name, "neither true nor false")),
        }
    }

    /// One key or several, in the order in which they sign.
    fn methods(&mut self) -> Result<Vec<DidUrl>, Problem> {
        let Some(named) = self.0.optional("verificationMethod") else { return Ok(Vec::new()) };
        let texts = named.items().map_or_else(|| vec![named], Iterator::collect);
        let methods = texts.into_iter().map(|text| text.as_str()?.parse().ok()).collect::<Option<Vec<_>>>();
        let methods = methods.filter(|methods| !methods.is_empty());
        methods.ok_or_else(|| wrong("verificationMethod", "neither a DID URL nor a list of some"))
    }

    fn pointers(&mut self, name: &'static str) -> Result<Option<Vec<Pointer>>, Problem> {
        let Some(texts) = self.texts(name)? else { return Ok(None) };
        let pointers = texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
        pointers.map(Some).map_err(|_| wrong(name, "not JSON pointers"))
    }

    /// What is looked at beside form and proof: all of it, unless the caller names what.
    fn checks(&mut self) -> Result<Checks, Problem> {
        let related = self.related()?;
        let Some(names) = self.texts("checks")? else { return Ok(Checks { related, ..Checks::default() }) };
        if !names.iter().all(|name| ["proof", "validityPeriod", "credentialStatus"].contains(&name.as_str()))
        {
            return Err(wrong("checks", "other than proof, validityPeriod and credentialStatus"));
        }
        let (dates, status) = (names.contains("validityPeriod"), names.contains("credentialStatus"));
        Ok(Checks { dates, status, related })
    }

    /// The related resources that the caller has, in base64url by their URLs.
    fn related(&mut self) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
        let malformed = || wrong("relatedResources", "not resources in base64url by their URLs");
        let Some(resources) = self.0.optional("relatedResources") else { return Ok(BTreeMap::new()) };
        let mut resources = resources.members().ok_or_else(malformed)?;
        let read = resources.try_fold(BTreeMap::new(), |mut read, (url, text)| {
            read.insert(url.to_owned(), codec::from_base64url(text.as_str()?).ok()?);
            Some(read)
        });
        read.ok_or_else(malformed)
    }

    fn end(self) -> Result<(), Problem> {
        self.0.end("options").map_err(|_| {
            let path = Path::root().then("options");
            Problem::of(Refusal::new(Code::RequestMalformed, path, "an option that is not known"))
        })
    }
}

fn wrong(option: &'static str, detail: &'static str) -> Problem {
    let path = Path::root().then("options").then(option);
    Problem::of(Refusal::new(Code::RequestMalformed, path, detail))
}

/// `POST /credentials/issue`
pub(crate) async fn issue(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut body = Object::new(&json, "body")?;
    let credential = document(&mut body, &json, "credential")?;
    let mut options = Options::of(&mut body)?;
    body.end("body")?;
    let mut wanted = IssueOptions::default();
    if let Some(name) = options.text("format")? {
        wanted.envelope = issued_in(name).ok_or_else(|| wrong("format", "not a format of credentials"))?;
    }
    wanted.cryptosuite = options.text("cryptosuite")?.map(str::to_owned);
    wanted.verification_methods = options.methods()?;
    wanted.is_chained = options.flag("proofChain")?;
    wanted.credential_id = options.text("credentialId")?.map(str::to_owned);
    if let Some(names) = options.texts("statusPurposes")? {
        let purpose = |name: &String| PURPOSES.into_iter().find(|purpose| purpose.as_str() == name);
        let purposes = names.iter().map(purpose).collect::<Option<_>>();
        wanted.purposes = purposes.ok_or_else(|| wrong("statusPurposes", "not revocation or suspension"))?;
    }
    if let Some(mandatory) = options.pointers("mandatoryPointers")? {
        if wanted.envelope != Envelope::VcSdJwt {
            return Err(wrong("mandatoryPointers", "for another format than vc+sd-jwt"));
        }
        wanted.mandatory = mandatory;
    }
    options.end()?;
    let issued = faces.domain.issue_credential(credential, &wanted).await.map_err(Problem::of_vc_api)?;
    Ok(answer(StatusCode::CREATED, &json!({"verifiableCredential": issued})))
}

/// `POST /credentials/status`: an entry on the domain's own lists is set or cleared.
pub(crate) async fn set_status(
    State(faces): State<Arc<Faces>>,
    Json(json): Json,
) -> Result<Response, Problem> {
    let mut body = Object::new(&json, "body")?;
    let id = body.text("credentialId")?;
    let entry = document(&mut body, &json, "credentialStatus")?.as_object();
    let set = body.required("status")?.as_bool();
    body.end("body")?;
    let set = set.ok_or(Problem::member(Code::RequestMalformed, "status", "neither true nor false"))?;
    let entry = entry.ok_or(Problem::member(Code::RequestMalformed, "credentialStatus", "not an object"))?;
    let standing = faces.domain.set_credential_status(id, entry, set).await;
    // That there is no such credential, or another state, is told as every call of this node tells it.
    let standing = standing.map_err(|failure| match failure {
        Failure::Error(error) => Problem::from(error),
        problem => Problem::of_vc_api(problem),
    })?;
    Ok(answer(StatusCode::OK, &json!({"credentialId": id, "state": standing.as_str()})))
}

/// `POST /credentials/derive`
pub(crate) async fn derive(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut body = Object::new(&json, "body")?;
    let credential = document(&mut body, &json, "verifiableCredential")?;
    let mut options = Options::of(&mut body)?;
    body.end("body")?;
    let wanted = options.pointers("selectivePointers")?.unwrap_or_default();
    options.end()?;
    let derived = faces.domain.derive_credential(credential, &wanted).map_err(Problem::of_vc_api)?;
    Ok(answer(StatusCode::CREATED, &json!({"verifiableCredential": derived})))
}

/// `POST /credentials/verify`
pub(crate) async fn verify_credential(
    State(faces): State<Arc<Faces>>,
    request: Request,
) -> Result<Response, Problem> {
    let json = large(request).await.map_err(Problem::of_verification)?;
    let read = || -> Result<_, Problem> {
        let mut body = Object::new(&json, "body")?;
        let credential = document(&mut body, &json, "verifiableCredential")?;
        let mut options = Options::of(&mut body)?;
        body.end("body")?;
        let (checks, wanted) = (options.checks()?, options.flag("returnCredential")?);
        options.end()?;
        Ok((credential, checks, wanted))
    };
    let (credential, checks, wanted) = read().map_err(Problem::of_verification)?;
    let verified = faces.domain.verify_credential(credential, &checks).await;
    let verified = verified.map_err(|failure| Problem::of_vc_api(failure).of_verification())?;
    let shown = wanted.then_some(("verifiableCredential", credential));
    Ok(answer(StatusCode::OK, &shown_to_hold(&verified, shown)))
}

/// `POST /presentations/verify`: what is secured stands in `verifiablePresentation`, what is not in
/// `presentation`.
pub(crate) async fn verify_presentation(
    State(faces): State<Arc<Faces>>,
    request: Request,
) -> Result<Response, Problem> {
    let json = large(request).await.map_err(Problem::of_verification)?;
    let read = || -> Result<_, Problem> {
        let mut body = Object::new(&json, "body")?;
        let (secured, member) = match body.optional("presentation") {
            None => (true, "verifiablePresentation"),
            Some(_) => (false, "presentation"),
        };
        let presentation = document(&mut body, &json, member)?;
        let mut options = Options::of(&mut body)?;
        body.end("body")?;
        let text = |text: Option<&str>| text.map(str::to_owned);
        let asked = Asked {
            challenge: text(options.text("challenge")?),
            domain: text(options.text("domain")?),
            checks: options.checks()?,
        };
        let wanted = options.flag("returnPresentation")?;
        options.end()?;
        Ok((presentation, secured, member, asked, wanted))
    };
    let (presentation, secured, member, asked, wanted) = read().map_err(Problem::of_verification)?;
    let verified = faces.domain.verify_any_presentation(presentation, secured, &asked).await;
    let verified = verified.map_err(|failure| Problem::of_vc_api(failure).of_verification())?;
    Ok(answer(StatusCode::OK, &shown_to_hold(&verified, wanted.then_some((member, presentation)))))
}

/// A document of the body: an object. What it must be is not looked at here.
fn document<'a>(body: &mut Object<'_>, json: &'a Value, member: &'static str) -> Result<&'a Value, Problem> {
    body.required(member)?;
    let document = json.get(member).filter(|document| document.is_object());
    document.ok_or_else(|| Problem::member(Code::RequestMalformed, member, "not a document").of_parsing())
}

/// A strict JSON body that may be as large as a presentation.
async fn large(request: Request) -> Result<Value, Problem> {
    let (head, bytes) = request.into_parts();
    if body::media_type(&head.headers).as_deref() != Some("application/json") {
        return Err(body::unsupported());
    }
    let bytes = body::read(&head.headers, bytes, MAX_VERIFY_BYTES).await?;
    body::parse(&bytes, MAX_VERIFY_BYTES)
}

fn shown_to_hold(verified: &Verified, document: Option<(&str, &Value)>) -> Value {
    let warning = |warning: &Warning| json!({"path": warning.path.to_json(), "detail": warning.detail});
    let warnings: Value = verified.warnings.iter().map(warning).collect();
    let mut json =
        json!({"verified": true, "problemDetails": [], "checks": verified.checks, "warnings": warnings});
    if let (Some((member, document)), Some(members)) = (document, json.as_object_mut()) {
        members.insert(member.to_owned(), document.clone());
    }
    json
}
