//! Which cells share a paragraph, and what they have in common.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::page::{Line, Look};
use crate::code::{Code, Confidence, Kind};
use crate::expectation::Met;
use crate::matrix::Cell;

/// Cells that share a paragraph: each source with each place.
pub(super) struct Group<'a> {
    pub(super) first: &'a Cell,
    pub(super) cells: Vec<&'a Cell>,
    pub(super) sources: Vec<&'a str>,
    /// Targets with the addresses it is about.
    pub(super) places: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Group<'a> {
    pub(super) fn of(cell: &'a Cell) -> Self {
        Self {
            first: cell,
            cells: vec![cell],
            sources: vec![&cell.from],
            places: vec![(&cell.to, vec![&cell.address])],
        }
    }

    pub(super) fn who(&self) -> Line {
        let line = match self.sources.as_slice() {
            few @ ([_] | [_, _]) => Line::new().names(Look::Strong, few.iter().copied(), ", "),
            many => Line::new().name(&format!("{} sources", many.len())),
        };
        let line = line.say(" -> ");
        match self.places.as_slice() {
            [(target, addresses)] => {
                let line = line.name(target).say(" (");
                match addresses.as_slice() {
                    few @ ([_] | [_, _]) => line.names(Look::Plain, few.iter().copied(), ", "),
                    many => line.say(&format!("{} addresses", many.len())),
                }
                .say(")")
            }
            few @ [_, _] => line.names(Look::Strong, few.iter().map(|(name, _)| *name), ", "),
            many => line.name(&format!("{} targets", many.len())),
        }
    }

    /// Who is meant, where the first line only counts them.
    pub(super) fn lists(&self) -> Vec<Line> {
        let mut lines = vec![];
        let names = |title: &str, names: &[&str]| {
            let line = Line::new().add(Look::Faint, title);
            line.names(Look::Plain, names.iter().copied(), ", ")
        };
        if self.sources.len() > 2 {
            lines.push(names("from ", &self.sources));
        }
        match self.places.as_slice() {
            [(_, addresses)] if addresses.len() <= 2 => {}
            [(_, addresses)] => lines.push(names("at ", addresses)),
            many => {
                let mut line = Line::new().add(Look::Faint, "to ");
                for (nth, (target, addresses)) in many.iter().enumerate() {
                    line = line.say(if nth == 0 { "" } else { ", " }).say(target);
                    // Of many targets the names tell enough, where each has one address.
                    if many.len() > FEW && addresses.len() == 1 {
                        continue;
                    }
                    let at = addresses.iter().copied();
                    line = line.say(" (").names(Look::Plain, at, ", ").say(")");
                }
                lines.push(line);
            }
        }
        lines
    }

    /// What all have in common, then what only some have.
    pub(super) fn evidence(&self) -> Vec<Line> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for cell in &self.cells {
            let lines: HashSet<&str> = cell.evidence.iter().map(String::as_str).collect();
            for line in lines {
                *counts.entry(line).or_default() += 1;
            }
        }
        let is_common = |line: &str| counts.get(line) == Some(&self.cells.len());
        let common = self.first.evidence.iter().filter(|line| is_common(line));
        let mut lines: Vec<Line> = common.map(|line| Line::new().say(line)).collect();
        let most = EVIDENCE.min(lines.len() + UNCOMMON);
        for cell in &self.cells {
            for line in cell.evidence.iter().filter(|line| !is_common(line)) {
                let whose = if self.sources.len() > 1 {
                    &cell.from
                } else {
                    &cell.address
                };
                lines.push(Line::new().say(whose).say(": ").say(line));
            }
        }
        let surplus = lines.len().saturating_sub(most);
        if surplus > 0 {
            lines.truncate(most);
            let more = format!("and {surplus} more facts, which the JSON result holds");
            lines.push(Line::new().add(Look::Faint, &more));
        }
        lines
    }
}

/// Puts together what reads the same: first the addresses of a target, then the sources, then for what
/// is left the targets.
pub(super) fn groups<'a>(cells: &[&'a Cell]) -> Vec<Group<'a>> {
    let same = |cell: &'a Cell| Same::of(cell);
    let rows = by(cells.iter().copied(), |cell| {
        (cell.from.as_str(), cell.to.as_str(), same(cell))
    });
    let rows = rows.into_iter().filter_map(|cells| {
        let mut group = Group::of(cells.first()?);
        let addresses = cells.iter().map(|cell| cell.address.as_str()).collect();
        group.places = vec![(&group.first.to, addresses)];
        group.cells = cells;
        Some(group)
    });
    let by_sources = by(rows, |group| (group.places.clone(), same(group.first)));
    let by_sources = by_sources
        .into_iter()
        .filter_map(|groups| merge(groups, |all, group| all.sources.extend(group.sources)));
    let by_targets = by(by_sources, |group| {
        let places = (group.sources.len() > 1).then(|| group.places.clone());
        (group.sources.clone(), same(group.first), places)
    });
    let by_targets = by_targets
        .into_iter()
        .filter_map(|groups| merge(groups, |all, group| all.places.extend(group.places)));
    by_targets.collect()
}

/// Open doors come first, since nothing else tells of them; then what most cells share.
pub(super) fn by_importance(mut groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let is_open =
        |cell: &Cell| cell.standing() == Met::Broken && cell.code.kind() == Kind::Accepted;
    groups.sort_by_key(|group| (!is_open(group.first), Reverse(group.cells.len())));
    groups
}

fn merge<'a>(
    groups: Vec<Group<'a>>,
    take: impl Fn(&mut Group<'a>, Group<'a>),
) -> Option<Group<'a>> {
    let mut groups = groups.into_iter();
    let mut all = groups.next()?;
    for mut group in groups {
        all.cells.append(&mut group.cells);
        take(&mut all, group);
    }
    Some(all)
}

/// What makes two paragraphs read the same.
#[derive(PartialEq, Eq, Hash)]
struct Same<'a> {
    code: Code,
    by: Option<&'a str>,
    expected: Option<&'a str>,
    met: Option<bool>,
    confidence: Confidence,
    candidates: &'a [Code],
    attempts: (u32, u32),
    stage: &'a str,
    judgement: Option<(Code, Option<&'a str>)>,
}

impl<'a> Same<'a> {
    fn of(cell: &'a Cell) -> Self {
        let judgement = cell
            .server
            .as_ref()
            .filter(|server| server.judgement != Code::Ok);
        Self {
            code: cell.code,
            by: cell.by.as_deref(),
            expected: cell.expected.as_deref(),
            met: cell.met,
            confidence: cell.confidence,
            candidates: &cell.candidates,
            attempts: (cell.attempts.total, cell.attempts.agreeing),
            stage: if cell.code.kind() == Kind::Inconclusive {
                &cell.stage
            } else {
                ""
            },
            judgement: judgement.map(|server| {
                (
                    server.judgement,
                    server.evidence.first().map(String::as_str),
                )
            }),
        }
    }
}

/// Things by a key, in the order in which the keys first occur.
pub(super) fn by<T, K: Eq + Hash>(
    things: impl Iterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<Vec<T>> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut all: Vec<Vec<T>> = vec![];
    for thing in things {
        let place = *places.entry(key(&thing)).or_insert(all.len());
        match all.get_mut(place) {
            Some(same) => same.push(thing),
            None => all.push(vec![thing]),
        }
    }
    all
}

/// Up to so many targets are told with the address of each.
const FEW: usize = 4;
/// How much evidence a paragraph shows, and how much that is not common to all its cells.
const EVIDENCE: usize = 12;
const UNCOMMON: usize = 4;
