use super::*;
use did_resolver::codec;

fn did(name: &str, rest: &str) -> Did {
    format!("did:webvh:{}:{rest}", codec::multihash_base58btc(name.as_bytes())).parse().unwrap()
}

//
#[test]
fn nobody_is_recognised_but_oneself_and_nobody_roots_anything_by_default() {
    let domains = recognitions("own", &[]);
    assert_eq!(domains.len(), 1);
    assert!(domains["own"].anchor.capabilities.is_empty());
}

#[test]
fn a_trusted_domain_roots_what_the_operator_said() {
    let json = json!({"did": did("a", "alpha.test").as_str(), "capabilities": ["calendar:read"]});
    let trusted = TrustedDomain::read(&json).unwrap();
    assert_eq!(TrustedDomain::read(&trusted.to_json()), Ok(trusted.clone()));
    let domains = recognitions("own", std::slice::from_ref(&trusted));
    let anchor = &domains[&trusted.scid().unwrap()].anchor;
    assert!(anchor.capabilities.allows(&"calendar:read".parse().unwrap()));
}

#[test]
fn an_agent_a_did_key_and_garbage_are_no_domains() {
    let agent = did("a", "alpha.test:agents:bot");
    assert_eq!(TrustedDomain::read(&json!({"did": agent.as_str()})), Err(TrustError::NotADomain));
    let key = "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";
    assert_eq!(TrustedDomain::read(&json!({"did": key})), Err(TrustError::NotADomain));
    let with = |name: &str, value: &str| json!({"did": did("a", "a.test").as_str(), name: value});
    for json in [json!([]), json!({}), with("capabilities", "all"), with("suspended", "true")] {
        assert!(TrustedDomain::read(&json).is_err(), "{json}");
    }
}
