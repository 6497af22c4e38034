//! DID documents of the methods that need no network: did:key by did-method-key, did:jwk, did:pkh and
//! did:ethr by ssi.

use crate::wire::Say;
use did_method_key::DIDKey;
use ssi::dids::resolution::{DIDMethodResolver, Options};
use ssi::dids::{DID, DIDEthr, DIDJWK, DIDPKH};

/// The methods.
pub const METHODS: [&str; 4] = ["ethr", "jwk", "key", "pkh"];

/// The document of `did`.
#[must_use]
pub fn resolve(did: &str) -> Say {
    let unprocessable = |why: String| Say::Unprocessable(why);
    let Ok(did) = DID::new(did) else { return unprocessable("not a DID".to_owned()) };
    let (id, options) = (did.method_specific_id(), Options::default());
    let resolved = pollster::block_on(async {
        match did.method_name() {
            "ethr" => Some(DIDEthr.resolve_method_representation(id, options).await),
            "jwk" => Some(DIDJWK.resolve_method_representation(id, options).await),
            "key" => Some(DIDKey.resolve_method_representation(id, options).await),
            "pkh" => Some(DIDPKH.resolve_method_representation(id, options).await),
            _ => None,
        }
    });
    match resolved {
        None => unprocessable("not a method that is spoken here".to_owned()),
        Some(Err(error)) => unprocessable(error.to_string()),
        Some(Ok(output)) => match String::from_utf8(output.document) {
            Ok(text) => Say::Document(text),
            Err(_) => unprocessable("its document is not text".to_owned()),
        },
    }
}
