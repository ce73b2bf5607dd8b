//! Changes of one kind become one group, with what all its cells share: likely the cause.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::matching::Changed;
use super::rules::{self, Why};
use super::{Change, Common, Group, Root, Says};
use crate::code::Code;
use crate::matrix::{Cell, Matrix, SourceSummary};

/// The groups, the gravest first.
pub(super) fn groups(changes: Vec<Changed<'_>>, before: &Matrix, after: &Matrix) -> Vec<Group> {
    let kind = |change: &Changed<'_>| {
        let says = |cell: Option<&Cell>| cell.map(|cell| says(cell, change.why));
        (
            change.class,
            change.why,
            says(change.before),
            says(change.after),
        )
    };
    let sources = (Sources::of(before), Sources::of(after));
    let mut groups = vec![];
    for alike in by(changes, kind) {
        for changes in by_cause(alike) {
            if let Some(group) = group(&changes, &sources) {
                groups.push(group);
            }
        }
    }
    groups.sort_by_key(|group| (group.class, group.why, Reverse(group.cells.len())));
    groups
}

fn says(cell: &Cell, why: Why) -> Says {
    let (code, by, peer, judgement) = rules::voice(cell);
    Says {
        code,
        by: by.map(|by| by.as_str().to_owned()),
        peer: peer.filter(|peer| *peer != code),
        judgement,
        expected: cell.expected.clone(),
        met: cell.expected.as_ref().and(cell.met),
        confidence: matches!(why, Why::LessSure | Why::Surer).then_some(cell.confidence),
    }
}

/// Targets that ask for other CAs refuse for another reason; where there are few such reasons, each is
/// a group.
fn by_cause(changes: Vec<Changed<'_>>) -> Vec<Vec<Changed<'_>>> {
    let causes: HashSet<Cause<'_>> = changes.iter().map(cause).collect();
    if (2..=CAUSES).contains(&causes.len()) {
        by(changes, cause)
    } else {
        vec![changes]
    }
}

/// What a refusal may rest on: the CA names that the server lists, or the issuer that we do not trust.
type Cause<'a> = (&'a [String], Option<&'a str>);

fn cause<'a>(change: &Changed<'a>) -> Cause<'a> {
    let cell = change.after.or(change.before);
    let is_about_trust = cell.is_some_and(|cell| {
        [Code::UnknownCa, Code::BadSignature, Code::CertRejected].contains(&cell.code)
    });
    let server = cell.and_then(|cell| cell.server.as_ref());
    match (cell, server) {
        (Some(cell), Some(server)) if is_about_trust && cell.refused_by_peer() => {
            (&server.ca_hints, None)
        }
        (Some(cell), Some(server)) if is_about_trust && cell.refused_by_probe() => {
            (&[], server.chain.last().map(|top| top.issuer.as_str()))
        }
        _ => (&[], None),
    }
}

fn group(changes: &[Changed<'_>], sources: &(Sources<'_>, Sources<'_>)) -> Option<Group> {
    let first = changes.first()?;
    let cells: Vec<(&Cell, &Changed<'_>)> = changes
        .iter()
        .filter_map(|change| Some((change.after.or(change.before)?, change)))
        .collect();
    let sources = if first.after.is_some() {
        &sources.1
    } else {
        &sources.0
    };
    let shown: Vec<&Cell> = cells.iter().map(|(cell, _)| *cell).collect();
    let in_common = common(&shown, sources);
    let known: HashSet<&str> = in_common.evidence.iter().map(String::as_str).collect();
    let rate = matches!(first.why, Why::FlapsMore | Why::FlapsLess);
    let change = |(cell, change): &(&Cell, &Changed<'_>)| Change {
        from: cell.from.clone(),
        to: cell.to.clone(),
        address: cell.address.clone(),
        address_before: (change.before.map(|before| &before.address))
            .filter(|address| **address != cell.address)
            .cloned(),
        attempts_before: change
            .before
            .filter(|_| rate)
            .map(|cell| cell.attempts.clone()),
        attempts_after: change
            .after
            .filter(|_| rate)
            .map(|cell| cell.attempts.clone()),
        evidence: (cell
            .evidence
            .iter()
            .filter(|line| !known.contains(line.as_str())))
        .cloned()
        .collect(),
    };
    Some(Group {
        class: first.class,
        why: first.why,
        before: first.before.map(|cell| says(cell, first.why)),
        after: first.after.map(|cell| says(cell, first.why)),
        sources: each_once(shown.iter().map(|cell| cell.from.as_str())),
        targets: each_once(shown.iter().map(|cell| cell.to.as_str())),
        in_common: in_common.clone(),
        cells: cells.iter().map(change).collect(),
    })
}

/// What all of these cells share.
fn common(cells: &[&Cell], sources: &Sources<'_>) -> Common {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for cell in cells {
        let lines: HashSet<&str> = cell.evidence.iter().map(String::as_str).collect();
        for line in lines {
            *counts.entry(line).or_default() += 1;
        }
    }
    let first = cells.first().map_or(&[][..], |cell| &cell.evidence);
    let mut evidence: Vec<String> = first.to_vec();
    evidence.retain(|line| counts.get(line.as_str()) == Some(&cells.len()));
    let server_root = |cell: &&Cell| cell.server.as_ref()?.root.as_ref().map(Root::from);
    Common {
        evidence,
        ca_hints: shared(cells, |cell| hints(cell))
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        server_root: shared(cells, server_root),
        source_root: shared(cells, |cell| sources.root(cell)),
    }
}

fn hints(cell: &Cell) -> Option<BTreeSet<&String>> {
    Some(cell.server.as_ref()?.ca_hints.iter().collect())
}

/// What every cell has, where it is the same for all.
fn shared<'a, T: PartialEq>(cells: &[&'a Cell], of: impl Fn(&&'a Cell) -> Option<T>) -> Option<T> {
    let mut all = cells.iter().map(of);
    let first = all.next()??;
    all.all(|other| other.as_ref() == Some(&first))
        .then_some(first)
}

/// Under which root each source's certificates are.
struct Sources<'a>(HashMap<&'a str, Vec<&'a SourceSummary>>);

impl<'a> Sources<'a> {
    fn of(matrix: &'a Matrix) -> Self {
        let mut by_name: HashMap<&str, Vec<&SourceSummary>> = HashMap::new();
        for source in &matrix.sources {
            by_name.entry(&source.name).or_default().push(source);
        }
        Self(by_name)
    }

    /// The one root of this cell's source, where we know it.
    fn root(&self, cell: &Cell) -> Option<Root> {
        let mut roots = self.0.get(cell.from.as_str())?.iter();
        let first = roots.next()?.root.as_ref().map(Root::from)?;
        let is_it = |source: &&SourceSummary| {
            let root = source.root.as_ref();
            root.is_some_and(|root| root.spki_sha256 == first.spki_sha256)
        };
        roots.all(is_it).then_some(first)
    }
}

impl From<&crate::matrix::Certificate> for Root {
    fn from(certificate: &crate::matrix::Certificate) -> Self {
        Self {
            spki_sha256: certificate.spki_sha256.clone(),
            subject: certificate.subject.clone(),
        }
    }
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashSet::new();
    let new = names.filter(|name| seen.insert(*name));
    new.map(str::to_owned).collect()
}

/// Things by a key, in the order in which the keys first occur.
pub(super) fn by<T, K: Eq + std::hash::Hash>(things: Vec<T>, key: impl Fn(&T) -> K) -> Vec<Vec<T>> {
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

/// The most groups that one kind of change is split into.
const CAUSES: usize = 8;
