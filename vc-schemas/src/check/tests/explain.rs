//! Explanations, link by link.

use super::*;

fn explained(world: &World, credentials: Vec<Secured>) -> Vec<Explained> {
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    explain(&held, NOW, Duration::from_secs(60))
}

fn failing(link: &Explained) -> Vec<(Code, String)> {
    let refusals = link.findings.iter().filter_map(|finding| finding.refusal.as_ref());
    refusals.map(|refusal| (refusal.code, refusal.path.to_string())).collect()
}

// R-045 R-074 R-084
#[test]
fn each_link_is_told_with_the_ceiling_that_it_met_and_what_is_left() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let links = explained(&world, credentials.clone());
    assert!(links.iter().all(|link| failing(link).is_empty()), "{links:?}");
    assert_eq!(links[0].left, scope(&["calendar:read", "calendar:write"]));
    assert_eq!(links[1].left, verified(presented(&world, credentials)).capabilities);
    assert_eq!(links[1].ceiling, Some(scope(&["calendar:read", "calendar:write", "mail:send"])));
    let json = links[1].to_json();
    assert_eq!((&json["left"], &json["findings"][0]["holds"]), (&json!(["calendar:read"]), &json!(true)));
}

// R-045 R-077
#[test]
fn every_fault_of_every_link_is_told_and_what_would_mend_it() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.journey(&terms(&["calendar:read"]), &terms(&["calendar:read", "files:delete"]));
    let links = explained(&world, credentials.clone());
    assert!(failing(&links[0]).is_empty());
    let widened = (Code::DelegationWidened, "chain[1].capabilities".to_owned());
    assert_eq!(failing(&links[1]), [widened.clone(), widened], "by the link before and by the ceiling");
    assert_eq!(links[1].left, scope(&["calendar:read"]), "what is not held is not left");
    let added = world.journey(&terms(&["calendar:read"]), &terms(&["calendar:read", "mail:send"]));
    assert_eq!(explained(&world, added)[1].left, scope(&["calendar:read"]), "though the ceiling allows it");
    let faults = links[1].to_json()["findings"].clone();
    let fault = faults.as_array().unwrap().iter().find(|f| f["holds"] == false).unwrap().clone();
    assert_eq!(fault["mend"], Code::DelegationWidened.action());

    let only = explained(&world, vec![credentials[1].clone(), credentials[4].clone()]);
    assert_eq!(failing(&only[0])[0], (Code::PrincipalMismatch, "chain[0].principal".to_owned()));
    let swapped = vec![credentials[1].clone(), credentials[0].clone()];
    let codes: Vec<Code> =
        failing(&explained(&world, swapped)[1]).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [Code::ChainBroken, Code::IdentityMissing]);
    let late = Terms { life_seconds: 1, ..terms(&["calendar:read"]) };
    let ended = world.journey(&late, &late);
    let held = Held::read(world.present(&world.calendar.clone(), ended)).unwrap();
    let then = explain(&held, NOW.plus(Duration::from_secs(90)), Duration::from_secs(60));
    assert_eq!(failing(&then[0]), [(Code::CredentialExpired, "chain[0].validUntil".to_owned())]);
}
