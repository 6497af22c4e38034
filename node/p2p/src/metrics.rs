//! What the mesh counts (MESH.md D12). Labels have closed sets of values, but `domain`, which has as
//! many as there are domains that this node knows.

use crate::gate::Arrivals;
use crate::score::{GOSSIP_THRESHOLD, GRAYLIST_THRESHOLD, PUBLISH_THRESHOLD};
use marque_rules::replica::state::{Gauges, Metric};
use marque_rules::replica::{Kind, Refusal, Scid};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The handles of all metrics.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    arrivals: Counter,
    gossip: Family<Labels<3>, Counter>,
    sync: Family<Labels<3>, Counter>,
    rounds: Counter,
    hello: Family<Labels<1>, Counter>,
    local: Family<Labels<1>, Counter>,
    dials: Family<Labels<1>, Counter>,
    dropped: Family<Labels<1>, Counter>,
    peers: Family<[(&'static str, String); 2], Gauge>,
    peer_domains: Gauge,
    queue: Gauge,
    items: Gauge,
    regressions: Counter,
    scores: Family<Labels<1>, Gauge>,
    bans: Gauge,
    sync_lag: Gauge,
    clock_skew: Family<[(&'static str, String); 1], Gauge>,
    reservations: Gauge,
    circuits: Gauge,
    relaying: Family<Labels<2>, Counter>,
    places: Gauge,
    news_age: NewsAge,
}

/// How old changes of status lists are when they count here. A clone counts with the other.
#[derive(Debug, Clone)]
struct NewsAge(Histogram);

impl Default for NewsAge {
    fn default() -> Self {
        Self(Histogram::new(NEWS_AGES))
    }
}

/// Whole seconds, since envelopes say no more: at once, within a round of anti-entropy, a ttl, an hour.
const NEWS_AGES: [f64; 9] = [0.0, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0];

/// Something that a member asked of this node as a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relaying {
    /// A place at which others reach it.
    Reservation,
    /// A connection to somebody who has a place.
    Circuit,
}

/// The ranges of scores that are told apart: where gossipsub begins to do without a peer.
const RANGES: [(&str, f64); 4] = [
    ("graylisted", GRAYLIST_THRESHOLD),
    ("unpublished", PUBLISH_THRESHOLD),
    ("ungossiped", GOSSIP_THRESHOLD),
    ("negative", 0.0),
];

impl Metrics {
    /// Makes the metrics known to `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        let arrivals = "Gossip messages that came, and came again: duplicates are dropped unvalidated";
        registry.register("gossip_received", arrivals, it.arrivals.clone());
        registry.register("gossip_validate", "Gossip messages by outcome", it.gossip.clone());
        registry.register("sync_events", "Steps of anti-entropy by outcome", it.sync.clone());
        registry.register("sync_rounds", "Pulls of a domain from a peer that began", it.rounds.clone());
        registry.register("hello_refused", "Hellos not admitted", it.hello.clone());
        registry.register("publish_refused", "Own messages not published", it.local.clone());
        registry.register("dials", "Dials by outcome", it.dials.clone());
        registry.register("peers_dropped", "Connections closed by this node", it.dropped.clone());
        registry.register("peers", "Connected peers by domain and direction", it.peers.clone());
        let domains = "Domains of which nodes are admitted: below two, one other can keep news away";
        registry.register("peer_domains", domains, it.peer_domains.clone());
        registry.register("verify_queue_depth", "Envelopes that wait to be judged", it.queue.clone());
        registry.register("mesh_items", "Items held in the replica's view", it.items.clone());
        let regressions =
            "Logs and log heads behind what is held, or beside it: replays, late news, rollbacks";
        registry.register("did_floor_regressions", regressions, it.regressions.clone());
        registry.register("peer_scores", "Admitted peers by the range of their score", it.scores.clone());
        registry.register("peers_banned", "Peers that are not let in", it.bans.clone());
        let lag = "Seconds since a peer last answered what it was asked of what it holds";
        registry.register("sync_lag_seconds", lag, it.sync_lag.clone());
        let skew = "Seconds by which the clock of a domain's nodes is ahead of this one's, as what they publish shows";
        registry.register("clock_skew_seconds", skew, it.clock_skew.clone());
        let reservations = "Members that have a place here to be reached through this node";
        registry.register("relay_reservations", reservations, it.reservations.clone());
        let circuits = "Connections of members through this node";
        registry.register("relay_circuits", circuits, it.circuits.clone());
        let relaying = "What members asked of this node as a relay, by outcome";
        registry.register("relay_requests", relaying, it.relaying.clone());
        let places = "Places that this node has at relays";
        registry.register("relay_places", places, it.places.clone());
        let age = "Seconds between when a status list or a change of one was signed and when it counted here";
        let NewsAge(histogram) = it.news_age.clone();
        registry.register("status_propagation_seconds", age, histogram);
        it
    }

    /// Sets how many peers there are in each range of scores.
    pub fn rate(&self, scores: impl Iterator<Item = f64>) {
        let mut counts: BTreeMap<&str, i64> = RANGES.iter().map(|(range, _)| (*range, 0)).collect();
        for score in scores {
            let range = RANGES.iter().find(|(_, below)| score < *below).map_or("good", |(range, _)| *range);
            *counts.entry(range).or_default() += 1;
        }
        for (range, count) in counts {
            self.scores.get_or_create(&[("range", range)]).set(count);
        }
    }

    /// Sets how many peers are banned, and how long ago the last answer of any peer was.
    pub fn watch(&self, bans: usize, lag: Duration) {
        self.bans.set(i64::try_from(bans).unwrap_or(i64::MAX));
        self.sync_lag.set(i64::try_from(lag.as_secs()).unwrap_or(i64::MAX));
    }

    /// Sets how far the clocks of other domains are ahead.
    pub fn skew<'a>(&self, ahead: impl Iterator<Item = (&'a Scid, i64)>) {
        self.clock_skew.clear();
        for (domain, ahead) in ahead {
            self.clock_skew.get_or_create(&[("domain", domain.as_str().to_owned())]).set(ahead);
        }
    }

    /// Counts what a member asked of this node as a relay.
    pub fn asked_to_relay(&self, what: Relaying, granted: bool) {
        let kind = match what {
            Relaying::Reservation => "reservation",
            Relaying::Circuit => "circuit",
        };
        let outcome = if granted { "granted" } else { "refused" };
        self.relaying.get_or_create(&[("kind", kind), ("outcome", outcome)]).inc();
    }

    /// Sets who is reached through this node, and how many places it has itself.
    pub fn relays(&self, reservations: usize, circuits: usize, places: usize) {
        let sets = [(&self.reservations, reservations), (&self.circuits, circuits), (&self.places, places)];
        for (gauge, count) in sets {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Where gossip counts what arrives.
    pub(crate) fn arrivals(&self) -> Arrivals {
        Arrivals::on(self.arrivals.clone())
    }

    /// Counts what the state machine says.
    pub fn count(&self, metric: Metric, kind: Option<Kind>, reason: Option<Refusal>) {
        let of_log = matches!(kind, Some(Kind::Log | Kind::LogHead));
        if of_log && matches!(reason, Some(Refusal::Older | Refusal::DeadKey | Refusal::Contested)) {
            self.regressions.inc();
        }
        let kind = kind.map_or("none", Kind::as_str);
        let reason = reason.map_or("none", Refusal::as_str);
        let gossip = |result| {
            self.gossip.get_or_create(&[("kind", kind), ("result", result), ("reason", reason)]).inc();
        };
        let sync = |event| {
            self.sync.get_or_create(&[("event", event), ("kind", kind), ("reason", reason)]).inc();
        };
        match metric {
            Metric::GossipAccepted => gossip("accept"),
            Metric::GossipIgnored => gossip("ignore"),
            Metric::GossipRejected => gossip("reject"),
            Metric::SyncAccepted => sync("accepted"),
            Metric::SyncIgnored => sync("ignored"),
            Metric::SyncRounds => {
                self.rounds.inc();
            }
            Metric::SyncFailed => sync("failed"),
            Metric::SyncRefused => sync("refused"),
            Metric::HelloRefused => {
                self.hello.get_or_create(&[("reason", reason)]).inc();
            }
            Metric::LocalRefused => {
                self.local.get_or_create(&[("reason", reason)]).inc();
            }
        }
    }

    /// Notes that a status list, or a change of one, counts here that was signed so long ago.
    pub fn propagated(&self, age: Duration) {
        let NewsAge(histogram) = &self.news_age;
        histogram.observe(age.as_secs_f64());
    }

    /// Counts a dial that ended.
    pub fn dialled(&self, connected: bool) {
        let outcome = if connected { "connected" } else { "failed" };
        self.dials.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts a peer whose connections were closed here.
    pub fn dropped(&self, reason: Refusal) {
        self.dropped.get_or_create(&[("reason", reason.as_str())]).inc();
    }

    /// Sets what there is of everything: `peers` has the domain, if any, and whether this node dialled.
    pub fn measure<'a>(&self, gauges: &Gauges, peers: impl Iterator<Item = (Option<&'a Scid>, bool)>) {
        self.queue.set(i64::try_from(gauges.pending).unwrap_or(i64::MAX));
        self.items.set(i64::try_from(gauges.items).unwrap_or(i64::MAX));
        let mut counts: BTreeMap<(Option<&Scid>, bool), i64> = BTreeMap::new();
        for key in peers {
            *counts.entry(key).or_default() += 1;
        }
        let domains: BTreeSet<_> = counts.keys().filter_map(|(domain, _)| *domain).collect();
        self.peer_domains.set(i64::try_from(domains.len()).unwrap_or(i64::MAX));
        self.peers.clear();
        for ((domain, outbound), count) in counts {
            let domain = domain.map_or("none", Scid::as_str).to_owned();
            let dir = if outbound { "out" } else { "in" }.to_owned();
            self.peers.get_or_create(&[("domain", domain), ("dir", dir)]).set(count);
        }
    }
}

#[cfg(test)]
mod tests;
