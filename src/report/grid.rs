//! The grid: sources as rows, targets as columns. Whole code words where they fit into a few blocks,
//! else one sign and one letter a cell, with a key. Where that makes it much smaller, rows in which all
//! is the same share one, and so do columns.

mod heading;
mod key;
mod labels;
mod letters;
mod square;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::ops::Range;

use self::heading::{Columns, Heading};
use self::labels::{Labels, Names};
use self::square::Square;
use super::group::by;
use super::mark::{ABSENT, BROKEN, Mark, UNJUDGED, UNSURE, flaps, is_unsure, look, share};
use super::page::{Line, Look, Page};
use super::text::width;
use crate::expectation::Met;
use crate::matrix::{Cell, Matrix};

/// All cells, by row and column.
pub(super) struct Grid<'a> {
    cells: &'a [Cell],
    rows: Vec<Names<'a>>,
    columns: Vec<Names<'a>>,
    squares: HashMap<(&'a str, &'a str), Square<'a>>,
    /// Of some cells something is expected and of others nothing.
    some_unjudged: bool,
    /// Not every source was sent to every target.
    has_gaps: bool,
}

/// How the squares of a grid were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// With whole code words.
    Words,
    /// With letters, and with a key to them.
    Letters,
}

impl<'a> Grid<'a> {
    pub(super) fn new(matrix: &'a Matrix) -> Self {
        let cells = matrix.cells.as_slice();
        let mut squares: HashMap<(&str, &str), Vec<&Cell>> = HashMap::new();
        for cell in cells {
            let at = (cell.from.as_str(), cell.to.as_str());
            squares.entry(at).or_default().push(cell);
        }
        let summarised = matrix.targets.iter().map(|target| target.name.as_str());
        let probed = cells.iter().map(|cell| cell.to.as_str());
        let rows = each_once(cells.iter().map(|cell| cell.from.as_str()));
        let columns = each_once(summarised.chain(probed));
        let unjudged = |cell: &Cell| cell.standing() == Met::Unjudged;
        Self {
            cells,
            has_gaps: squares.len() < rows.len() * columns.len(),
            rows: rows.into_iter().map(|name| vec![name]).collect(),
            columns: columns.into_iter().map(|name| vec![name]).collect(),
            squares: squares
                .into_iter()
                .filter_map(|(at, cells)| Some((at, Square::new(&cells)?)))
                .collect(),
            some_unjudged: cells.iter().any(unjudged) && !cells.iter().all(unjudged),
        }
    }

    /// Draws the grid and the key to it.
    pub(super) fn draw(&mut self, page: &mut Page<'_, impl Write>) -> io::Result<Shape> {
        if self.in_words(page, MOST_BLOCKS, MOST_ROWS)? {
            return Ok(Shape::Words);
        }
        let mut layout = self.layout(page.width, page.ascii);
        if page.verbose == 0
            && let Some(mut folded) = self.folded()
        {
            self.swap(&mut folded);
            if self.in_words(page, MOST_FOLDED_BLOCKS, MOST_FOLDED_ROWS)? {
                return Ok(Shape::Words);
            }
            if layout.is_one_screen() {
                self.swap(&mut folded);
            } else {
                layout = self.layout(page.width, page.ascii);
            }
        }
        self.in_letters(page, &layout)?;
        Ok(Shape::Letters)
    }

    fn swap(&mut self, (rows, columns): &mut (Vec<Names<'a>>, Vec<Names<'a>>)) {
        std::mem::swap(&mut self.rows, rows);
        std::mem::swap(&mut self.columns, columns);
    }

    /// The rows and columns, those together that are alike, where that halves the grid at least.
    fn folded(&self) -> Option<(Vec<Names<'a>>, Vec<Names<'a>>)> {
        let drawn = |row: &Names<'a>, column: &Names<'a>| Some(self.square(row, column)?.drawn());
        let like = by(self.rows.iter(), |row| {
            let squares = self.columns.iter().map(|column| drawn(row, column));
            squares.collect::<Vec<_>>()
        });
        let rows = merged(like);
        let like = by(self.columns.iter(), |column| {
            let squares = rows.iter().map(|row| drawn(row, column));
            squares.collect::<Vec<_>>()
        });
        let columns = merged(like);
        let (before, after) = (
            self.rows.len() * self.columns.len(),
            rows.len() * columns.len(),
        );
        (2 * after <= before).then_some((rows, columns))
    }

