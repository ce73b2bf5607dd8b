//! What each suite trusts, and since when: bundles may be replaced while a run goes on, and each
//! connection is judged by what was trusted then. Pure.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use crate::certificate::Trust;

/// What each suite trusts, in the order of the suites, over time.
#[derive(Debug, Default)]
pub struct Trusted(Vec<RwLock<Vec<Since>>>);

/// What is trusted from a moment on.
#[derive(Clone, Debug)]
struct Since {
    moment: Timestamp,
    trust: Arc<Trust>,
}

impl Trusted {
    /// What is trusted from the beginning.
    pub fn new(trust: impl IntoIterator<Item = Trust>) -> Self {
        let begin = |trust| {
            let since = Since {
                moment: Timestamp::MIN,
                trust: Arc::new(trust),
            };
            RwLock::new(vec![since])
        };
        Self(trust.into_iter().map(begin).collect())
    }

    /// From this moment on a suite trusts something else.
    pub fn change(&self, suite: usize, moment: Timestamp, trust: Trust) {
        if let Some(suite) = self.0.get(suite) {
            let trust = Arc::new(trust);
            let mut all = suite.write().unwrap_or_else(PoisonError::into_inner);
            all.push(Since { moment, trust });
        }
    }

    /// What a suite trusts at a moment, and how many changes came before that; nothing for a suite that
    /// is not there.
    pub fn at(&self, suite: usize, moment: Timestamp) -> (usize, Arc<Trust>) {
        let known = self.0.get(suite).and_then(|suite| {
            let all = suite.read().unwrap_or_else(PoisonError::into_inner);
            let nth = all.iter().rposition(|since| since.moment <= moment)?;
            Some((nth, Arc::clone(&all.get(nth)?.trust)))
        });
        known.unwrap_or_default()
    }

    /// What a suite trusts last.
    pub fn latest(&self, suite: usize) -> Arc<Trust> {
        self.at(suite, Timestamp::MAX).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{Bundle, Bundles};

    #[test]
    fn a_moment_is_judged_by_what_was_trusted_then() {
        let moments: Vec<Timestamp> = (0..4)
            .map(|second| Timestamp::from_second(second).unwrap())
            .collect();
        let nothing = Trust::default();
        let empty = Trust::from(Bundles::untagged(Bundle::default()));
        let trusted = Trusted::new([nothing.clone(), nothing]);
        trusted.change(1, moments[2], empty);
        let holds = |suite, moment: usize| {
            let (nth, trust) = trusted.at(suite, moments[moment]);
            (nth, trust.bundles.iter().count())
        };
        assert_eq!([holds(0, 0), holds(0, 3)], [(0, 0); 2]);
        assert_eq!([holds(1, 0), holds(1, 1)], [(0, 0); 2]);
        assert_eq!([holds(1, 2), holds(1, 3)], [(1, 1); 2]);
        assert_eq!(trusted.latest(1).bundles.iter().count(), 1);
        assert_eq!(holds(2, 3), (0, 0), "who is not there trusts nobody");
    }
}
