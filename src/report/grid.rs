//! The grid: sources as rows, targets as columns. Whole code words where they fit into a few blocks,
//! else one sign and one letter a cell, with a key.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Write};
use std::ops::Range;

use super::mark::{ABSENT, BROKEN, Mark, UNJUDGED, UNSURE, flaps, is_unsure, look, share};
use super::page::{Line, Look, Page};
use super::text::{FIELD, shortened, shown, width};
use crate::code::Code;
use crate::expectation::Met;
use crate::matrix::{Cell, Matrix};

/// More blocks than this below each other are no longer a grid to the eye, nor are more rows in all of
/// them than a screen has.
const MOST_BLOCKS: usize = 7;
const MOST_ROWS: usize = 50;
/// The widest heading of a column.
const WIDEST_HEADING: usize = 24;
/// The narrowest useful label.
const NARROWEST_LABEL: usize = 10;

/// All cells, by row and column.
pub(super) struct Grid<'a> {
    cells: &'a [Cell],
    sources: Vec<&'a str>,
    targets: Vec<&'a str>,
    squares: HashMap<(&'a str, &'a str), Square<'a>>,
    /// Of some cells something is expected and of others nothing.
    some_unjudged: bool,
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
        let squares = squares.into_iter();
        let summarised = matrix.targets.iter().map(|target| target.name.as_str());
        let probed = cells.iter().map(|cell| cell.to.as_str());
        let unjudged = |cell: &Cell| cell.standing() == Met::Unjudged;
        Self {
            cells,
            sources: each_once(cells.iter().map(|cell| cell.from.as_str())),
            targets: each_once(summarised.chain(probed)),
            squares: squares
                .filter_map(|(at, cells)| Some((at, Square::new(&cells)?)))
                .collect(),
            some_unjudged: cells.iter().any(unjudged) && !cells.iter().all(unjudged),
        }
    }

    /// Draws the grid and the key to it.
    pub(super) fn draw(&self, page: &mut Page<'_, impl Write>) -> io::Result<Shape> {
        let rows = Labels::new(&self.sources, page.width / 4, page.ascii);
        let ascii = page.ascii;
        let words = |source: &str, target: &str| self.words(source, target, ascii);
        let columns = self.columns(page.ascii);
        let blocks = blocks(&columns.widths, page.width - rows.width);
        match blocks {
            Some(blocks) if self.is_graspable(blocks.len()) => {
                self.blocks(page, &rows, &columns, &blocks, words)?;
                columns.names.write_key(page)?;
                rows.write_key(page)?;
                page.blank()?;
                self.marks(page, Shape::Words)?;
                Ok(Shape::Words)
            }
            Some(_) | None => {
                self.letters(page, &rows)?;
                Ok(Shape::Letters)
            }
        }
    }

    fn is_graspable(&self, blocks: usize) -> bool {
        let rows = blocks * self.sources.len();
        blocks == 1 || blocks <= MOST_BLOCKS && rows <= MOST_ROWS
    }

    fn blocks(
        &self,
        page: &mut Page<'_, impl Write>,
        rows: &Labels<'_>,
        columns: &Columns<'_>,
        blocks: &[Range<usize>],
        square: impl Fn(&str, &str) -> Line,
    ) -> io::Result<()> {
        for (nth, block) in blocks.iter().enumerate() {
            if nth > 0 {
                page.blank()?;
            }
            let names = columns.names.short.get(block.clone()).unwrap_or_default();
            let widths = columns.widths.get(block.clone()).unwrap_or_default();
            let targets = self.targets.get(block.clone()).unwrap_or_default();
            let mut edge = rows.width;
            let mut heading = Line::new();
            for (name, wide) in names.iter().zip(widths) {
                heading = heading.pad(edge + 2).name(name);
                edge += 1 + wide;
            }
            page.line(heading)?;
            let rule = if page.ascii { "-" } else { "─" };
            page.line(Line::new().ruled(rule, edge))?;
            for (source, label) in self.sources.iter().zip(&rows.short) {
                let mut edge = rows.width;
                let mut line = Line::new().say(label);
                for (target, wide) in targets.iter().zip(widths) {
                    line = line.pad(edge + 1).join(square(source, target));
                    edge += 1 + wide;
                }
                page.line(line)?;
            }
        }
        Ok(())
    }

    fn columns(&self, ascii: bool) -> Columns<'a> {
        let names = Labels::new(&self.targets, WIDEST_HEADING, ascii);
        let widths = self.targets.iter().zip(&names.short).map(|(target, name)| {
            let cells = self.sources.iter();
            let cells = cells.map(|source| self.words(source, target, ascii).columns());
            cells.max().unwrap_or_default().max(1 + width(name))
        });
        let widths = widths.collect();
        Columns { names, widths }
    }

    /// A square in words: whether it is as expected, what happened, why, and how sure that is.
    fn words(&self, source: &str, target: &str, ascii: bool) -> Line {
        let Some(square) = self.squares.get(&(source, target)) else {
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

    fn letters(&self, page: &mut Page<'_, impl Write>, rows: &Labels<'_>) -> io::Result<()> {
        // A letter for each code that occurs; acceptance needs none.
        let codes = self
            .codes_seen()
            .into_iter()
            .filter(|code| *code != Code::Ok);
        let letters: HashMap<Code, char> = codes.zip(('a'..='z').chain('A'..='Z')).collect();
        let numbers: Vec<String> = (1..=self.targets.len()).map(|n| n.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let columns = Columns {
            widths: numbers
                .iter()
                .map(|number| 4.max(1 + number.len()))
                .collect(),
            names: Labels::new(&numbers, WIDEST_HEADING, page.ascii),
        };
        let ascii = page.ascii;
        let square = |source: &str, target: &str| {
            let Some(square) = self.squares.get(&(source, target)) else {
                return Line::new().add(Look::Faint, &format!(" {ABSENT}"));
            };
            let cell = square.foremost;
            let letter = letters.get(&cell.code).copied().unwrap_or(' ');
            let flag = match (square.share(), is_unsure(square.foremost)) {
                (Some(_), _) => DIFFER,
                (None, true) => UNSURE,
                (None, false) => "",
            };
            let sign = Mark::of(cell).sign(ascii);
            let text = format!("{}{sign}{letter}{flag}", self.lead(cell));
            Line::new().add(look(cell), &text)
        };
        let blocks = blocks(&columns.widths, page.width - rows.width).unwrap_or_default();
        self.blocks(page, rows, &columns, &blocks, square)?;
        page.blank()?;
        let named = numbers.iter().zip(&self.targets);
        let named = named.map(|(number, name)| Line::new().say(number).say(" ").name(name));
        page.packed(named.collect())?;
        rows.write_key(page)?;
        page.blank()?;
        self.marks(page, Shape::Letters)?;
        self.key(page, Some(&letters))
    }

    /// What the marks mean, as far as they occur.
    fn marks(&self, page: &mut Page<'_, impl Write>, shape: Shape) -> io::Result<()> {
        let squares = || self.squares.values();
        let key = |sign: &str, meaning: &str| {
            let line = Line::new().name(sign);
            line.say(" ").add(Look::Faint, meaning)
        };
        let mut keys = vec![];
        if self.cells.iter().any(|cell| cell.standing() == Met::Broken) {
            keys.push(key(BROKEN, "not as expected"));
        }
        for mark in Mark::ALL {
            if squares().any(|square| Mark::of(square.foremost) == mark) {
                keys.push(key(mark.sign(page.ascii), mark.meaning()));
            }
        }
        if squares().any(|square| is_unsure(square.foremost)) {
            keys.push(key(UNSURE, "not certain"));
        }
        let flapping = squares().filter(|square| square.share().is_none());
        let flapping = flapping
            .map(|square| square.foremost)
            .find(|cell| flaps(cell));
        if let (Some(cell), Shape::Words) = (flapping, shape) {
            keys.push(key(&share(cell), "on so many of its connections"));
        }
        let lowest = squares().filter_map(Square::share).min();
        match lowest {
            Some(_) if shape == Shape::Letters => keys.push(key(DIFFER, "its addresses differ")),
            Some((same, all)) => {
                keys.push(key(&format!("{same}/{all}"), "at so many of its addresses"));
            }
            None => {}
        }
        if self.some_unjudged {
            keys.push(key(UNJUDGED, "nothing expected"));
        }
        if self.squares.len() < self.sources.len() * self.targets.len() {
            keys.push(key(ABSENT, "not probed"));
        }
        page.packed(keys)
    }

    /// What the codes mean, as far as they occur.
    pub(super) fn codes(&self, page: &mut Page<'_, impl Write>) -> io::Result<()> {
        page.heading("Codes")?;
        self.key(page, None)
    }

    fn key(
        &self,
        page: &mut Page<'_, impl Write>,
        letters: Option<&HashMap<Code, char>>,
    ) -> io::Result<()> {
        let codes = self.codes_seen();
        let widest = codes.iter().map(|code| code.as_str().len()).max();
        let edge = widest.unwrap_or_default() + 2;
        for code in codes {
            let letter = letters.map(|letters| letters.get(&code).copied().unwrap_or(' '));
            let mut line = Line::new();
            if let Some(letter) = letter {
                line = line.name(&format!("{letter} "));
            }
            let edge = edge + if letter.is_some() { 2 } else { 0 };
            let line = line.say(code.as_str());
            let meaning = Line::new().add(Look::Faint, code.meaning());
            // On a narrow page the meaning goes below.
            if page.width < 2 * edge + 20 {
                page.line(line)?;
                page.item(4, 4, meaning)?;
            } else {
                page.item(0, edge, line.pad(edge).join(meaning))?;
            }
        }
        Ok(())
    }

    fn codes_seen(&self) -> BTreeSet<Code> {
        self.cells.iter().map(|cell| cell.code).collect()
    }

    fn lead(&self, cell: &Cell) -> &'static str {
        match cell.standing() {
            Met::Broken => BROKEN,
            Met::Unjudged if self.some_unjudged => UNJUDGED,
            Met::Met | Met::InDoubt | Met::Unjudged => " ",
        }
    }
}

/// One row and column: all addresses of the target.
struct Square<'a> {
    /// The cell that stands for all: the gravest, and of those the most common.
    foremost: &'a Cell,
    /// How many addresses say what it says.
    same: usize,
    all: usize,
}

