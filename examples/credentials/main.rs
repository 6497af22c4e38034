//! An issuer, a holder and a verifier in one program that speaks JSON: one question a line on stdin, one
//! answer a line on stdout, by the library alone.
//!
//!     echo '{"do": "keys"}' | cargo run -p marque-examples --example credentials
//!
//! - `{"do": "keys"}`: the public keys of this run, one for each algorithm.
//! - `{"do": "issue", "format", "alg", "document"}`: the document, secured. `format` is that of a credential
//!   or presentation in any envelope, of an SD-JWT (with `hidden`, JSON Pointers), or of a Status List Token
//!   (whose `document` has `url`, `bits`, `size` and `values`).
//! - `{"do": "verify", "format", "jwk", "text", "now"}`: the document, or why it is refused. With `audience`
//!   and `nonce` an SD-JWT must be bound to them by its holder.
//! - `{"do": "present", "text", "wanted", "alg", "audience", "nonce", "now"}`: an SD-JWT with only the wanted
//!   disclosures, bound by its holder's key.
//! - `{"do": "jwk", "multikey"}`: a key in its other form.
//! - `{"do": "pack", "bits", "size", "values"}` and `{"do": "unpack", "bits", "encoded"}`: the `encodedList` of
//!   a Bitstring Status List.
//!
//! Other implementations read what it writes in `tests/interop`, and it reads what they write. A verifier
//! that trusts nobody yet would take the key from the issuer's DID document: see `verify_offline`.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};
use did_resolver::did::DidUrl;
use did_resolver::json;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use vc_schemas::disclosure::Pointer;
use vc_schemas::secure::sd_jwt::{BindingDraft, Profile, SdJwt, SdJwtDraft};
use vc_schemas::secure::{Content, Draft, Envelope, MAX_BYTES, Secured};
use vc_schemas::status::array::{Bits, Width};
use vc_schemas::status::token_list::{Form, Token, TokenDraft, TokenList};

/// Whose keys they are.
const ISSUER: &str = "did:web:issuer.example";

/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(60);

/// How long a Status List Token is good.
const LIST_LIFE: Duration = Duration::from_secs(600);

/// Longest line.
const MAX_LINE_BYTES: usize = 2 * MAX_BYTES;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match Party::new().and_then(|party| party.serve()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A key pair. A real one is kept, encrypted, where only its owner reads it.
struct Key {
    pair: Pair,
    public: PublicKey,
    id: DidUrl,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
}

impl Key {
    fn new(alg: &str) -> Outcome<Self> {
        let (pair, public) = match alg {
            "ES256" => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                let public = PublicKey::p256(pair.public_key().as_ref())?;
                (Pair::Ecdsa(pair), public)
            }
            "ES384" => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?;
                let public = PublicKey::p384(pair.public_key().as_ref())?;
                (Pair::Ecdsa(pair), public)
            }
            _ => {
                let pair = Ed25519KeyPair::generate()?;
                let public = PublicKey::ed25519(pair.public_key().as_ref())?;
                (Pair::Ed25519(pair), public)
            }
        };
        Ok(Self { pair, public, id: format!("{ISSUER}#{alg}").parse()? })
    }

    fn sign(&self, message: &[u8]) -> Outcome<Vec<u8>> {
        Ok(match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Ecdsa(pair) => pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec(),
        })
    }
}

/// Who issues, holds and verifies.
struct Party {
    keys: BTreeMap<&'static str, Key>,
}

impl Party {
    fn new() -> Outcome<Self> {
        let keys = ["EdDSA", "ES256", "ES384"].map(|alg| Ok((alg, Key::new(alg)?)));
        Ok(Self { keys: keys.into_iter().collect::<Outcome<_>>()? })
    }

