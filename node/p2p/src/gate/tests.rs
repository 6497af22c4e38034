use super::*;
use libp2p::gossipsub::IdentTopic;
use proptest::prelude::*;

#[test]
fn a_topic_of_this_protocol_may_be_announced_and_no_other() {
    let may = |text: &str| Topics.can_subscribe(&IdentTopic::new(text).hash());
    assert!(may("/marque/1/abcdefghij234567/did"));
    assert!(may("/marque/1/abcdefghij234567/status"));
    assert!(may("/marque/1/abcdefghij234567/ctl"));
    assert!(!may("/marque/1/abcdefghij234567/all"));
    assert!(!may("/marque/1/abcdefghij23456/did"));
    assert!(!may("/marque/1/ABCDEFGHIJ234567/did"));
    assert!(!may("/marque/2/abcdefghij234567/did"));
    assert!(!may("/marque/1/abcdefghij234567/did/did"));
}

proptest! {
    #[test]
    fn a_topic_that_may_be_announced_is_short(text in "(/marque/1/)?[a-z2-7/]{0,40}") {
        if Topics.can_subscribe(&IdentTopic::new(&text).hash()) {
            prop_assert!(text.len() <= PREFIX.len() + HASH_CHARACTERS + "/status".len());
        }
    }
}
