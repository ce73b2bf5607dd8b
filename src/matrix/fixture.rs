//! Cells for tests.

use super::{Attempts, Cell, TimingMs};
use crate::code::{Code, Confidence, Kind};

/// A cell that was accepted as expected; a start for cells of tests.
pub(crate) fn cell(from: &str, to: &str, address: &str) -> Cell {
    Cell {
        from: from.into(),
        from_id: None,
        to: to.into(),
        address: address.into(),
        via: None,
        dialect: None,
        outcome: "accepted".into(),
        code: Code::Ok,
        peer: Some(Code::Ok),
        by: None,
        confidence: Confidence::Certain,
        candidates: vec![],
        evidence: vec![],
        follow_ups: vec![],
        expected: Some("OK".into()),
        met: Some(true),
        attempts: Attempts::alike(1),
        stage: "request".into(),
        tls: None,
        server: None,
        http: None,
        timing_ms: TimingMs::default(),
        place: None,
    }
}

/// Gives a cell another code, with the outcome that goes with it.
pub(crate) fn with_code(mut cell: Cell, code: Code, by: Option<&str>) -> Cell {
    let (outcome, by) = match code.kind() {
        Kind::Accepted => ("accepted", None),
        Kind::Rejected => ("rejected", Some(by.unwrap_or("peer").to_owned())),
        Kind::Unreachable => ("unreachable", None),
        Kind::Inconclusive => ("inconclusive", None),
    };
    cell.code = code;
    let is_heard = code.kind() != Kind::Unreachable && by.as_deref() != Some("probe");
    cell.peer = is_heard.then_some(code);
    cell.outcome = outcome.into();
    cell.by = by;
    cell
}
