//! A second run of the fixed matrix, in which everything has happened that a comparison must show.

use crate::code::{Code, Confidence};
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{Attempts, Cell, Matrix};
use crate::report::fixture::{finished, matrix};

/// What the fixed matrix has become.
pub(crate) fn after() -> Matrix {
    let first = matrix();
    let mut cells: Vec<Cell> = vec![];
    for old in first.cells.clone() {
        if old.to != "ghost" {
            cells.push(became(old));
        }
    }
    cells.extend(["sa/frontend", "sa/batch"].map(|source| cell(source, "cart", "10.0.2.1:8080")));
    let mut matrix = finished(cells);
    matrix.run.suites = first.run.suites;
    matrix.run.started_at = "2026-08-01T13:00:00Z".into();
    matrix.run.judged_at = "2026-08-01T13:00:00Z".into();
    for source in &mut matrix.sources {
        if source.name.starts_with("sa/") {
            let root = first.cells[0].server.clone().unwrap().root;
            source.root = root;
        }
    }
    matrix
}

fn became(old: Cell) -> Cell {
    let is_ours = old.from.starts_with("sa/");
    match (old.from.as_str(), old.to.as_str()) {
        (_, "api") if is_ours => under_new_root(refused(old)),
        (_, "legacy") if is_ours => over_tls13(refused(Cell {
            met: Some(true),
            ..old
        })),
        (_, "legacy") => over_tls13(old),
        (_, "payments") => restarted(with_new_leaf(old)),
        ("plaintext", "api") => broken(with_code(old, Code::PlaintextAccepted, None)),
        ("none", "partner") => Cell {
            confidence: Confidence::Certain,
            ..old
        },
        ("plaintext", "partner") => broken(with_code(old, Code::Silent, None)),
        ("rogue", "mallory") => Cell {
            met: Some(true),
            evidence: vec!["alert unknown_ca(48) \u{1b}[2J`@everyone` | <b>&amp;".into()],
            confidence: Confidence::Certain,
            candidates: vec![],
            ..with_code(old, Code::UnknownCa, None)
        },
        (_, "mallory") if is_ours => Cell {
            attempts: Attempts {
                total: 8,
                agreeing: 5,
                ..Attempts::default()
            },
            ..old
        },
        _ => old,
    }
}

fn refused(old: Cell) -> Cell {
    let mut new = broken(with_code(old, Code::UnknownCa, None));
    new.evidence = vec![
        "alert unknown_ca(48) after the handshake".into(),
        format!("our leaf is that of {}", new.from),
    ];
    new.http = None;
    if let Some(server) = &mut new.server {
        server.ca_hints = vec!["O=cluster.local, CN=root-2027".into()];
    }
    new
}

fn broken(mut cell: Cell) -> Cell {
    if cell.expected.is_some() {
        cell.met = Some(false);
    }
    cell
}

fn under_new_root(mut cell: Cell) -> Cell {
    if let Some(server) = &mut cell.server {
        server.chain[0].sha256 = "77".repeat(32);
        let root = server.root.as_mut().unwrap();
        root.spki_sha256 = "4b51".repeat(16);
        root.subject = "O=cluster.local, CN=root-2027".into();
    }
    cell
}

fn over_tls13(mut cell: Cell) -> Cell {
    if let Some(tls) = &mut cell.tls {
        tls.version = Some("1.3".into());
    }
    cell
}

fn with_new_leaf(mut cell: Cell) -> Cell {
    if let Some(server) = &mut cell.server {
        server.chain[0].sha256 = "88".repeat(32);
    }
    cell
}

fn restarted(mut cell: Cell) -> Cell {
    cell.address = cell.address.replace("10.0.0.", "10.0.7.");
    cell
}
