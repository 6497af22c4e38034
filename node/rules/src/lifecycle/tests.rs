use super::*;
use proptest::prelude::*;

#[test]
fn suspension_ends_and_revocation_does_not() {
    let suspended = Standing::Active.after(Act::Suspend).unwrap();
    assert_eq!(suspended.after(Act::Resume), Ok(Standing::Active));
    let revoked = suspended.after(Act::Revoke).unwrap();
    assert_eq!(revoked.after(Act::Resume), Err(NotAllowed));
    assert_eq!(revoked.after(Act::Suspend), Err(NotAllowed));
}

proptest! {
    //
    #[test]
    fn nothing_leads_out_of_revoked(acts in prop::collection::vec(0_usize..3, 0..12)) {
        let all = [Act::Suspend, Act::Resume, Act::Revoke];
        let (mut standing, mut ended) = (Standing::Active, false);
        for act in acts {
            standing = standing.after(all[act]).unwrap_or(standing);
            ended |= all[act] == Act::Revoke;
            prop_assert_eq!(ended, standing == Standing::Revoked);
        }
    }

    #[test]
    fn doing_it_twice_is_doing_it_once(standing in 0_usize..3, act in 0_usize..3) {
        let (standing, act) = (Standing::ALL[standing], [Act::Suspend, Act::Resume, Act::Revoke][act]);
        if let Ok(once) = standing.after(act) {
            prop_assert_eq!(once.after(act), Ok(once));
        }
    }
}