    fn square(&self, row: &Names<'a>, column: &Names<'a>) -> Option<&Square<'a>> {
        self.squares.get(&(*row.first()?, *column.first()?))
    }

    /// With whole code words, unless that takes too much room.
    fn in_words(
        &self,
        page: &mut Page<'_, impl Write>,
        most_blocks: usize,
        most_rows: usize,
    ) -> io::Result<bool> {
        let rows = Labels::new(&self.rows, page.width / 4, page.ascii);
        let names = Labels::new(&self.columns, WIDEST_HEADING, page.ascii);
        let widths = self.columns.iter().zip(&names.short).map(|(column, name)| {
            let cells = self.rows.iter();
            let cells = cells.map(|row| self.words(row, column, page.ascii).columns());
            cells.max().unwrap_or_default().max(1 + width(name))
        });
        let columns = Columns {
            heading: Heading::Straight,
            widths: widths.collect(),
            names,
            gap: 1,
        };
        let Some(blocks) = blocks(&columns, page.width - rows.width) else {
            return Ok(false);
        };
        let lines = blocks.len() * self.rows.len();
        if blocks.len() > 1 && (blocks.len() > most_blocks || lines > most_rows) {
            return Ok(false);
        }
        for (nth, block) in blocks.into_iter().enumerate() {
            if nth > 0 {
                page.blank()?;
            }
            self.head(page, &columns, &block, rows.width)?;
            for (row, label) in self.rows.iter().zip(&rows.short) {
                let of = |column: &Names<'a>| self.words(row, column, page.ascii);
                let line = Line::new().say(label);
                page.line(self.row(line, rows.width, &columns, &block, of))?;
            }
        }
        self.names(page, &columns, &rows)?;
        page.blank()?;
        self.marks(page, Shape::Words)?;
        Ok(true)
    }

    /// A square in words: whether it is as expected, what happened, why, and how sure that is.
    fn words(&self, row: &Names<'a>, column: &Names<'a>, ascii: bool) -> Line {
        let Some(square) = self.square(row, column) else {
            return Line::new().add(Look::Faint, &format!(" {ABSENT}"));
        };
        let cell = square.foremost;
        let unsure = if is_unsure(square.foremost) {
            UNSURE
        } else {
            ""
        };
        let share = match (square.share(), flaps(cell)) {
            (Some((same, all)), _) => format!(" {same}/{all}"),
            (None, true) => format!(" {}", share(cell)),
            (None, false) => String::new(),
        };
        let sign = Mark::of(cell).sign(ascii);
        let text = format!("{}{sign} {}{unsure}{share}", self.lead(cell), cell.code);
        Line::new().add(look(cell), &text)
    }

    fn head(
        &self,
        page: &mut Page<'_, impl Write>,
        columns: &Columns<'_>,
        block: &Range<usize>,
        left: usize,
    ) -> io::Result<()> {
        for line in columns.lines(block, left, page.ascii) {
            page.line(line)?;
        }
        page.line(rule(page.ascii, end(columns, block, left)))
    }

    fn row(
        &self,
        mut line: Line,
        left: usize,
        columns: &Columns<'_>,
        block: &Range<usize>,
        square: impl Fn(&Names<'a>) -> Line,
    ) -> Line {
        let mut edge = left;
        let widths = columns.widths.get(block.clone()).unwrap_or_default();
        let targets = self.columns.get(block.clone()).unwrap_or_default();
        for (column, wide) in targets.iter().zip(widths) {
            line = line.pad(edge + columns.gap).join(square(column));
            edge += columns.gap + wide;
        }
        line
    }

    fn lead(&self, cell: &Cell) -> &'static str {
        match cell.standing() {
            Met::Broken => BROKEN,
            Met::Unjudged if self.some_unjudged => UNJUDGED,
            Met::Met | Met::InDoubt | Met::Unjudged => " ",
        }
    }
}

fn rule(ascii: bool, columns: usize) -> Line {
    Line::new().ruled(if ascii { "-" } else { "─" }, columns)
}

/// As many columns below each other as it takes; nothing where one alone is too wide.
fn blocks(columns: &Columns<'_>, room: usize) -> Option<Vec<Range<usize>>> {
    let mut blocks = vec![];
    let mut start = 0;
    let mut used = 0;
    for (nth, wide) in columns.widths.iter().enumerate() {
        let wide = columns.gap + wide;
        if wide > room {
            return None;
        }
        if used + wide > room {
            blocks.push(start..nth);
            start = nth;
            used = 0;
        }
        used += wide;
    }
    blocks.push(start..columns.widths.len());
    Some(blocks)
}

/// Where a block ends that begins at `left`.
fn end(columns: &Columns<'_>, block: &Range<usize>, left: usize) -> usize {
    let widths = columns.widths.get(block.clone()).unwrap_or_default();
    left + widths.iter().map(|wide| columns.gap + wide).sum::<usize>()
}

fn merged<'a>(like: Vec<Vec<&Names<'a>>>) -> Vec<Names<'a>> {
    like.into_iter()
        .map(|names| names.into_iter().flatten().copied().collect())
        .collect()
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

/// More blocks than this below each other are no longer a grid to the eye, nor are more rows in all of
/// them than a screen has.
const MOST_BLOCKS: usize = 7;
const MOST_ROWS: usize = 50;
/// The same where rows and columns share places: in words that is better than without only while it is
/// small.
const MOST_FOLDED_BLOCKS: usize = 3;
const MOST_FOLDED_ROWS: usize = 30;
/// The widest heading of a column.
const WIDEST_HEADING: usize = 24;
