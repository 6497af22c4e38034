use super::*;
use crate::chain::Link;
use crate::rendering::{Actors, DelegationChain};

fn links(capabilities: [&[&'static str]; 3]) -> Vec<Link> {
    let mut world = World::new(Envelope::Jwt);
    let all = capabilities.map(terms);
    let ceiling: &[&str] = &["calendar:read", "calendar:write", "mail:send"];
    let (mail, credentials) = world.three_hops([&all[0], &all[1], &all[2]], [ceiling; 3]);
    let held = Held::read(world.present(&mail, credentials)).unwrap();
    held.links().iter().map(|link| Link::clone(link)).collect()
}

fn narrowing() -> Vec<Link> {
    links([&["calendar:read", "calendar:write"], &["calendar:read"], &["calendar:read"]])
}

// R-071 R-075 R-081
#[test]
fn a_chain_is_the_same_in_each_of_its_renderings() {
    let links = narrowing();
    let actors = Actors::of(&links).unwrap();
    let json = actors.to_json();
    let world = World::new(Envelope::Jwt);
    assert_eq!(json["sub"], world.alice.did.as_str());
    assert_eq!(json["act"]["act"]["act"], json!({"sub": world.travel.did.as_str()}));
    assert_eq!(Actors::read(&json), Ok(actors.clone()));
    assert_eq!(actors.check(&links), Ok(()));
    let chain = DelegationChain::of(&links).unwrap();
    let json = chain.to_json();
    let delegators: Vec<_> = links.iter().map(|link| link.credential.issuer.as_str()).collect();
    let told: Vec<_> = json.as_array().unwrap().iter().map(|e| e["principal_id"].as_str().unwrap()).collect();
    assert_eq!(told, delegators);
    assert_eq!((&json[0]["principal_type"], &json[2]["principal_type"]), (&json!("user"), &json!("agent")));
    assert_eq!(DelegationChain::read(&json), Ok(chain.clone()));
    assert_eq!(chain.check(&links), Ok(()));
    // Both tell of the same: whoever delegated after the principal is an actor.
    let actors = actors.actors.iter().map(Did::as_str).take(2);
    assert_eq!(actors.collect::<Vec<_>>(), delegators[1..]);
}

#[test]
fn nested_act_that_is_reordered_doubled_too_deep_or_of_another_chain_is_refused() {
    let links = narrowing();
    let code = |json: &Value| Actors::read(json).and_then(|actors| actors.check(&links)).unwrap_err().code;
    let actors = Actors::of(&links).unwrap();
    let mut reordered = actors.clone();
    reordered.actors.swap(0, 1);
    assert_eq!(code(&reordered.to_json()), Code::ChainBroken);
    let mut shorter = actors.clone();
    shorter.actors.remove(1);
    assert_eq!(code(&shorter.to_json()), Code::ChainBroken);
    let mut doubled = actors.clone();
    doubled.actors.push(actors.principal.clone());
    assert_eq!(code(&doubled.to_json()), Code::ChainRepeats);
    let mut deep = actors.clone();
    deep.actors = (0..9).map(|n| format!("did:example:{n}").parse().unwrap()).collect();
    assert_eq!(code(&deep.to_json()), Code::ChainTooLong);
    let mut other = actors;
    other.principal = "did:example:other".parse().unwrap();
    assert_eq!(code(&other.to_json()), Code::PrincipalMismatch);
    for json in
        [json!({}), json!({"sub": "did:example:1"}), json!({"sub": "did:example:1", "act": {"iss": "a"}})]
    {
        assert_eq!(code(&json), Code::RequestMalformed, "{json}");
    }
    assert_eq!(Actors::of(&[]), None);
}

// R-075 R-076 R-081: entries are unsigned, so each member is held against the credential.
#[test]
fn a_delegation_chain_that_tells_anything_else_than_the_credentials_is_refused() {
    let links = narrowing();
    let good = DelegationChain::of(&links).unwrap().to_json();
    let code = |json: &Value| {
        DelegationChain::read(json).and_then(|chain| chain.check(&links)).map_err(|refusal| refusal.code)
    };
    assert_eq!(code(&good), Ok(()));
    let changed = |at: usize, member: &str, value: Value| {
        let mut json = good.clone();
        json[at][member] = value;
        code(&json)
    };
    let stranger = json!("did:example:stranger");
    for at in 0..3 {
        assert_eq!(changed(at, "principal_id", stranger.clone()), Err(Code::PrincipalMismatch));
        assert_eq!(
            changed(at, "evidence", good[(at + 1) % 3]["evidence"].clone()),
            Err(Code::ParentMismatch)
        );
        for evidence in [json!("ait:delegation"), json!(null), json!("urn:uuid:1#uEiA")] {
            assert_eq!(changed(at, "evidence", evidence), Err(Code::RequestMalformed));
        }
        assert!(changed(at, "scopes", json!([])).is_err());
        assert_eq!(changed(at, "more", json!(1)), Err(Code::RequestMalformed));
        assert_eq!(changed(at, "principal_type", json!("robot")), Err(Code::RequestMalformed));
    }
    assert_eq!(changed(2, "scopes", json!(["calendar:write"])), Err(Code::DelegationWidened));
    assert_eq!(changed(2, "scopes", json!([])), Err(Code::DelegationWidened));
    assert_eq!(changed(0, "granted_at", json!("2027-01-15T08:00:00Z")), Err(Code::ChainBroken));
    assert_eq!(changed(2, "granted_at", json!("2027-01-15T08:00:00Z")), Err(Code::ParentMismatch));
    let items = good.as_array().unwrap();
    let of = |at: &[usize]| code(&at.iter().map(|at| items[*at].clone()).collect());
    assert_eq!(of(&[]), Err(Code::ChainEmpty));
    assert_eq!(of(&[0, 1]), Err(Code::ParentMismatch));
    assert_eq!(of(&[0, 1, 1]), Err(Code::ChainRepeats));
    assert_eq!(of(&[0, 2, 1]), Err(Code::ParentMismatch));
    assert_eq!(of(&[0; 9]), Err(Code::ChainTooLong));
}

#[test]
fn a_chain_that_widens_or_goes_back_in_time_has_no_rendering() {
    let widening = links([&["calendar:read"], &["calendar:read", "mail:send"], &["calendar:read"]]);
    assert_eq!(DelegationChain::of(&widening).unwrap_err().code, Code::DelegationWidened);
    let mut earlier = narrowing();
    earlier[1].credential.valid_from = NOW.minus(Duration::from_secs(101));
    let refusal = DelegationChain::of(&earlier).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.path.to_string()),
        (Code::ChainBroken, "delegation_chain[1].granted_at".into())
    );
}