    fn serve(&self) -> Outcome<()> {
        for line in std::io::stdin().lock().lines() {
            let answer = json::parse(line?.as_bytes(), MAX_LINE_BYTES)
                .map_err(Into::into)
                .and_then(|question| self.answer(&Question(question)));
            let answer = answer.unwrap_or_else(|error| json!({"refused": error.to_string()}));
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "{answer}")?;
            stdout.flush()?;
        }
        Ok(())
    }

    fn answer(&self, question: &Question) -> Outcome<Value> {
        match question.text("do")? {
            "keys" => self.public_keys(),
            "issue" => Ok(json!({"text": self.issue(question)?})),
            "verify" => Ok(json!({"document": verify(question)?})),
            "present" => Ok(json!({"text": self.present(question)?})),
            "jwk" => Ok(json!({"jwk": PublicKey::from_multikey(question.text("multikey")?)?.to_jwk()?})),
            "pack" => Ok(json!({"encoded": question.bits()?.encode()?})),
            "unpack" => {
                let bits = Bits::decode_wide(question.text("encoded")?, question.width()?)?;
                Ok(json!({"size": bits.entries(), "values": values(&bits)}))
            }
            other => Err(format!("\"{other}\" is not done here").into()),
        }
    }

    fn public_keys(&self) -> Outcome<Value> {
        let told = |(alg, key): (&&'static str, &Key)| {
            let told = json!({"jwk": key.public.to_jwk()?, "multikey": key.public.to_multikey(),
                              "id": key.id.as_str()});
            Ok(((*alg).to_owned(), told))
        };
        Ok(Value::Object(self.keys.iter().map(told).collect::<Outcome<_>>()?))
    }

    fn key(&self, question: &Question) -> Outcome<&Key> {
        Ok(self.keys.get(question.text("alg")?).ok_or("no such alg")?)
    }

    fn issue(&self, question: &Question) -> Outcome<String> {
        let (key, document) = (self.key(question)?, question.member("document")?);
        let (id, kind) = (&key.id, key.public.kind());
        Ok(match Format::of(question.text("format")?)? {
            Format::Secured(content, envelope) => {
                let draft = Draft::new(content, envelope, document.clone(), id.clone(), kind)?;
                let signature = key.sign(draft.signing_input())?;
                draft.attach(&key.public, &signature)?.to_text().into_owned()
            }
            Format::SdJwt(profile) => {
                let hidden = question.pointers("hidden")?;
                let seed = did_resolver::codec::sha256(key.sign(b"salts")?.as_slice());
                let draft = SdJwtDraft::new(profile, document, (&hidden, 2, &seed), id, kind)?;
                let signature = key.sign(draft.signing_input())?;
                draft.attach(&key.public, &signature)?.to_text()
            }
            Format::Token(form) => {
                let list = Question(document.clone());
                let issued = question.now()?;
                let list = TokenList {
                    url: list.text("url")?.to_owned(),
                    issuer: Some(id.did().clone()),
                    sequence: Some(1),
                    issued,
                    not_before: None,
                    expires: Some(issued.plus(LIST_LIFE)),
                    ttl: Some(LIST_LIFE),
                    aggregation: None,
                    bits: list.bits()?,
                };
                let draft = TokenDraft::new(&list, form, id, kind)?;
                let signature = key.sign(draft.signing_input())?;
                let token = draft.attach(&key.public, &signature)?;
                match form {
                    Form::Jwt => String::from_utf8(token.bytes().to_vec())?,
                    Form::Cwt => did_resolver::codec::to_base64url(token.bytes()),
                }
            }
        })
    }

    fn present(&self, question: &Question) -> Outcome<String> {
        let key = self.key(question)?;
        let whole = SdJwt::parse(question.text("text")?.as_bytes(), MAX_BYTES)?;
        let presented = whole.present(&question.pointers("wanted")?)?;
        let verifier = (question.text("audience")?, question.text("nonce")?);
        let draft = BindingDraft::new(&presented, key.public.kind(), verifier, question.now()?)?;
        let signature = key.sign(draft.signing_input())?;
        Ok(draft.attach(&key.public, &signature)?.to_text())
    }
}

/// What a document is secured as.
enum Format {
    Secured(Content, Envelope),
    SdJwt(Profile),
    Token(Form),
}

