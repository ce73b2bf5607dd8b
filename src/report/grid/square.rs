//! One square of the grid: all addresses of a target, as one source found them.

use std::collections::HashMap;

use crate::code::Code;
use crate::expectation::Met;
use crate::matrix::Cell;
use crate::report::mark::{Mark, flaps, is_unsure};

/// One row and column: all addresses of the target.
pub(super) struct Square<'a> {
    /// The cell that stands for all: the gravest, and of those the most common.
    pub(super) foremost: &'a Cell,
    /// How many of all are not as expected.
    pub(super) broken: usize,
    /// How many addresses say what it says.
    same: usize,
    all: usize,
}

impl<'a> Square<'a> {
    pub(super) fn new(cells: &[&'a Cell]) -> Option<Self> {
        let mut said: HashMap<_, usize> = HashMap::new();
        for cell in cells {
            *said.entry(says(cell)).or_default() += 1;
        }
        let same = |cell: &Cell| said.get(&says(cell)).copied().unwrap_or_default();
        // Of equals the first one, and max_by_key takes the last.
        let foremost = cells
            .iter()
            .rev()
            .max_by_key(|cell| (gravity(cell), same(cell)))?;
        let broken = cells.iter().filter(|cell| cell.standing() == Met::Broken);
        Some(Self {
            foremost,
            broken: broken.count(),
            same: same(foremost),
            all: cells.len(),
        })
    }

    /// How many of all addresses say what the foremost says, where not all do.
    pub(super) fn share(&self) -> Option<(usize, usize)> {
        (self.same < self.all).then_some((self.same, self.all))
    }

    /// All that is to be seen of it. Squares in which it is the same are drawn the same.
    pub(super) fn drawn(&self) -> Drawn {
        let cell = self.foremost;
        Drawn {
            says: says(cell),
            is_unsure: is_unsure(cell),
            share: self.share(),
            attempts: flaps(cell).then_some((cell.attempts.agreeing, cell.attempts.total)),
        }
    }
}

/// What a square looks like.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Drawn {
    says: (Code, Mark, u8),
    is_unsure: bool,
    share: Option<(usize, usize)>,
    attempts: Option<(u32, u32)>,
}

fn says(cell: &Cell) -> (Code, Mark, u8) {
    (cell.code, Mark::of(cell), gravity(cell))
}

fn gravity(cell: &Cell) -> u8 {
    match cell.standing() {
        Met::Broken => 3,
        Met::InDoubt => 2,
        Met::Unjudged => 1,
        Met::Met => 0,
    }
}
