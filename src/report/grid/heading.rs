//! The names above the columns.

use std::ops::Range;

use super::labels::Labels;
use crate::report::page::{Line, Look};
use crate::report::text::width;

/// How columns are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    /// Each above its column.
    Straight,
    /// Each on a line of its own, from which a line leads down to its column.
    Stairs,
    /// By number, with a key.
    Numbered,
}

/// The columns of one layout.
pub(super) struct Columns<'a> {
    pub(super) heading: Heading,
    pub(super) names: Labels<'a>,
    /// What each takes, and how many blanks stand before it.
    pub(super) widths: Vec<usize>,
    pub(super) gap: usize,
}

impl Columns<'_> {
    /// The lines above one block of columns, of which the first begins at `left`.
    pub(super) fn lines(&self, block: &Range<usize>, left: usize, ascii: bool) -> Vec<Line> {
        let columns = self.signs(block, left);
        match self.heading {
            Heading::Straight | Heading::Numbered => {
                let line =
                    columns.fold(Line::new(), |line, (name, sign)| line.pad(sign).name(name));
                vec![line]
            }
            Heading::Stairs => stairs(&columns.collect::<Vec<_>>(), ascii),
        }
    }

    /// How many columns must stand free before the first one of each of these blocks, for the names.
    pub(super) fn reach(&self, blocks: &[Range<usize>]) -> usize {
        match self.heading {
            Heading::Straight | Heading::Numbered => 0,
            Heading::Stairs => {
                let signs = blocks.iter().flat_map(|block| self.signs(block, 0));
                let reach = signs.map(|(name, sign)| (width(name) + 1).saturating_sub(sign));
                reach.max().unwrap_or_default()
            }
        }
    }

    /// The names of a block, and where the sign of each column stands, behind the mark of what is not as
    /// expected.
    fn signs(&self, block: &Range<usize>, left: usize) -> impl Iterator<Item = (&str, usize)> {
        let names = self.names.short.get(block.clone()).unwrap_or_default();
        let widths = self.widths.get(block.clone()).unwrap_or_default();
        let gap = self.gap;
        let signs = widths.iter().scan(left, move |edge, wide| {
            let sign = *edge + gap + 1;
            *edge += gap + wide;
            Some(sign)
        });
        names.iter().map(String::as_str).zip(signs)
    }
}

/// The last name comes first, so that no line crosses a name.
fn stairs(columns: &[(&str, usize)], ascii: bool) -> Vec<Line> {
    let (corner, down) = if ascii { ("+", "|") } else { ("┐", "│") };
    let step = |nth: usize, (name, sign): (&str, usize)| {
        let line = Line::new().pad(sign.saturating_sub(width(name) + 1));
        let line = line.name(name).pad(sign).add(Look::Faint, corner);
        let behind = columns.iter().skip(nth + 1);
        behind.fold(line, |line, (_, sign)| {
            line.pad(*sign).add(Look::Faint, down)
        })
    };
    let columns = columns.iter().copied().enumerate().rev();
    columns.map(|(nth, column)| step(nth, column)).collect()
}
