//! Cells by row and column. A square is all addresses of one target, seen by one source.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::code::Code;
use crate::expectation::Met;
use crate::matrix::{Cell, Matrix};
use crate::report::mark::{Mark, flaps, is_unsure};

/// All squares: a row for each source, in it a square for each target that was probed.
pub(super) struct Squares<'a> {
    pub(super) sources: Vec<&'a str>,
    pub(super) targets: Vec<&'a str>,
    pub(super) rows: Vec<BTreeMap<usize, Vec<&'a Cell>>>,
}

impl<'a> Squares<'a> {
    pub(super) fn of(matrix: &'a Matrix) -> Self {
        let mut sources = Names::default();
        let mut targets = Names::default();
        let mut rows: Vec<BTreeMap<usize, Vec<&Cell>>> = vec![];
        for target in &matrix.targets {
            targets.place(&target.name);
        }
        for cell in &matrix.cells {
            let (row, column) = (sources.place(&cell.from), targets.place(&cell.to));
            if row == rows.len() {
                rows.push(BTreeMap::new());
            }
            if let Some(row) = rows.get_mut(row) {
                row.entry(column).or_default().push(cell);
            }
        }
        Self {
            sources: sources.all,
            targets: targets.all,
            rows,
        }
    }
}

/// What a square shows: its gravest cell, and of those the most common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Face {
    pub(super) code: Code,
    pub(super) mark: Mark,
    pub(super) standing: usize,
    /// What other addresses say.
    pub(super) others: Vec<Code>,
    pub(super) unsure: bool,
    /// So many of so many addresses say so, where not all do; else so many of so many connections.
    pub(super) share: Option<(u32, u32)>,
}

impl Face {
    pub(super) fn of(cells: &[&Cell]) -> Option<Self> {
        let says = |cell: &Cell| (cell.code, Mark::of(cell), standing(cell));
        let mut said: HashMap<_, u32> = HashMap::new();
        for cell in cells {
            *said.entry(says(cell)).or_default() += 1;
        }
        let same = |cell: &Cell| said.get(&says(cell)).copied().unwrap_or_default();
        // Of equals the first one, and max_by_key takes the last.
        let gravest = cells.iter().rev();
        let cell = gravest.max_by_key(|cell| (standing(cell), same(cell)))?;
        let all = u32::try_from(cells.len()).unwrap_or(u32::MAX);
        let (code, mark, standing) = says(cell);
        let codes = cells.iter().map(|cell| cell.code);
        let others: BTreeSet<Code> = codes.filter(|other| *other != code).collect();
        Some(Self {
            code,
            mark,
            standing,
            others: others.into_iter().collect(),
            unsure: is_unsure(cell),
            share: match same(cell) < all {
                true => Some((same(cell), all)),
                false => flaps(cell).then_some((cell.attempts.agreeing, cell.attempts.total)),
            },
        })
    }
}

/// The names of [`Met`] in the page, the gravest last, and what they mean.
pub(super) const STANDINGS: [(&str, &str); 4] = [
    ("met", "as expected"),
    ("unjudged", "nothing expected"),
    ("doubt", "in doubt"),
    ("broken", "not as expected"),
];

/// The place in [`STANDINGS`].
pub(super) fn standing(cell: &Cell) -> usize {
    match cell.standing() {
        Met::Met => 0,
        Met::Unjudged => 1,
        Met::InDoubt => 2,
        Met::Broken => 3,
    }
}

/// Names in the order in which they first occur.
#[derive(Default)]
struct Names<'a> {
    all: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn place(&mut self, name: &'a str) -> usize {
        let next = self.all.len();
        let place = *self.places.entry(name).or_insert(next);
        if place == next {
            self.all.push(name);
        }
        place
    }
}
