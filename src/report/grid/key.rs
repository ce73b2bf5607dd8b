//! What the marks, the letters and the codes of a grid mean, as far as they occur.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use super::heading::Columns;
use super::labels::Labels;
use super::letters::DIFFER;
use super::square::Square;
use super::{Grid, Shape};
use crate::code::Code;
use crate::expectation::Met;
use crate::report::mark::{ABSENT, BROKEN, Mark, UNJUDGED, UNSURE, flaps, is_unsure, share};
use crate::report::page::{Line, Look, Page};

impl Grid<'_> {
    /// What the marks mean.
    pub(super) fn marks(&self, page: &mut Page<'_, impl Write>, shape: Shape) -> io::Result<()> {
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
        if self.has_gaps {
            keys.push(key(ABSENT, "not probed"));
        }
        page.packed(keys)
    }

    /// The names that rows and columns lack.
    pub(super) fn names(
        &self,
        page: &mut Page<'_, impl Write>,
        columns: &Columns<'_>,
        rows: &Labels<'_>,
    ) -> io::Result<()> {
        let (mut packed, mut lines) = columns.names.key();
        let (more_packed, more_lines) = rows.key();
        packed.extend(more_packed);
        lines.extend(more_lines);
        if !packed.is_empty() || !lines.is_empty() {
            page.blank()?;
        }
        page.packed(packed)?;
        lines.into_iter().try_for_each(|line| page.item(0, 4, line))
    }

    /// What the codes mean, and how often each was seen.
    pub(in crate::report) fn codes(&self, page: &mut Page<'_, impl Write>) -> io::Result<()> {
        page.heading("Codes")?;
        self.key(page, None)
    }

    /// The same with the letters that stand for codes.
    pub(super) fn key(
        &self,
        page: &mut Page<'_, impl Write>,
        letters: Option<&HashMap<Code, char>>,
    ) -> io::Result<()> {
        let seen = self.codes_seen();
        let widest = seen.keys().map(|code| code.as_str().len()).max();
        let count = seen.values().max().map_or(0, |most| most.to_string().len());
        let indent = if letters.is_some() { 2 } else { 0 };
        let edge = indent + widest.unwrap_or_default() + 2;
        for (code, times) in seen {
            let mut line = Line::new();
            if let Some(letters) = letters {
                let letter = letters.get(&code).copied().unwrap_or(' ');
                line = line.name(&format!("{letter} "));
            }
            let line = line.say(code.as_str()).pad(edge);
            let line = line.say(&format!("{times:>count$}  "));
            let meaning = Line::new().add(Look::Faint, code.meaning());
            // On a narrow page the meaning goes below.
            if page.width < 2 * edge + 20 {
                page.line(line)?;
                page.item(4, 4, meaning)?;
            } else {
                page.item(0, edge + count + 2, line.join(meaning))?;
            }
        }
        Ok(())
    }

    /// Every code that occurs, and in how many cells.
    pub(super) fn codes_seen(&self) -> BTreeMap<Code, usize> {
        let mut seen = BTreeMap::new();
        for cell in self.cells {
            *seen.entry(cell.code).or_default() += 1;
        }
        seen
    }
}
