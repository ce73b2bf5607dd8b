//! What is wrong with a suite, said so that the reader can put it right: place, excerpt, way out.

use std::fmt;

use unicode_width::UnicodeWidthChar;

use super::Place;
use crate::identity::{blotted, veiled};

/// A suite cannot be used. Says everything that is wrong with it, not only the first thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteError {
    mistakes: Vec<Mistake>,
    unsaid: usize,
}

impl SuiteError {
    /// What is wrong, in the order of the file. Never empty.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, mistake) in self.mistakes.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n\n")?;
            }
            mistake.fmt(f)?;
        }
        match self.unsaid {
            0 => Ok(()),
            1 => f.write_str("\n\nand 1 more mistake"),
            more => write!(f, "\n\nand {more} more mistakes"),
        }
    }
}

impl std::error::Error for SuiteError {}

/// One thing that is wrong with a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is.
    pub place: Place,
    /// What is wrong, and what to write instead. Safe to print.
    pub what: String,
    /// The line of the file with a caret under the place; safe to print.
    excerpt: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.place.to_string()), self.what)?;
        f.write_str(&self.excerpt)
    }
}

/// A stretch of one line of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    /// Counted from 1.
    pub(super) line: u32,
    /// In characters, counted from 1.
    pub(super) column: u32,
    /// In characters.
    pub(super) length: u32,
}

impl At {
    /// Where something begins that was read before.
    pub(super) fn of(place: &Place) -> Self {
        Self {
            line: place.line,
            column: place.column,
            length: 1,
        }
    }
}

/// Collects what is wrong while a suite is read.
pub(super) struct Mistakes<'t> {
    file: &'t str,
    lines: Vec<&'t str>,
    found: Vec<(At, String)>,
    unsaid: usize,
}

