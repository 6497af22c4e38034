//! What must hold of the compact form for any bytes whatever: a payload that is read is the one that its document
//! is written as, and a document that is written is read back the same.
//!
//! In a file of its own, since it rests on a higher floor than the other targets: its saved corpus also runs as an
//! ordinary test in `vc-schemas/tests/corpora.rs`.

use did_resolver::keys::KeyKind;
use did_resolver::{codec, jcs, json};
use vc_schemas::secure::{Content, Draft, Envelope, MAX_BYTES, Secured};

/// Its key signs whatever has no issuer of its own.
const KEY_ID: &str = "did:web:issuer.example#k";

/// The bytes are the payload itself, or JSON.
pub fn compact(bytes: &[u8]) {
    for content in Content::ALL {
        // A key of the document's own issuer is written by its fragment, and no other way.
        for key_id in [KEY_ID, "#k", "#"] {
            read(content, &sealed(&protected(content, key_id), &byte_string(bytes)));
        }
        if let Ok(document) = json::parse(bytes, MAX_BYTES) {
            let key_id = KEY_ID.parse().unwrap();
            let draft = Draft::new(content, Envelope::Compact, document.clone(), key_id, KeyKind::Ed25519);
            if let Ok(draft) = draft {
                let back = read(content, &of_signing_input(draft.signing_input())).unwrap();
                assert_eq!(jcs::canonical(back.payload()).unwrap(), jcs::canonical(&document).unwrap());
                assert_eq!(back.key_id().as_str(), KEY_ID);
            }
        }
    }
}

/// What was read is what would be written.
fn read(content: Content, bytes: &[u8]) -> Option<Secured> {
    let secured = Secured::parse(content, Envelope::Compact, bytes, MAX_BYTES).ok()?;
    let (document, key_id) = (secured.payload().clone(), secured.key_id().clone());
    let draft = Draft::new(content, Envelope::Compact, document, key_id, KeyKind::Ed25519).unwrap();
    assert_eq!(codec::sha256(draft.signing_input()), secured.digest());
    Some(secured)
}

/// A COSE_Sign1 by nobody: reading asks for no signature.
fn sealed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    [&[0xd2, 0x84], protected, &[0xa0], payload, &[0x58, 64], &[0; 64]].concat()
}

fn protected(content: Content, key_id: &str) -> Vec<u8> {
    let typ = Envelope::Compact.media_type(content);
    let header = [
        &[0xa3, 0x01, 0x27, 0x04][..],
        &byte_string(key_id.as_bytes()),
        &[0x10, 0x78, u8::try_from(typ.len()).unwrap()],
        typ.as_bytes(),
    ];
    byte_string(&header.concat())
}

/// The COSE_Sign1 that a Sig_structure is of: an array of a text, the protected header, no external data and the
/// payload.
fn of_signing_input(input: &[u8]) -> Vec<u8> {
    let rest = &input[1 + 1 + "Signature1".len()..];
    let length = match rest[0] - 0x40 {
        24 => 2 + usize::from(rest[1]),
        25 => 3 + usize::from(u16::from_be_bytes([rest[1], rest[2]])),
        length => 1 + usize::from(length),
    };
    let (protected, rest) = rest.split_at(length);
    sealed(protected, &rest[1..])
}

fn byte_string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    let [.., high, low] = length.to_be_bytes();
    let head = match length {
        0..24 => vec![0x40 | low],
        24..256 => vec![0x58, low],
        256..65_536 => vec![0x59, high, low],
        _ => [&[0x5a], &length.to_be_bytes()[..]].concat(),
    };
    [&head[..], bytes].concat()
}
