//! Whether one cell of one round is as it should be.

use std::collections::{BTreeSet, HashMap};

use crate::code::{Code, Kind};
use crate::expectation::Met;
use crate::matrix::{Cell, Matrix};

/// What was the case before.
#[derive(Clone, Debug, Default)]
pub struct Baseline(HashMap<(String, String), Before>);

/// What one source got from one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Accepted,
    Refused,
    /// Its addresses did not say the same, or nobody could tell.
    Mixed,
}

/// Whether a cell is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Met,
    Trouble(Trouble),
    Unjudged,
}

impl Standing {
    pub(super) fn is_judged(self) -> bool {
        self != Self::Unjudged
    }
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Somebody refuses, or takes, whom they should not.
    Broken,
    /// Nobody is there, or whoever is there is not able to answer: a restart looks so.
    Down,
    /// Nobody can tell.
    Open,
}

impl Baseline {
    /// From a result.
    pub fn of(matrix: &Matrix) -> Self {
        let mut all: HashMap<(String, String), Before> = HashMap::new();
        for cell in &matrix.cells {
            let before = match cell.code.kind() {
                Kind::Accepted => Before::Accepted,
                Kind::Rejected => Before::Refused,
                Kind::Unreachable | Kind::Inconclusive => Before::Mixed,
            };
            let known = all.entry(key(cell)).or_insert(before);
            if *known != before {
                *known = Before::Mixed;
            }
        }
        Self(all)
    }

    /// As the suite expects, else as before.
    pub(super) fn standing(&self, cell: &Cell) -> Standing {
        let before = self.0.get(&key(cell)).copied();
        let is_met = match (cell.standing(), before) {
            (Met::Met, _) => return Standing::Met,
            (Met::Broken, _) => false,
            (Met::InDoubt, _) => return Standing::Trouble(doubt(cell)),
            (Met::Unjudged, None | Some(Before::Mixed)) => return Standing::Unjudged,
            (Met::Unjudged, Some(Before::Accepted)) => cell.code.kind() == Kind::Accepted,
            (Met::Unjudged, Some(Before::Refused)) => cell.code.kind() == Kind::Rejected,
        };
        if is_met {
            return Standing::Met;
        }
        Standing::Trouble(match cell.code.kind() {
            Kind::Accepted | Kind::Rejected if is_down(cell) => Trouble::Down,
            Kind::Accepted | Kind::Rejected => Trouble::Broken,
            Kind::Unreachable | Kind::Inconclusive => doubt(cell),
        })
    }

    /// The cell should be accepted.
    pub(super) fn wants_acceptance(&self, cell: &Cell) -> bool {
        let expected = cell.expected.as_deref().map(|expected| {
            let mut words = expected.split('|');
            words.any(|word| {
                [Code::Ok, Code::PlaintextAccepted]
                    .iter()
                    .any(|code| code.as_str() == word)
            })
        });
        expected.unwrap_or_else(|| self.0.get(&key(cell)) == Some(&Before::Accepted))
    }

    /// Pairs of the baseline that were accepted and are not in this round.
    pub(super) fn missing(&self, cells: &[Cell]) -> Vec<(String, String)> {
        let here: BTreeSet<_> = cells.iter().map(key).collect();
        let mut missing: Vec<_> = (self.0.iter())
            .filter(|(pair, before)| **before == Before::Accepted && !here.contains(*pair))
            .map(|(pair, _)| pair.clone())
            .collect();
        missing.sort();
        missing
    }
}

fn key(cell: &Cell) -> (String, String) {
    (cell.from.clone(), cell.to.clone())
}

/// What a server on its way up or down may do, and no refusal of anybody: it is not there, or it goes
/// before it has come to our certificate.
pub(super) fn is_down(cell: &Cell) -> bool {
    let is_early = ["dns", "tcp", "starttls", "client_hello", "server_hello"];
    match cell.code.kind() {
        Kind::Unreachable => true,
        Kind::Inconclusive => {
            cell.code != Code::ProbeFault && is_early.contains(&cell.stage.as_str())
        }
        Kind::Rejected => cell.code == Code::UpstreamUnavailable,
        Kind::Accepted => false,
    }
}

fn doubt(cell: &Cell) -> Trouble {
    if is_down(cell) {
        Trouble::Down
    } else {
        Trouble::Open
    }
}
