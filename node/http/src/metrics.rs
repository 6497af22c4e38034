//! What is counted here, in Prometheus's terms. Labels take few values each, none of a caller's making;
//! `list` has one for each list of this domain and of those that are recognised.

use crate::target::IDENTIFIERS;
use axum::http::Method;
use marque_flows::published::Kept;
use marque_flows::rates::Whose;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::status::Purpose;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    face: &'static str,
    method: &'static str,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerificationLabels {
    outcome: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListLabels {
    purpose: &'static str,
}

/// Seconds of a verification: up to a millisecond from what is held, seconds where others are asked first.
const VERIFICATION_SECONDS: [f64; 10] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

/// Links of a chain: there are eight at most.
const LINKS: [f64; 8] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];

/// What verifying takes. A clone counts with the other.
#[derive(Debug, Clone)]
struct Verification {
    seconds: Histogram,
    links: Histogram,
}

impl Default for Verification {
    fn default() -> Self {
        Self { seconds: Histogram::new(VERIFICATION_SECONDS), links: Histogram::new(LINKS) }
    }
}

/// The answers about DIDs that are kept, by their statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Found,
    Unchanged,
    Gone,
}

impl Counted {
    pub(crate) const fn of(status: u16) -> Self {
        match status {
            304 => Self::Unchanged,
            410 => Self::Gone,
            _ => Self::Found,
        }
    }

    const fn status(self) -> u16 {
        match self {
            Self::Found => 200,
            Self::Unchanged => 304,
            Self::Gone => 410,
        }
    }
}

/// By what a request was found to be one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Address,
    Agent,
    Owner,
}

impl By {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Agent => "agent",
            Self::Owner => "owner",
        }
    }
}

impl From<Whose> for By {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Agent => Self::Agent,
            Whose::Owner => Self::Owner,
        }
    }
}

