//! What a world is like, and what goes wrong in it.

use crate::hostile::Malice;
use crate::links::peer;
use crate::world::{Event, World};
use marque_rules::replica::Input;

/// Moments at which somebody publishes.
const PUBLICATIONS: u64 = 60;

/// Most hostile nodes.
const MOST_HOSTILE: u64 = 4;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Two sides lose each other: connections break.
    Partition,
    /// Nothing comes through from one side to the other, and nobody is told.
    Silence {
        is_one_way: bool,
    },
    Heal,
    Crash,
    /// A clock is put to another time.
    Clock,
}

impl World {
    pub(crate) fn choose_characters(&mut self) {
        let (nodes, domains) = (self.plan.nodes, self.plan.domains);
        for node in 0..nodes {
            let trusted = 1 + self.random.index(domains);
            self.nodes[node].trusted = (0..trusted).map(|_| self.random.index(domains)).collect();
        }
        if !self.plan.is_rough {
            return;
        }
        let hostile = self.random.below(MOST_HOSTILE + 1);
        for _ in 0..hostile {
            let node = self.random.index(nodes);
            for _ in 0..3 {
                let malice = self.random.among(&Malice::ALL).unwrap();
                self.nodes[node].malice.insert(malice);
            }
        }
        let hostile = self.nodes.iter().filter(|node| !node.is_honest()).count();
        self.tally.add("hostile nodes", hostile as u64);
        for _ in 0..2 {
            let node = self.random.index(nodes);
            self.nodes[node].is_slow = true;
            let node = self.random.index(nodes);
            self.nodes[node].joins_ms = self.random.below(self.plan.calm_ms * 3 / 4);
        }
        for node in 0..nodes {
            // Most clocks are within what is allowed; some are not.
            let most = if self.random.one_in(12) { 1_200 } else { 25 };
            self.nodes[node].skew = self.random.below(2 * most) as i64 - most as i64;
        }
    }

    pub(crate) fn schedule(&mut self) {
        let (nodes, calm, period) = (self.plan.nodes, self.plan.calm_ms, self.plan.period_ms);
        for node in 0..nodes {
            self.at(self.nodes[node].joins_ms, node, Event::Restart);
        }
        if !self.plan.is_rough {
            return;
        }
        for _ in 0..PUBLICATIONS {
            let (when, node) = (self.random.below(calm), self.random.index(nodes));
            self.at(when, node, Event::Publish);
        }
        for _ in 0..2 {
            let (when, node) = (self.random.below(calm), self.random.index(nodes));
            self.at(when, node, Event::Trust);
        }
        for _ in 0..3 {
            let fault = match self.random.below(4) {
                0 | 1 => Fault::Partition,
                2 => Fault::Silence { is_one_way: false },
                _ => Fault::Silence { is_one_way: true },
            };
            let (when, length) = (self.random.below(calm), 1_000 + self.random.below(2 * period));
            self.at(when, 0, Event::Fault(fault));
            self.at((when + length).min(calm), 0, Event::Fault(Fault::Heal));
        }
        for _ in 0..4 {
            let (when, node) = (self.random.below(calm), self.random.index(nodes));
            self.at(when, node, Event::Fault(Fault::Crash));
        }
        for _ in 0..2 {
            let (when, node) = (self.random.below(calm), self.random.index(nodes));
            self.at(when, node, Event::Fault(Fault::Clock));
        }
        for node in (0..nodes).filter(|node| !self.nodes[*node].is_honest()).collect::<Vec<_>>() {
            for _ in 0..6 {
                let when = self.random.below(calm);
                self.at(when, node, Event::Malice);
            }
        }
        self.at(calm, 0, Event::Fault(Fault::Heal));
        for node in 0..nodes {
            for n in [1, 2] {
                let when = calm + n * period / 3 + self.random.below(1_000);
                self.at(when, node, Event::Resign);
            }
        }
        // From when the last of these has been said.
        let mut when = calm + period;
        while when < self.plan.end_ms {
            self.at(when, 0, Event::Look);
            when += period / 2;
        }
    }

    pub(crate) fn strike(&mut self, node: usize, fault: Fault) {
        match fault {
            Fault::Partition => {
                self.tally.count("partitions");
                for (a, b) in self.parted() {
                    self.cut.insert((a.min(b), a.max(b)));
                    self.unlink(a, b);
                }
            }
            Fault::Silence { is_one_way } => {
                self.tally.count(if is_one_way { "silences one way" } else { "silences both ways" });
                for (a, b) in self.parted() {
                    self.silent.insert((a, b));
                    if !is_one_way {
                        self.silent.insert((b, a));
                    }
                }
            }
            Fault::Heal => {
                self.cut.clear();
                self.silent.clear();
                for a in 0..self.plan.nodes {
                    for b in self.nodes[a].neighbours.clone() {
                        self.join(a, b);
                    }
                }
                for (a, b) in self.strangers() {
                    // A hello that was swallowed is said again once the connection was made anew.
                    self.unlink(a, b);
                    self.at(self.now_ms + 1, a, Event::Dial(b));
                }
            }
            Fault::Crash => self.crash(node),
            Fault::Clock => {
                self.tally.count("clocks put");
                self.nodes[node].skew = self.random.below(1_200) as i64 - 600;
                self.handle(node, Input::Tick);
            }
        }
    }

    /// Pairs of which the one is on one side and the other on the other.
    fn parted(&mut self) -> Vec<(usize, usize)> {
        let side: Vec<bool> = (0..self.plan.nodes).map(|_| self.random.one_in(2)).collect();
        let mut pairs = Vec::new();
        for a in (0..self.plan.nodes).filter(|a| side[*a]) {
            pairs.extend((0..self.plan.nodes).filter(|b| !side[*b]).map(|b| (a, b)));
        }
        pairs
    }

    /// Pairs that are connected and have not admitted each other.
    fn strangers(&self) -> Vec<(usize, usize)> {
        let admits = |a: usize, b: usize| {
            self.nodes[a].state.as_ref().is_some_and(|state| state.is_admitted(&peer(b)))
        };
        let of = |a: usize| self.nodes[a].links.iter().filter(move |b| a < **b).map(move |b| (a, *b));
        (0..self.plan.nodes).flat_map(of).filter(|(a, b)| !admits(*a, *b) || !admits(*b, *a)).collect()
    }
}
