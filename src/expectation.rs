//! A verdict against what a suite expects: met, broken, or in doubt. Pure.

use crate::code::{By, Outcome};
use crate::suite::Wanted;
use crate::verdict::Verdict;

/// Whether a cell is as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// As expected.
    Met,
    /// Not as expected.
    Broken,
    /// Something is expected, and nobody can tell.
    InDoubt,
    /// Nothing is expected.
    Unjudged,
}

/// Compares a verdict, and our opinion of the server, with what is wanted; any one of it will do.
pub fn compare(verdict: &Verdict, we_distrust: bool, wanted: &[Wanted]) -> Met {
    if wanted.is_empty() {
        return Met::Unjudged;
    }
    let outcome = verdict.outcome();
    let is_met = wanted.iter().any(|wanted| match wanted {
        Wanted::Code(code) => *code == verdict.code(),
        Wanted::Rejected => outcome == Outcome::Rejected(By::Peer),
        Wanted::Distrusted => we_distrust || outcome == Outcome::Rejected(By::Probe),
    });
    match outcome {
        _ if is_met => Met::Met,
        Outcome::Inconclusive => Met::InDoubt,
        Outcome::Accepted | Outcome::Rejected(_) | Outcome::Unreachable => {
            // Among several causes that fit, one may be the expected one.
            let fits = |code| wanted.contains(&Wanted::Code(code));
            if verdict.candidates.iter().copied().any(fits) {
                Met::InDoubt
            } else {
                Met::Broken
            }
        }
    }
}
