//! Tests of the high-water time: a clock that is set by hand, a store in memory.

use super::*;
use did_resolver::keys::KeyKind;
use did_resolver::methods;
use marque_store::memory::Memory;
use marque_store::secret::SecretKey;

const SKEW: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Hands(AtomicU64);

impl Hands {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct OneKey(SecretKey);

impl Keys for OneKey {
    fn public(&self, _: KeyRole) -> (PublicKey, DidUrl) {
        (self.0.public().clone(), methods::key_id(self.0.public()).unwrap())
    }

    fn sign<'a>(
        &'a self,
        _: KeyRole,
        _: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        Box::pin(std::future::ready(Ok(self.0.sign(message).unwrap())))
    }
}

struct World {
    records: Arc<Memory>,
    clock: Arc<Hands>,
}

impl World {
    fn at(seconds: u64) -> Self {
        let world = Self { records: Arc::default(), clock: Arc::default() };
        world.clock.set(seconds);
        world
    }

    async fn starts(&self, clock_is_right: bool) -> Result<Arc<HighWater>, Failure> {
        HighWater::take_up(self.records.clone(), self.clock.clone(), SKEW, clock_is_right).await
    }
}

async fn signs(high_water: &Arc<HighWater>) -> bool {
    let keys =
        TimelyKeys::new(OneKey(SecretKey::generate(KeyKind::Ed25519).unwrap()), Arc::clone(high_water));
    keys.sign(KeyRole::Assertion, Signed::Credential, b"text").await.is_ok()
}

#[tokio::test]
async fn no_key_signs_while_the_clock_is_behind_by_more_than_clocks_may_differ() {
    let world = World::at(10_000);
    let high_water = world.starts(false).await.unwrap();
    for (now, may) in
        [(10_000, true), (20_000, true), (19_940, true), (19_939, false), (1, false), (20_000, true)]
    {
        world.clock.set(now);
        assert_eq!(signs(&high_water).await, may, "at {now}");
    }
}

#[tokio::test]
async fn a_node_whose_clock_was_set_back_does_not_start_before_its_operator_says_that_it_is_right() {
    let world = World::at(10_000);
    let high_water = world.starts(false).await.unwrap();
    world.clock.set(20_000);
    high_water.keep().await.unwrap();
    for (now, may) in [(20_000, true), (19_940, true), (19_939, false), (1, false)] {
        world.clock.set(now);
        assert_eq!(world.starts(false).await.is_ok(), may, "at {now}");
    }
    let refused = world.starts(false).await.unwrap_err();
    assert_eq!(refused.code, "clock");
    assert!(refused.action.contains("--clock-is-right"), "{refused}");
    assert!(signs(&world.starts(true).await.unwrap()).await);
    world.clock.set(100);
    world.starts(false).await.unwrap();
    world.clock.set(1);
    assert!(world.starts(false).await.is_err(), "what was said once holds once");
}

#[tokio::test]
async fn nodes_that_share_a_store_hear_of_the_latest_time_that_any_of_them_saw() {
    let world = World::at(10_000);
    let here = world.starts(false).await.unwrap();
    let there = World { records: Arc::clone(&world.records), clock: Arc::default() };
    there.clock.set(10_500);
    there.starts(false).await.unwrap();
    assert!(signs(&here).await);
    here.keep().await.unwrap();
    assert!(!signs(&here).await);
}
