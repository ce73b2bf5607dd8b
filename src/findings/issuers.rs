//! Addresses of one target whose certificates do not come from the same CA.

use std::collections::{BTreeMap, BTreeSet};

use super::listed;
use crate::matrix::{Cell, Finding, Severity, TargetSummary, bounded};

/// The finding for addresses of one target whose certificates lead to different roots, or were issued
/// by different CAs under one root. Roots are told apart by their keys.
pub(super) fn differ(target: &TargetSummary, cells: &[&Cell]) -> Option<Finding> {
    let roots = by(cells, root);
    let (kind, severity, groups) = if roots.len() > 1 {
        ("lead to different roots", Severity::Warning, roots)
    } else {
        (
            "were issued by different CAs",
            Severity::Info,
            by(cells, issuer),
        )
    };
    if groups.len() < 2 {
        return None;
    }
    let parts: Vec<String> = groups
        .iter()
        .map(|(name, at)| format!("{name} at {}", listed(&at.iter().collect::<Vec<_>>())))
        .take(SHOWN)
        .collect();
    let name = &target.name;
    Some(Finding {
        code: "ISSUERS_DIFFER".into(),
        severity,
        about: name.clone(),
        message: format!(
            "The certificates at the addresses of {name} {kind}: {}",
            parts.join("; ")
        ),
        fix: "A rotation looks like this while it goes on. If none does, restart what still has the old certificate, or find out why it was not renewed.".into(),
    })
}

/// Addresses by what this says of the certificates there. One address that says several things, by
/// several cells, stands for all of them.
fn by<'a>(
    cells: &[&'a Cell],
    what: impl Fn(&Cell) -> Option<String>,
) -> BTreeMap<String, BTreeSet<&'a str>> {
    let mut at_address: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for cell in cells {
        at_address
            .entry(&cell.address)
            .or_default()
            .extend(what(cell));
    }
    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (address, said) in at_address.into_iter().filter(|(_, said)| !said.is_empty()) {
        let said = said.into_iter().collect::<Vec<_>>().join(" and ");
        groups.entry(said).or_default().insert(address);
    }
    groups
}

fn root(cell: &Cell) -> Option<String> {
    let server = cell.server.as_ref()?;
    let top = server.chain.last()?;
    Some(match &server.root {
        Some(root) => {
            let key: String = root.spki_sha256.chars().take(KEY).collect();
            format!("{:?} (key {key}…)", bounded(&root.subject, QUOTED))
        }
        None => format!("an unknown CA {:?}", bounded(&top.issuer, QUOTED)),
    })
}

fn issuer(cell: &Cell) -> Option<String> {
    let leaf = cell.server.as_ref()?.chain.first()?;
    Some(format!("{:?}", bounded(&leaf.issuer, QUOTED)))
}

/// How many kinds a message lists, and how much of each.
const SHOWN: usize = 4;
const QUOTED: usize = 200;
const KEY: usize = 16;