impl<'a> Square<'a> {
    fn new(cells: &[&'a Cell]) -> Option<Self> {
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
        Some(Self {
            foremost,
            same: same(foremost),
            all: cells.len(),
        })
    }

    /// How many of all addresses say what the foremost says, where not all do.
    fn share(&self) -> Option<(usize, usize)> {
        (self.same < self.all).then_some((self.same, self.all))
    }
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

/// The columns of one layout.
struct Columns<'a> {
    names: Labels<'a>,
    widths: Vec<usize>,
}

/// Names cut to a width, no two alike.
struct Labels<'a> {
    short: Vec<String>,
    width: usize,
    /// Those that would have been alike, with their names.
    key: Vec<(String, &'a str)>,
}

impl<'a> Labels<'a> {
    fn new(names: &[&'a str], limit: usize, ascii: bool) -> Self {
        let limit = limit.max(NARROWEST_LABEL);
        let cut = |name: &str, limit| shortened(&shown(name, FIELD, ascii), limit, ascii);
        let mut short: Vec<String> = names.iter().map(|name| cut(name, limit)).collect();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for name in &short {
            *seen.entry(name.clone()).or_default() += 1;
        }
        let mut key = vec![];
        for (nth, (label, name)) in short.iter_mut().zip(names).enumerate() {
            if seen.get(label).is_some_and(|count| *count > 1) {
                let number = format!("#{}", nth + 1);
                *label = cut(name, limit.saturating_sub(number.len())) + &number;
                key.push((number, *name));
            }
        }
        Self {
            width: short
                .iter()
                .map(|name| width(name))
                .max()
                .unwrap_or_default(),
            short,
            key,
        }
    }

    fn write_key(&self, page: &mut Page<'_, impl Write>) -> io::Result<()> {
        for (number, name) in &self.key {
            page.item(0, 4, Line::new().name(number).say(" ").say(name))?;
        }
        Ok(())
    }
}

/// As many columns below each other as it takes; nothing where one alone is too wide.
fn blocks(widths: &[usize], room: usize) -> Option<Vec<Range<usize>>> {
    let mut blocks = vec![];
    let mut start = 0;
    let mut used = 0;
    for (nth, wide) in widths.iter().enumerate() {
        if 1 + wide > room {
            return None;
        }
        if used + 1 + wide > room {
            blocks.push(start..nth);
            start = nth;
            used = 0;
        }
        used += 1 + wide;
    }
    blocks.push(start..widths.len());
    Some(blocks)
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

/// Stands behind a dense square whose addresses differ.
const DIFFER: &str = "*";