impl Format {
    fn of(name: &str) -> Outcome<Self> {
        let secured = || {
            let of = |content| Some(Self::Secured(content, Envelope::of_format(content, name)?));
            Content::ALL.into_iter().find_map(of)
        };
        // Of these the question says what can be held back, and to whom it is bound.
        let sd_jwt = Profile::ALL.into_iter().find(|p| p.format() == name).map(Self::SdJwt);
        let media_type = format!("application/{name}");
        let token = || Form::ALL.into_iter().find(|f| f.media_type() == media_type).map(Self::Token);
        Ok(sd_jwt.or_else(secured).or_else(token).ok_or("no such format")?)
    }
}

/// Verifies by the key that the question brings, as a verifier does once it knows whose key it is.
fn verify(question: &Question) -> Outcome<Value> {
    let (key, text) = (question.jwk("jwk")?, question.text("text")?);
    match Format::of(question.text("format")?)? {
        Format::Secured(content, envelope) => {
            let secured = Secured::from_text(content, envelope, text, MAX_BYTES)?;
            secured.verify(&key, question.now()?, SKEW)?;
            Ok(secured.payload().clone())
        }
        Format::SdJwt(profile) => {
            let sd_jwt = SdJwt::parse(text.as_bytes(), MAX_BYTES)?;
            if sd_jwt.profile() != profile {
                return Err("it is of the other profile".into());
            }
            sd_jwt.verify(&key)?;
            // The key of the holder is the one that the issuer named.
            if question.member("nonce").is_ok() {
                let verifier = (question.text("audience")?, question.text("nonce")?);
                let holder = sd_jwt.holder_key()?.ok_or("no holder was named")?;
                sd_jwt.verify_binding(&holder, verifier, question.now()?, SKEW)?;
            }
            Ok(sd_jwt.document().clone())
        }
        Format::Token(form) => {
            let bytes = match form {
                Form::Jwt => text.as_bytes().to_vec(),
                Form::Cwt => did_resolver::codec::from_base64url(text)?,
            };
            let token = Token::parse(form, &bytes)?;
            token.verify(&key)?;
            let list = token.list();
            Ok(json!({"url": list.url, "bits": list.bits.width().bits(), "values": values(&list.bits)}))
        }
    }
}

fn values(bits: &Bits) -> Value {
    Value::Object(bits.values_set().map(|(at, value)| (at.to_string(), json!(value))).collect())
}

/// A question, read member by member.
struct Question(Value);

impl Question {
    fn member(&self, name: &str) -> Outcome<&Value> {
        Ok(self.0.get(name).ok_or_else(|| format!("\"{name}\" is missing"))?)
    }

    fn text(&self, name: &str) -> Outcome<&str> {
        Ok(self.member(name)?.as_str().ok_or_else(|| format!("\"{name}\" is no text"))?)
    }

    fn number(&self, name: &str) -> Outcome<u64> {
        Ok(self.member(name)?.as_u64().ok_or_else(|| format!("\"{name}\" is no number"))?)
    }

    fn now(&self) -> Outcome<UnixSeconds> {
        Ok(UnixSeconds::new(self.number("now")?))
    }

    fn jwk(&self, name: &str) -> Outcome<PublicKey> {
        Ok(PublicKey::from_jwk(self.member(name)?)?)
    }

    fn pointers(&self, name: &str) -> Outcome<Vec<Pointer>> {
        let pointers = self.member(name)?.as_array().ok_or("pointers are a list")?;
        pointers.iter().map(|p| Ok(p.as_str().ok_or("a pointer is text")?.parse()?)).collect()
    }

    fn width(&self) -> Outcome<Width> {
        Ok(Width::of(self.number("bits")?).ok_or("an entry has 1, 2, 4 or 8 bits")?)
    }

    fn bits(&self) -> Outcome<Bits> {
        let mut bits = Bits::wide(u32::try_from(self.number("size")?)?, self.width()?)?;
        for (at, value) in self.member("values")?.as_object().ok_or("values are an object")? {
            bits.put(at.parse()?, u8::try_from(value.as_u64().ok_or("a value is a number")?)?)?;
        }
        Ok(bits)
    }
}