impl<'t> Mistakes<'t> {
    pub(super) fn of(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            lines: text.lines().collect(),
            found: vec![],
            unsaid: 0,
        }
    }

    pub(super) fn add(&mut self, at: At, what: impl Into<String>) {
        let mistake = (at, what.into());
        // One value may be read several times, through a YAML alias.
        if self.found.contains(&mistake) {
            return;
        }
        if self.found.len() < MAX_SAID {
            self.found.push(mistake);
        } else {
            self.unsaid += 1;
        }
    }

    /// A question or a list that leads from a wrong word to a right one, to stand behind a message;
    /// `leads` begins the list.
    pub(super) fn hint<'a>(
        &self,
        wrong: &str,
        leads: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> String {
        // Comparing every wrong word with every name is dear in a large suite.
        if self.unsaid > 0 {
            return String::new();
        }
        if let Some(near) = nearest(wrong, known.clone()) {
            return format!("; did you mean {near:?}?");
        }
        let mut known = known.into_iter();
        let first: Vec<&str> = known.by_ref().take(MAX_LISTED).collect();
        match (first.is_empty(), known.count()) {
            (true, _) => String::new(),
            (false, 0) => format!("; {leads} {}", alternatives(&first)),
            (false, more) => format!("; {leads} {} and {more} more", first.join(", ")),
        }
    }

    /// Whether somebody who wrote `wrong` most likely meant `right`.
    pub(super) fn is_slip(wrong: &str, right: &str) -> bool {
        nearest(wrong, [right]).is_some()
    }

    /// The line of the file, where it has so many.
    pub(super) fn line(&self, at: At) -> Option<&'t str> {
        let nth = (at.line as usize).checked_sub(1)?;
        self.lines.get(nth).copied()
    }

    pub(super) fn place(&self, at: At) -> Place {
        Place {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
        }
    }

    /// The suite, or all that is wrong with it.
    pub(super) fn finish<T>(mut self, suite: Option<T>) -> Result<T, SuiteError> {
        if let (Some(suite), []) = (suite, self.found.as_slice()) {
            return Ok(suite);
        }
        self.found.sort();
        // A key has several lines.
        let text = self.lines.join("\n");
        let text = blotted(&text);
        let shown = Mistakes::of(self.file, &text);
        let mistakes = self.found.iter().map(|(at, what)| Mistake {
            place: self.place(*at),
            what: printable(what),
            excerpt: shown.excerpt(*at),
        });
        Err(SuiteError {
            mistakes: mistakes.collect(),
            unsaid: self.unsaid,
        })
    }

    fn excerpt(&self, at: At) -> String {
        let Some(line) = self.line(at) else {
            return String::new();
        };
        let before = (at.column as usize).saturating_sub(1);
        let skipped = before.saturating_sub(MAX_BEFORE);
        let mut shown = String::new();
        let mut blank = 0;
        let mut carets = 0;
        if skipped > 0 {
            shown.push_str("...");
            blank += 3;
        }
        for (nth, c) in line.chars().enumerate().skip(skipped) {
            if nth >= before + MAX_AFTER {
                shown.push_str("...");
                break;
            }
            let from = shown.len();
            match c {
                '\t' => shown.push(' '),
                c => push_printable(c, &mut shown),
            }
            let width = shown.get(from..).map_or(0, width);
            if nth < before {
                blank += width;
            } else if nth < before + at.length as usize {
                carets += width;
            }
        }
        let gutter = at.line.to_string();
        let margin = " ".repeat(gutter.len());
        let blank = " ".repeat(blank);
        let carets = "^".repeat(carets.max(1));
        format!(
            "\n{margin} |\n{gutter} | {}\n{margin} | {blank}{carets}",
            shown.trim_end()
        )
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

/// The known word that somebody who wrote `wrong` most likely meant.
fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wrong.chars().count();
    if length > MAX_COMPARED {
        return None;
    }
    let wrong = wrong.to_lowercase();
    let near = known.into_iter().filter_map(|word| {
        let other = word.chars().count();
        let allowed = (length.max(other) / 3).max(1);
        if length.abs_diff(other) > allowed {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&wrong, &word.to_lowercase());
        // In a word of one letter everything is near.
        (distance <= allowed && distance < other).then_some((distance, word))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The text without anything that a terminal acts upon or that hides from the reader, and without
/// private keys and tokens.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in veiled(text).chars() {
        push_printable(c, &mut out);
    }
    out
}

fn push_printable(c: char, out: &mut String) {
    match c {
        '"' | '\'' | '\\' => out.push(c),
        c => out.extend(c.escape_debug()),
    }
}

fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// Further mistakes are counted.
const MAX_SAID: usize = 50;
/// Words listed where none is near.
const MAX_LISTED: usize = 20;
/// Longer words are not compared with others.
const MAX_COMPARED: usize = 100;
/// Characters of a line shown before the place.
const MAX_BEFORE: usize = 72;
/// Characters of a line shown from the place on.
const MAX_AFTER: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        let keys = ["address", "id", "dns", "timeout", "UNKNOWN_CA", "UNKNOWN"];
        for (wrong, near) in [
            ("adress", Some("address")),
            ("Address", Some("address")),
            ("timout", Some("timeout")),
            ("tiemout", Some("timeout")),
            ("unknown_ca", Some("UNKNOWN_CA")),
            ("UNKNOWNCA", Some("UNKNOWN_CA")),
            ("dn", Some("dns")),
            ("port", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, keys), near, "{wrong:?}");
        }
    }

    #[test]
    fn the_caret_stands_under_the_place_whatever_the_line_holds() {
        for (line, column, length, shown, marks) in [
            ("a: b", 4, 1, "a: b", "   ^"),
            ("\ta: b", 2, 1, " a: b", " ^"),
            ("\u{1b}[31m: b", 7, 1, r"\u{1b}[31m: b", "           ^"),
            ("\u{65e5}: b", 4, 1, "\u{65e5}: b", "    ^"),
            ("\u{202e}: bc", 4, 2, r"\u{202e}: bc", "          ^^"),
            ("a:", 5, 1, "a:", "  ^"),
        ] {
            let at = At {
                line: 1,
                column,
                length,
            };
            let wanted = format!("\n  |\n1 | {shown}\n  | {marks}");
            assert_eq!(Mistakes::of("s", line).excerpt(at), wanted, "{line:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}HERE{}", "a".repeat(1000), "b".repeat(1000));
        let at = At {
            line: 1,
            column: 1001,
            length: 4,
        };
        let excerpt = Mistakes::of("s", &line).excerpt(at);
        assert!(excerpt.lines().all(|line| line.len() < 150), "{excerpt}");
        let mut lines = excerpt.lines().rev();
        let (marks, shown) = (lines.next().unwrap(), lines.next().unwrap());
        assert_eq!(shown.find("HERE"), marks.find("^^^^"));
    }

    #[test]
    fn a_flood_of_mistakes_is_counted_and_not_said() {
        let mut mistakes = Mistakes::of("s", "");
        for nth in 0..1000 {
            mistakes.add(At::default(), format!("mistake {nth}"));
        }
        let error = mistakes.finish(Some(())).unwrap_err();
        assert_eq!(error.mistakes().len(), MAX_SAID);
        assert!(error.to_string().ends_with("and 950 more mistakes"));
    }
}
