//! How fast connections may begin.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::suite::Pause;

/// Spaces beginnings evenly.
#[derive(Debug)]
pub(super) struct Pace {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most `rate` beginnings a second; none is unlimited.
    pub(super) fn new(rate: Option<f64>) -> Self {
        Self {
            gap: rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok()),
            next: Mutex::default(),
        }
    }

    /// Waits for the next beginning.
    pub(super) async fn turn(&self) {
        let Some(gap) = self.gap else { return };
        let mine = {
            let mut next = self.next.lock().await;
            let mine = next.unwrap_or_else(Instant::now).max(Instant::now());
            *next = Some(mine + gap);
            mine
        };
        sleep_until(mine).await;
    }
}

/// Waits between two attempts of one cell.
pub(super) async fn rest(pause: Pause) {
    if !pause.length.is_zero() {
        sleep(pause.one(chance())).await;
    }
}

/// A number from 0 to 1, each as likely as any other.
fn chance() -> f64 {
    // The keys of a new hasher are random; nothing secret hangs on them.
    let bits = RandomState::new().hash_one(());
    bits as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_evenly_over_what_the_jitter_allows() {
        let pause = Pause {
            length: Duration::from_millis(100),
            jitter: 20,
        };
        let lengths: Vec<Duration> = (0..4000).map(|_| pause.one(chance())).collect();
        let (low, high) = (Duration::from_millis(80), Duration::from_millis(120));
        assert!(lengths.iter().all(|length| (low..=high).contains(length)));
        for quarter in 0..4_u32 {
            let from = low + Duration::from_millis(10) * quarter;
            let to = from + Duration::from_millis(10);
            let count = lengths
                .iter()
                .filter(|one| (from..to).contains(*one))
                .count();
            assert!(
                (800..1200).contains(&count),
                "{count} of 4000 in {from:?}..{to:?}"
            );
        }
        let even = Pause { jitter: 0, ..pause };
        assert_eq!(even.one(chance()), even.length);
    }
}
