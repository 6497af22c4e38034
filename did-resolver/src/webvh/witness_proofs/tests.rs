//! What a log carries stays a file that others read.

use super::*;
use crate::time::UnixSeconds;
use crate::webvh::{Genesis, Log, Oversight, create_with};
use ed25519_dalek::{Signer, SigningKey};

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn pair(seed: u8) -> (SigningKey, PublicKey) {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    (secret, key)
}

#[test]
fn proofs_that_grow_beyond_what_others_read_are_refused() {
    let ((controller, update), (_, witness)) = (pair(1), pair(2));
    let genesis = Genesis {
        host: "acme.example".to_owned(),
        port: None,
        path: vec![],
        document: json!({}),
        update_keys: vec![update.clone()],
        next_key_hashes: vec![],
        time: NOW,
        portable: false,
        ttl_seconds: None,
    };
    let open = create_with(genesis, &Oversight::default()).unwrap();
    let signature = controller.sign(&open.signing_input(&update).unwrap()).to_bytes();
    let log = Log::verify(&open.attach(&update, &signature).unwrap(), NOW).unwrap();
    let named =
        Oversight { witnesses: Some(Witnesses::new(1, vec![witness.clone()]).unwrap()), watchers: None };
    let next = log
        .append_with(Default::default(), &named, NOW.plus(std::time::Duration::from_secs(1)), NOW)
        .unwrap();
    let versions = [log.head(), next.version()];

    let known = |bytes: usize| {
        let approval = Approval {
            number: 2,
            version_id: versions[1].id.clone(),
            proof: json!({"x": "x".repeat(bytes)}),
        };
        Approvals(BTreeMap::from([(witness.clone(), approval)]))
    };
    assert!(known(9).follow(&versions, 1, None).is_ok());
    let refused = known(MAX_WITNESS_BYTES).follow(&versions, 1, None).unwrap_err();
    assert_eq!(refused, LogError::WitnessProofs(WitnessProofsError::TooLong));
}
