//! The grid without words: a sign and a letter a square, and at the edges how many squares of a row and
//! of a column are not as expected.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;

use super::heading::{Columns, Heading};
use super::labels::{Labels, Names};
use super::{Grid, MOST_ROWS, Shape, WIDEST_HEADING, blocks, end, rule};
use crate::code::Code;
use crate::report::mark::{ABSENT, BROKEN, Mark, UNSURE, is_unsure, look};
use crate::report::page::{Line, Look, Page};
use crate::report::text::width;

/// Where everything stands in a grid without words.
pub(super) struct Layout<'a> {
    letters: HashMap<Code, char>,
    rows: Labels<'a>,
    columns: Columns<'a>,
    blocks: Vec<Range<usize>>,
    /// Where the first column begins.
    left: usize,
    /// How many of each row, and of each column, are not as expected.
    by_row: Vec<usize>,
    by_column: Vec<usize>,
}

impl Layout<'_> {
    /// One sees all of it without scrolling.
    pub(super) fn is_one_screen(&self) -> bool {
        self.blocks.len() == 1 && self.rows.short.len() <= MOST_ROWS
    }
}

impl<'a> Grid<'a> {
    pub(super) fn layout(&self, width: usize, ascii: bool) -> Layout<'a> {
        // A letter for each code that occurs; acceptance needs none.
        let codes = self.codes_seen().into_keys();
        let codes = codes.filter(|code| *code != Code::Ok);
        let letters: HashMap<Code, char> = codes.zip(('a'..='z').chain('A'..='Z')).collect();
        let one = std::slice::from_ref;
        let by_row = self
            .rows
            .iter()
            .map(|row| self.broken(one(row), &self.columns));
        let by_row: Vec<usize> = by_row.collect();
        let by_column = self.columns.iter();
        let by_column = by_column.map(|column| self.broken(&self.rows, one(column)));
        let by_column: Vec<usize> = by_column.collect();
        // The sum of a column stands in it, behind the place of its mark.
        let sums = by_column.iter().map(|broken| 1 + digits(*broken));
        let content = sums.max().unwrap_or_default();
        let content = content.max(self.content(&letters, ascii));
        let tally = by_row.iter().max().map_or(0, |most| 3 + digits(*most));
        let room = width.saturating_sub(tally);
        // Names give way where all columns fit beside shorter ones.
        let left_over = room.saturating_sub(content * self.columns.len());
        let limit = match left_over.min(width / 4) {
            enough @ NARROWEST_LABEL.. => enough,
            _ => width / 4,
        };
        let rows = Labels::new(&self.rows, limit, ascii);
        let (columns, blocks, left) = self.dense(room, content, rows.width, ascii);
        Layout {
            blocks,
            letters,
            rows,
            columns,
            left,
            by_row,
            by_column,
        }
    }

    /// How columns without words are laid out, and where the first one begins: with names above them
    /// where these find room, with stairs of names where these are not too high, else by number.
    fn dense(
        &self,
        room: usize,
        content: usize,
        label: usize,
        ascii: bool,
    ) -> (Columns<'a>, Vec<Range<usize>>, usize) {
        let of = |heading, names: Labels<'a>, gap| {
            let taken = names.short.iter().map(|name| match heading {
                Heading::Straight | Heading::Numbered => content.max(1 + width(name)),
                Heading::Stairs => content,
            });
            let columns = Columns {
                heading,
                widths: taken.collect(),
                names,
                gap,
            };
            // Names reach the further to the left the nearer a column is to the left edge.
            let free = blocks(&columns, room.saturating_sub(label)).unwrap_or_default();
            let left = label.max(columns.reach(&free));
            let blocks = blocks(&columns, room.saturating_sub(left)).unwrap_or_default();
            let left = label.max(columns.reach(&blocks));
            (columns, blocks, left)
        };
        let straight = Labels::new(&self.columns, WIDEST_HEADING, ascii);
        let straight = of(Heading::Straight, straight, 1);
        if straight.1.len() == 1 {
            return straight;
        }
        if self.columns.len() <= MOST_STAIRS.min(2 * self.rows.len() + 4) {
            for (gap, limit, most) in [
                (1, WIDEST_HEADING, 1),
                (0, WIDEST_HEADING, 1),
                (0, label, 2),
            ] {
                let names = Labels::new(&self.columns, limit, ascii);
                let stairs = of(Heading::Stairs, names, gap);
                let is_in_room = stairs.2 <= room / 2 && !stairs.1.is_empty();
                if is_in_room && stairs.1.len() <= most {
                    return stairs;
                }
            }
        }
        let numbers: Vec<String> = (1..=self.columns.len()).map(|n| n.to_string()).collect();
        let numbered = |gap| of(Heading::Numbered, Labels::verbatim(numbers.clone()), gap);
        match numbered(1) {
            loose if loose.1.len() == 1 => loose,
            _ => numbered(0),
        }
    }

    /// With a sign and a letter a square.
    pub(super) fn in_letters(
        &self,
        page: &mut Page<'_, impl Write>,
        layout: &Layout<'a>,
    ) -> io::Result<()> {
        let Layout {
            letters,
            rows,
            columns,
            left,
            ..
        } = layout;
        for (nth, block) in layout.blocks.iter().enumerate() {
            if nth > 0 {
                page.blank()?;
            }
            let is_last = nth + 1 == layout.blocks.len();
            self.head(page, columns, block, *left)?;
            let edge = end(columns, block, *left);
            for ((row, label), broken) in self.rows.iter().zip(&rows.short).zip(&layout.by_row) {
                let of = |column: &Names<'a>| self.letter(row, column, letters, page.ascii);
                let mut line = self.row(Line::new().say(label), *left, columns, block, of);
                if is_last && *broken > 0 {
                    let sum = format!("{BROKEN}{broken}");
                    line = line.pad(edge + 2).add(Look::Bad, &sum);
                }
                page.line(line)?;
            }
            if layout.by_column.iter().any(|broken| *broken > 0) {
                self.sums(page, columns, block, *left, &layout.by_column)?;
            }
        }
        if columns.heading == Heading::Numbered {
            page.blank()?;
            let named = columns.names.short.iter().zip(&self.columns);
            let named = named.map(|(number, names)| {
                let line = Line::new().say(number).say(" ");
                line.names(Look::Strong, names.iter().copied(), ", ")
            });
            page.packed(named.collect())?;
        }
        self.names(page, columns, rows)?;
        page.blank()?;
        self.marks(page, Shape::Letters)?;
        self.key(page, Some(letters))
    }

    /// A square without words.
    fn letter(
        &self,
        row: &Names<'a>,
        column: &Names<'a>,
        letters: &HashMap<Code, char>,
        ascii: bool,
    ) -> Line {
        let Some(square) = self.square(row, column) else {
            return Line::new().add(Look::Faint, &format!(" {ABSENT}"));
        };
        let cell = square.foremost;
        let flag = match (square.share(), is_unsure(square.foremost)) {
            (Some(_), _) => DIFFER,
            (None, true) => UNSURE,
            (None, false) => "",
        };
        let sign = Mark::of(cell).sign(ascii);
        let lead = self.lead(cell);
        let text = match letters.get(&cell.code) {
            Some(letter) => format!("{lead}{sign}{letter}{flag}"),
            None => format!("{lead}{sign}{flag}"),
        };
        Line::new().add(look(cell), &text)
    }

    /// What the widest square without words takes.
    fn content(&self, letters: &HashMap<Code, char>, ascii: bool) -> usize {
        let squares = self.rows.iter().flat_map(|row| {
            let of = move |column| self.letter(row, column, letters, ascii).columns();
            self.columns.iter().map(of)
        });
        squares.max().unwrap_or_default().max(3)
    }

    /// How many of each column are not as expected.
    fn sums(
        &self,
        page: &mut Page<'_, impl Write>,
        columns: &Columns<'_>,
        block: &Range<usize>,
        left: usize,
        broken: &[usize],
    ) -> io::Result<()> {
        page.line(rule(page.ascii, end(columns, block, left)))?;
        let widths = columns.widths.get(block.clone()).unwrap_or_default();
        let broken = broken.get(block.clone()).unwrap_or_default();
        let mut edge = left;
        let mut line = Line::new()
            .pad(left.saturating_sub(1))
            .add(Look::Bad, BROKEN);
        for (broken, wide) in broken.iter().zip(widths) {
            if *broken > 0 {
                let line_to = line.pad(edge + columns.gap + 1);
                line = line_to.add(Look::Bad, &broken.to_string());
            }
            edge += columns.gap + wide;
        }
        page.line(line)
    }

    /// How many cells in these rows and columns are not as expected.
    fn broken(&self, rows: &[Names<'a>], columns: &[Names<'a>]) -> usize {
        let columns: Vec<&str> = columns.iter().flatten().copied().collect();
        let rows = rows.iter().flatten();
        let squares = rows.flat_map(|row| columns.iter().map(move |column| (*row, *column)));
        let squares = squares.filter_map(|at| self.squares.get(&at));
        squares.map(|square| square.broken).sum()
    }
}

fn digits(count: usize) -> usize {
    count.to_string().len()
}

/// Stands behind a dense square whose addresses differ.
pub(super) const DIFFER: &str = "*";
/// How many columns have names above each other, and not numbers.
const MOST_STAIRS: usize = 30;
/// What a label of a row is not cut below, so that columns find room.
const NARROWEST_LABEL: usize = 12;
