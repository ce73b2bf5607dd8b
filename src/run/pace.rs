//! How fast connections may begin.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

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
