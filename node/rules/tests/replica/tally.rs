//! What happened in worlds, so that a run shows that it was not vacuous.

use std::collections::BTreeMap;

/// I3: after that many periods without faults the digests of honest nodes are equal, also where hostile
/// nodes are most of a node's neighbours.
pub(crate) const MOST_PERIODS: u64 = 30;

/// I3: in nine worlds of ten, after these: twice the logarithm of twenty nodes.
const USUAL_PERIODS: u64 = 10;

#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    counts: BTreeMap<&'static str, u64>,
    /// How many worlds took so many periods to converge.
    pub(crate) periods: BTreeMap<u64, u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(crate) fn add(&mut self, what: &'static str, n: u64) {
        *self.counts.entry(what).or_default() += n;
    }

    pub(crate) fn of(&self, what: &'static str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn plus(mut self, other: Self) -> Self {
        for (what, n) in other.counts {
            self.add(what, n);
        }
        for (periods, n) in other.periods {
            *self.periods.entry(periods).or_default() += n;
        }
        self
    }

    /// A simulation shows nothing if nothing of interest happens in it: least counts for a hundred worlds.
    pub(crate) fn check(&self, worlds: u64) {
        let least = [
            ("forwarded", 20_000),
            ("judged of sync", 20_000),
            ("rejected", 500),
            ("crashes", 200),
            ("writes lost", 1),
            ("partitions", 80),
            ("silences one way", 30),
            ("late", 3_000),
            ("hostile nodes", 100),
            ("eclipses", 10),
            ("forks said", 30),
            ("DIDs contested", 10),
            ("refused un-revocations", 20),
            ("equivocations", 10),
            ("lists run ahead", 20),
            ("lists that clear", 20),
            ("lists out of their time", 20),
            ("statements", 100),
            ("statements run ahead", 5),
            ("statements of one number", 20),
            ("answers withheld", 500),
            ("answers changed", 500),
            ("answers replayed", 200),
            ("messages of floods", 2_000),
            ("approved later", 50),
            ("refused logs", 50),
            ("needed a domain", 500),
            ("pulled logs", 1_000),
        ];
        let converged: u64 = self.periods.values().sum();
        let soon: u64 = self.periods.range(..=USUAL_PERIODS).map(|(_, worlds)| worlds).sum();
        assert!(soon * 10 >= converged * 9, "I3: only {soon} of {converged} worlds converged soon");
        for (what, least) in least {
            let seen = self.of(what);
            assert!(seen >= least * worlds / 100, "only {seen} {what}: nothing is shown");
        }
    }

    pub(crate) fn print(&self) {
        let counts: Vec<_> = self.counts.iter().map(|(what, n)| format!("{what} {n}")).collect();
        println!("{}", counts.join(", "));
        println!("periods until all that should be equal is (periods: worlds): {:?}", self.periods);
    }
}
