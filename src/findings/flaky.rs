//! Cells whose attempts do not all say the same.

use super::faces;
use crate::code::{By, Code, Kind};
use crate::matrix::{Cell, Finding, Flake, Said, Severity, TargetSummary};

/// The finding for a target that accepts now and then.
pub(super) fn flaky(target: &TargetSummary, cells: &[&Cell]) -> Option<Finding> {
    let flaky: Vec<(&Cell, Flake)> = cells
        .iter()
        .filter_map(|cell| Some((*cell, cell.attempts.flake?)))
        .collect();
    if flaky.is_empty() {
        return None;
    }
    let several = target.addresses.len() > 1;
    let shown = flaky.iter().take(SHOWN);
    let mut lines: Vec<String> = shown
        .map(|(cell, flake)| line(cell, *flake, several))
        .collect();
    if flaky.len() > SHOWN {
        lines.push(format!("{} more cells do so", flaky.len() - SHOWN));
    }
    let is_expected = flaky.iter().any(|(cell, _)| cell.expected.is_some());
    Some(Finding {
        code: "FLAKY".into(),
        severity: if is_expected {
            Severity::Error
        } else {
            Severity::Warning
        },
        about: target.name.clone(),
        message: lines.join("; "),
        fix: "Behind one address several backends may stand (a load balancer, the address of a Service): probe each by its own address, and look for the one with another version, certificate, trusted roots or policy.".into(),
    })
}

/// `api refuses sa/frontend in 3 of 500 connections (0.6 %): UNKNOWN_CA by peer`
fn line(cell: &Cell, flake: Flake, several: bool) -> String {
    // What is rare is what is odd: to be accepted, where that is rare.
    let is_failure_odd = flake.failed <= flake.of / 2;
    let is_odd =
        |code: Code| code != Code::ProbeFault && (code.kind() == Kind::Accepted) != is_failure_odd;
    let odd: Vec<&Said> = cell
        .attempts
        .codes
        .iter()
        .filter(|said| is_odd(said.code))
        .collect();
    let all_by = |by: By| {
        odd.iter()
            .all(|said| said.by.as_deref() == Some(by.as_str()))
    };
    let Cell { from, to, .. } = cell;
    let what = if !is_failure_odd {
        format!("{to} accepts {from}")
    } else if all_by(By::Peer) {
        format!("{to} refuses {from}")
    } else if all_by(By::Probe) {
        format!("we refuse {to} as {from}")
    } else {
        format!("{to} fails {from}")
    };
    let at = if several {
        format!(" at {}", cell.address)
    } else {
        String::new()
    };
    let (count, share) = if is_failure_odd {
        (flake.failed, [flake.rate, flake.low, flake.high])
    } else {
        (
            flake.of - flake.failed,
            [1.0 - flake.rate, 1.0 - flake.high, 1.0 - flake.low],
        )
    };
    let [rate, low, high] = share.map(percent);
    let said: Vec<String> = odd.iter().map(|said| says(said, odd.len() > 1)).collect();
    let apart = faces::told_apart(&cell.attempts.faces, is_odd);
    format!(
        "{what}{at} in {count} of {} connections ({rate} %, with 95 % confidence {low} to {high} %): {}{}",
        flake.of,
        said.join(", "),
        apart.map(|words| format!("; {words}")).unwrap_or_default()
    )
}

fn says(said: &Said, with_count: bool) -> String {
    let by = said
        .by
        .as_ref()
        .map(|by| format!(" by {by}"))
        .unwrap_or_default();
    let times = match (with_count, said.count) {
        (false, _) => String::new(),
        (true, 1) => "once ".to_owned(),
        (true, count) => format!("{count} times "),
    };
    format!("{times}{}{by}", said.code)
}

/// A share in percent, with two digits after the point at the most.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// How many cells a message spells out.
const SHOWN: usize = 4;