/// The counters of the faces. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    internal: Counter,
    /// Those of `requests` that are counted too often to look for them each time.
    resolved: [OnceLock<Counter>; 3],
    verifications: Family<VerificationLabels, Counter>,
    verification: Verification,
    list_age: Family<ListLabels, Gauge<i64>>,
    list_sequence: Family<ListLabels, Gauge<u64, AtomicU64>>,
    held_list_age: Family<[(&'static str, String); 1], Gauge<i64>>,
    contested: Gauge<i64>,
    deferred: Gauge<i64>,
    limited: Family<[(&'static str, &'static str); 1], Counter>,
    told_apart: Family<[(&'static str, &'static str); 1], Gauge<i64>>,
    published: Family<[(&'static str, &'static str); 1], Gauge<i64>>,
}

impl Metrics {
    /// Counters that `registry` will show, under its own prefix.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "limited",
            "Requests refused because as many had been let in as may be, by address, agent or owner",
            metrics.limited.clone(),
        );
        registry.register(
            "told_apart",
            "Addresses, agents and owners whose rate is known apart from others'",
            metrics.told_apart.clone(),
        );
        registry.register(
            "http_requests",
            "Requests answered, by face, method, route and status",
            metrics.requests.clone(),
        );
        let internal = "Requests answered by the code `internal`: defects of this node";
        registry.register("internal_errors", internal, metrics.internal.clone());
        registry.register(
            "verifications",
            "Presentations decided on, by outcome and code",
            metrics.verifications.clone(),
        );
        let seconds = "Seconds from a presentation to the decision on it, with what had to be fetched";
        registry.register("verification_seconds", seconds, metrics.verification.seconds.clone());
        let links = "Links of the chains that were verified";
        registry.register("verification_links", links, metrics.verification.links.clone());
        registry.register(
            "own_list_age_seconds",
            "Age of this domain's own status lists, by purpose",
            metrics.list_age.clone(),
        );
        registry.register(
            "own_list_sequence",
            "Sequence number of this domain's own status lists, by purpose",
            metrics.list_sequence.clone(),
        );
        let age = "Age of the status lists held of this and the recognised domains, by URL";
        registry.register("list_age_seconds", age, metrics.held_list_age.clone());
        registry.register(
            "contested_dids",
            "DIDs with two valid histories of which none counts here",
            metrics.contested.clone(),
        );
        registry.register(
            "deferred_verdicts",
            "Verdicts that rest on old status lists and are not confirmed yet",
            metrics.deferred.clone(),
        );
        let published = "Seconds for which something is due where this domain is published, by the place";
        registry.register("published_behind_seconds", published, metrics.published.clone());
        metrics
    }

    /// Notes how far behind the places are where this domain is published.
    pub(crate) fn published(&self, places: &[Kept]) {
        for kept in places {
            let behind = kept.behind.as_secs().try_into().unwrap_or(i64::MAX);
            self.published.get_or_create(&[("place", kept.place)]).set(behind);
        }
    }

    /// Notes how old the lists are that are held, how many DIDs are contested, and how many verdicts wait to be
    /// confirmed.
    pub(crate) fn held(
        &self,
        ages: impl Iterator<Item = (String, Duration)>,
        contested: usize,
        deferred: usize,
    ) {
        self.held_list_age.clear();
        for (list, age) in ages {
            let age = age.as_secs().try_into().unwrap_or(i64::MAX);
            self.held_list_age.get_or_create(&[("list", list)]).set(age);
        }
        self.contested.set(contested.try_into().unwrap_or(i64::MAX));
        self.deferred.set(deferred.try_into().unwrap_or(i64::MAX));
    }

    /// Counts an answer. `route` is a pattern of the router, not the path.
    pub(crate) fn request(&self, face: &'static str, method: &Method, route: String, status: u16) {
        let method = match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            _ => "other",
        };
        let labels = RequestLabels { face, method, route, status: status.into() };
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts a request that met a defect.
    pub(crate) fn internal(&self) {
        self.internal.inc();
    }

    /// Counts an answer about a DID that was kept.
    pub(crate) fn resolved(&self, counted: Counted) {
        let Some(counter) = self.resolved.get(counted as usize) else { return };
        let counter = counter.get_or_init(|| {
            let route = format!("{IDENTIFIERS}{{*did}}");
            let status = counted.status().into();
            let labels = RequestLabels { face: "public", method: "GET", route, status };
            self.requests.get_or_create(&labels).clone()
        });
        counter.inc();
    }

    /// A request was one too many.
    pub(crate) fn limited(&self, by: By) {
        self.limited.get_or_create(&[("by", by.as_str())]).inc();
    }

    /// How many are told apart now.
    pub(crate) fn told_apart(&self, counts: [(By, usize); 3]) {
        for (by, count) in counts {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.told_apart.get_or_create(&[("by", by.as_str())]).set(count);
        }
    }

    /// Counts a decision on a presentation, which took so long, on a chain of so many links or with a code.
    pub(crate) fn verification(&self, took: Duration, outcome: Result<usize, Code>) {
        let refused = outcome.err();
        self.verification.seconds.observe(took.as_secs_f64());
        if let Ok(links) = outcome {
            self.verification.links.observe(f64::from(u32::try_from(links).unwrap_or(u32::MAX)));
        }
        let outcome = if refused.is_some() { "refused" } else { "verified" };
        let labels = VerificationLabels { outcome, code: refused.map_or("none", Code::as_str) };
        self.verifications.get_or_create(&labels).inc();
    }

    /// Notes how old an own list is.
    pub(crate) fn list(&self, purpose: Purpose, age: Duration, sequence: u64) {
        let labels = ListLabels { purpose: purpose.as_str() };
        self.list_age.get_or_create(&labels).set(age.as_secs().try_into().unwrap_or(i64::MAX));
        self.list_sequence.get_or_create(&labels).set(sequence);
    }
}
