use super::*;
use proptest::prelude::*;

#[test]
fn a_domain_with_many_addresses_leaves_room_for_the_others() {
    let of = |domain: &str, count: usize| (0..count).map(|n| format!("{domain}{n}")).collect::<Vec<_>>();
    let all = vec![of("a", 8), of("b", 1), of("c", 2), of("d", 1)];
    assert_eq!(one_by_one(all.clone(), 5), ["a0", "b0", "c0", "d0", "a1"]);
    assert_eq!(one_by_one(all, 64).len(), 12);
}

proptest! {
    // As many as there are, up to the bound, and of every domain if the bound allows it.
    #[test]
    fn no_address_is_lost_below_the_bound(counts in prop::collection::vec(0_usize..9, 0..40), most in 0_usize..70) {
        let domain = |(n, count): (usize, &usize)| (0..*count).map(|i| format!("{n}/{i}")).collect::<Vec<_>>();
        let all: Vec<_> = counts.iter().enumerate().map(domain).collect();
        let taken = one_by_one(all.clone(), most);
        prop_assert_eq!(taken.len(), most.min(counts.iter().sum()));
        let with_any = counts.iter().filter(|count| **count > 0).count();
        let domains: BTreeSet<_> = taken.iter().map(|address| address.split('/').next()).collect();
        prop_assert_eq!(domains.len(), with_any.min(most));
    }
}
