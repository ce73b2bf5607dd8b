//! Which cell of the one result is which of the other. Addresses may have changed: replicas come back
//! with others.

use std::collections::{HashMap, HashSet};

use super::rules::{self, Class, Why, judge};
use crate::matrix::{Cell, Matrix};

/// A cell that changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed<'a> {
    pub(super) class: Class,
    pub(super) why: Why,
    pub(super) before: Option<&'a Cell>,
    pub(super) after: Option<&'a Cell>,
}

/// The cells that changed, in the order of the first result and then of the second, and how many were
/// compared.
pub(super) fn changes<'a>(before: &'a Matrix, after: &'a Matrix) -> (Vec<Changed<'a>>, usize) {
    let there = Names::of(before);
    let here = Names::of(after);
    let mut changes = vec![];
    let mut compared = 0;
    for (was, is) in rows(before, after) {
        let is_pair_in_both = !was.is_empty() && !is.is_empty();
        let Paired { pairs, gone, new } = pair_up(was, is);
        compared += pairs.len();
        for (one, other) in pairs {
            if let Some((class, why)) = judge(one, other) {
                changes.push(Changed {
                    class,
                    why,
                    before: Some(one),
                    after: Some(other),
                });
            }
        }
        let absent = |cell: &Cell, elsewhere: &Names<'_>, matrix: &Matrix| {
            if matrix.run.interrupted {
                Why::Interrupted
            } else if is_pair_in_both {
                Why::AddressAbsent
            } else if !elsewhere.targets.contains(cell.to.as_str()) {
                Why::TargetAbsent
            } else if !elsewhere.sources.contains(cell.from.as_str()) {
                Why::SourceAbsent
            } else {
                Why::PairAbsent
            }
        };
        changes.extend(gone.into_iter().map(|cell| Changed {
            class: Class::Vanished,
            why: absent(cell, &here, after),
            before: Some(cell),
            after: None,
        }));
        changes.extend(new.into_iter().map(|cell| Changed {
            class: Class::New,
            why: absent(cell, &there, before),
            before: None,
            after: Some(cell),
        }));
    }
    (changes, compared)
}

/// Who and what a result speaks of.
struct Names<'a> {
    sources: HashSet<&'a str>,
    targets: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(matrix: &'a Matrix) -> Self {
        Self {
            sources: matrix.cells.iter().map(|cell| cell.from.as_str()).collect(),
            targets: matrix.cells.iter().map(|cell| cell.to.as_str()).collect(),
        }
    }
}

type Row<'a> = (Vec<&'a Cell>, Vec<&'a Cell>);

/// The cells of both by source and target, in the order in which these first occur.
fn rows<'a>(before: &'a Matrix, after: &'a Matrix) -> Vec<Row<'a>> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut rows: Vec<Row<'a>> = vec![];
    let sides = [(before, false), (after, true)];
    for (matrix, is_after) in sides {
        for cell in &matrix.cells {
            let place = *places.entry((&cell.from, &cell.to)).or_insert(rows.len());
            if place == rows.len() {
                rows.push((vec![], vec![]));
            }
            if let Some((was, is)) = rows.get_mut(place) {
                if is_after { is } else { was }.push(cell);
            }
        }
    }
    rows
}

/// What belongs together, and what is left over.
struct Paired<'a> {
    pairs: Vec<(&'a Cell, &'a Cell)>,
    gone: Vec<&'a Cell>,
    new: Vec<&'a Cell>,
}

/// By address first, in order where one address stands there twice; then by what is said; then in order.
fn pair_up<'a>(was: Vec<&'a Cell>, is: Vec<&'a Cell>) -> Paired<'a> {
    let mut pairs = vec![];
    let (was, is) = pair_by(was, is, |cell| cell.address.as_str(), &mut pairs);
    let (was, is) = pair_by(was, is, |cell| (rules::voice(cell), cell.met), &mut pairs);
    let (gone, new) = pair_by(was, is, |_| (), &mut pairs);
    Paired { pairs, gone, new }
}

fn pair_by<'a, K: Eq + std::hash::Hash>(
    was: Vec<&'a Cell>,
    is: Vec<&'a Cell>,
    key: impl Fn(&'a Cell) -> K,
    pairs: &mut Vec<(&'a Cell, &'a Cell)>,
) -> (Vec<&'a Cell>, Vec<&'a Cell>) {
    // Places in `is`, the next one last.
    let mut open: HashMap<K, Vec<usize>> = HashMap::new();
    for (nth, cell) in is.iter().enumerate().rev() {
        open.entry(key(cell)).or_default().push(nth);
    }
    let mut taken = HashSet::new();
    let mut left = vec![];
    for cell in was {
        let place = open.get_mut(&key(cell)).and_then(Vec::pop);
        match place.and_then(|place| Some((place, is.get(place)?))) {
            Some((place, other)) => {
                taken.insert(place);
                pairs.push((cell, *other));
            }
            None => left.push(cell),
        }
    }
    let rest = is.into_iter().enumerate();
    let rest = rest.filter(|(nth, _)| !taken.contains(nth));
    (left, rest.map(|(_, cell)| cell).collect())
}
