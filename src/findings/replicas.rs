//! Addresses of one target that do not say the same.

use super::{by_name, faces, listed};
use crate::code::Kind;
use crate::matrix::{Cell, Finding, Severity, TargetSummary};
use crate::suite::Mode;

/// The findings for addresses of one target whose verdicts on the same source differ, or whose modes
/// do.
pub(super) fn differ(target: &TargetSummary, cells: &[&Cell]) -> Vec<Finding> {
    let mut found = vec![];
    let mut splits: Vec<(Split, Vec<&str>)> = vec![];
    for (source, row) in by_name(cells, |cell| &cell.from) {
        let split = split(&row);
        if split.len() < 2 {
            continue;
        }
        match splits.iter_mut().find(|(known, _)| *known == split) {
            Some((_, sources)) => sources.push(source),
            None => splits.push((split, vec![source])),
        }
    }
    let name = &target.name;
    let presented = faces::differences(cells);
    if splits.is_empty() && !presented.is_empty() {
        found.push(Finding {
            code: "REPLICAS_PRESENT_DIFFERENTLY".into(),
            severity: Severity::Warning,
            about: name.clone(),
            message: format!(
                "The addresses of {name} say the same and do not present the same: {}",
                presented.join("; ")
            ),
            fix: "Find out whether a rollout or a rotation is on its way; where none is, compare the odd addresses with the others.".into(),
        });
    }
    if !splits.is_empty() {
        let shown = splits.iter().take(SPLITS);
        let mut lines: Vec<String> = shown.map(|(split, from)| sentence(split, from)).collect();
        if splits.len() > SPLITS {
            lines.push("other sources differ in other ways".into());
        }
        found.push(Finding {
            code: "REPLICAS_DIFFER".into(),
            severity: severity(cells, &splits),
            about: name.clone(),
            message: format!(
                "The addresses of {name} do not say the same: {}{}",
                lines.join("; "),
                match presented.as_slice() {
                    [] => String::new(),
                    facts => format!(". They do not present the same, either: {}", facts.join("; ")),
                }
            ),
            fix: "Compare the odd addresses with the others: version, certificate, trusted roots, policy. A rollout or a rotation that is half done looks like this.".into(),
        });
    }
    found.extend(modes_differ(target, cells));
    found
}

fn modes_differ(target: &TargetSummary, cells: &[&Cell]) -> Option<Finding> {
    let mut by_mode: Vec<(Mode, Vec<&str>)> = vec![];
    for (address, mode, _) in super::mode::by_address(cells) {
        match by_mode.iter_mut().find(|(known, _)| *known == mode) {
            Some((_, addresses)) => addresses.push(address),
            None => by_mode.push((mode, vec![address])),
        }
    }
    // An address whose mode cannot be told does not contradict the others.
    by_mode.retain(|(mode, _)| *mode != Mode::Unknown);
    if by_mode.len() < 2 {
        return None;
    }
    let name = &target.name;
    let parts: Vec<String> = by_mode
        .iter()
        .map(|(mode, at)| format!("{} at {}", mode.as_str(), listed(at)))
        .collect();
    Some(Finding {
        code: "MODES_DIFFER".into(),
        severity: Severity::Error,
        about: name.clone(),
        message: format!("{name} has no single mode: {}", parts.join(" but ")),
        fix: "Look for replicas without a proxy, and for policies that select only some of them."
            .into(),
    })
}

/// What is said, and at which addresses.
type Split = Vec<(String, Vec<String>)>;

/// One row, by what is said; the most common first.
fn split(row: &[&Cell]) -> Split {
    let mut split: Split = vec![];
    for (address, here) in by_name(row, |cell| &cell.address) {
        // One address may stand in a row twice, for two suites; then both codes are what it says.
        let mut codes: Vec<String> = here.iter().map(|cell| says(cell)).collect();
        codes.sort();
        codes.dedup();
        let said = codes.join("/");
        match split.iter_mut().find(|(known, _)| *known == said) {
            Some((_, addresses)) => addresses.push(address.to_owned()),
            None => split.push((said, vec![address.to_owned()])),
        }
    }
    split.sort_by_key(|(_, addresses)| std::cmp::Reverse(addresses.len()));
    split
}

fn says(cell: &Cell) -> String {
    if cell.refused_by_probe() {
        format!("{} (we refuse)", cell.code)
    } else {
        cell.code.to_string()
    }
}

fn sentence(split: &Split, sources: &[&str]) -> String {
    format!("{}: {}", listed(sources), parts(split))
}

/// What is said or presented where, the most common first.
pub(super) fn parts(split: &[(String, Vec<String>)]) -> String {
    let shown = split.iter().take(PARTS).enumerate();
    let mut parts: Vec<String> = shown
        .map(|(nth, (said, at))| match at.len() {
            // The odd ones are named; of the others the number is enough.
            count if nth == 0 && count > 3 => format!("{said} at {count} addresses"),
            _ => format!("{said} at {}", listed(at)),
        })
        .collect();
    if split.len() > PARTS {
        parts.push(format!("{} more", split.len() - PARTS));
    }
    parts.join(" but ")
}

/// An error where the outcome differs, a warning where only its name does or where one is in doubt.
fn severity(cells: &[&Cell], splits: &[(Split, Vec<&str>)]) -> Severity {
    let differs = splits
        .iter()
        .flat_map(|(_, sources)| sources)
        .any(|source| {
            let row = cells.iter().filter(|cell| cell.from == *source);
            let mut outcomes = row
                .filter(|cell| cell.code.kind() != Kind::Inconclusive)
                .map(|cell| (cell.code.kind(), cell.by.as_deref()));
            let first = outcomes.next();
            outcomes.any(|other| Some(other) != first)
        });
    if differs {
        Severity::Error
    } else {
        Severity::Warning
    }
}

/// How many sides of one difference a message lists.
const PARTS: usize = 6;
/// How many kinds of difference a message lists.
const SPLITS: usize = 4;
