//! The marks of a cell: who refused whom, and whether that was expected. Readable without colour.

use super::page::Look;
use crate::code::{Confidence, Kind};
use crate::expectation::Met;
use crate::matrix::Cell;

/// What happened, in one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Mark {
    Accepted,
    RefusedByPeer,
    RefusedByProbe,
    Unreachable,
    Unknown,
}

impl Mark {
    pub(super) const ALL: [Self; 5] = [
        Self::Accepted,
        Self::RefusedByPeer,
        Self::RefusedByProbe,
        Self::Unreachable,
        Self::Unknown,
    ];

    pub(super) fn of(cell: &Cell) -> Self {
        match cell.code.kind() {
            Kind::Accepted => Self::Accepted,
            Kind::Rejected if cell.refused_by_peer() => Self::RefusedByPeer,
            Kind::Rejected if cell.refused_by_probe() => Self::RefusedByProbe,
            Kind::Unreachable => Self::Unreachable,
            // A refusal by nobody comes from a stored result that somebody changed.
            Kind::Rejected | Kind::Inconclusive => Self::Unknown,
        }
    }

    pub(super) fn sign(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Accepted, false) => "✓",
            (Self::Accepted, true) => "+",
            (Self::RefusedByPeer, false) => "✗",
            (Self::RefusedByPeer, true) => "x",
            (Self::RefusedByProbe, false) => "⊘",
            (Self::RefusedByProbe, true) => "#",
            (Self::Unreachable, false) => "∅",
            (Self::Unreachable, true) => "0",
            (Self::Unknown, _) => "?",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::RefusedByPeer => "the target refused us",
            Self::RefusedByProbe => "we refuse the target",
            Self::Unreachable => "no connection",
            Self::Unknown => "could not tell",
        }
    }
}

/// Stands before a cell that is not as expected.
pub(super) const BROKEN: &str = "!";
/// Stands before a cell of which nothing is expected, where of others something is.
pub(super) const UNJUDGED: &str = ".";
/// Stands behind a code that may have another cause.
pub(super) const UNSURE: &str = "~";
/// Stands where no probe was.
pub(super) const ABSENT: &str = "-";

/// Colour says whether a cell is as expected; what happened is the mark's to say.
pub(super) fn look(cell: &Cell) -> Look {
    match cell.standing() {
        Met::Met => Look::Good,
        Met::Broken => Look::Bad,
        Met::InDoubt => Look::Doubt,
        Met::Unjudged => Look::Plain,
    }
}

/// The code may have another cause, or not every connection said the same.
pub(super) fn is_unsure(cell: &Cell) -> bool {
    let guessed = cell.confidence != Confidence::Certain && cell.code.kind() != Kind::Inconclusive;
    guessed || flaps(cell)
}

/// Not every connection said the same.
pub(super) fn flaps(cell: &Cell) -> bool {
    cell.attempts.agreeing < cell.attempts.total
}

/// `497/500`: how many connections say what the cell says.
pub(super) fn share(cell: &Cell) -> String {
    format!("{}/{}", cell.attempts.agreeing, cell.attempts.total)
}

/// Somebody should read about this cell: nobody can tell, or it changes from one connection to the
/// next.
pub(super) fn is_doubtful(cell: &Cell) -> bool {
    let in_doubt = cell.standing() == Met::InDoubt || cell.code.kind() == Kind::Inconclusive;
    in_doubt || flaps(cell) || Mark::of(cell) == Mark::Unknown
}
