//! ssi: Data Integrity over RDF canonicalisation (`eddsa-rdfc-2022`).
//!
//! A process of its own, because ssi turns on `serde_json/arbitrary_precision` for whatever is linked
//! with it.

use marque_bench_pipe::{Work, serve};
use ssi::claims::data_integrity::{
    AnyDataIntegrity, AnySuite, CryptographicSuite, ProofOptions, from_json_slice,
};
use ssi::claims::vc::v2::JsonCredential;
use ssi::claims::{SignatureEnvironment, VerificationParameters};
use ssi::dids::{AnyDidMethod, DIDKey, VerificationMethodDIDResolver};
use ssi::json_ld::ContextLoader;
use ssi::verification_methods::{AnyMethod, SingleSecretSigner};
use std::collections::HashMap;

type Parameters = VerificationParameters<VerificationMethodDIDResolver<AnyDidMethod, AnyMethod>>;

fn main() -> std::io::Result<()> {
    serve(|name, inputs| match (name, inputs) {
        ("eddsa-rdfc-2022", [credential, context_url, context]) => {
            verify(credential, context_url, context, 1)
        }
        ("eddsa-rdfc-2022-eight", [credential, context_url, context]) => {
            verify(credential, context_url, context, 8)
        }
        _ => Err(format!("no work {name}")),
    })
}

/// Signs the credential by a key of its own, then verifies what was signed so many `times`, from its bytes each
/// time. The contexts are in memory.
fn verify(
    credential: &[u8],
    context_url: &[u8],
    context: &[u8],
    times: usize,
) -> Result<Work<'static>, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|e| e.to_string());
    let contexts = HashMap::from([(text(context_url)?, text(context)?)]);
    let loader = ContextLoader::default().with_context_map_from(contexts).map_err(|e| e.to_string())?;
    let resolver = || VerificationMethodDIDResolver::<_, AnyMethod>::new(AnyDidMethod::default());
    let environment = SignatureEnvironment { json_ld_loader: loader.clone(), eip712_loader: () };
    let parameters = Parameters::from_resolver(resolver()).with_json_ld_loader(loader);

    let key = ssi::JWK::generate_ed25519().map_err(|e| e.to_string())?;
    let did = DIDKey::generate(&key).map_err(|e| e.to_string())?;
    let method = DIDKey::generate_url(&key).map_err(|e| e.to_string())?;
    let mut credential: serde_json::Value = serde_json::from_slice(credential).map_err(|e| e.to_string())?;
    credential["issuer"] = did.as_str().into();
    let credential: JsonCredential = serde_json::from_value(credential).map_err(|e| e.to_string())?;
    let signed = pollster::block_on(AnySuite::EdDsaRdfc2022.sign_with(
        environment,
        credential,
        resolver(),
        SingleSecretSigner::new(key).into_local(),
        ProofOptions::from_method(method.into_iri().into()),
        Default::default(),
    ))
    .map_err(|e| e.to_string())?;
    let bytes = serde_json::to_vec(&signed).map_err(|e| e.to_string())?;

    let holds = move |bytes: &[u8]| {
        let Ok(signed): Result<AnyDataIntegrity<JsonCredential>, _> = from_json_slice(bytes) else {
            return 0;
        };
        usize::from(matches!(pollster::block_on(signed.verify(&parameters)), Ok(Ok(()))))
    };
    let forged = text(&bytes)?.replacen("read", "rest", 1);
    if forged.as_bytes() == bytes || holds(forged.as_bytes()) != 0 {
        return Err("a forged credential passes".to_owned());
    }
    Ok(Box::new(move || (0..times).map(|_| holds(&bytes)).sum()))
}
