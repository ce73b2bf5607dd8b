//! Names of rows and columns, cut to a width so that no two are alike.

use std::collections::HashMap;

use crate::report::page::{Line, Look};
use crate::report::text::{FIELD, shortened, shown, width};

/// The narrowest useful label.
const NARROWEST: usize = 10;

/// Who shares a row or a column because all in it is alike; the first stands for the others.
pub(super) type Names<'a> = Vec<&'a str>;

/// Names cut to a width, no two alike.
pub(super) struct Labels<'a> {
    pub(super) short: Vec<String>,
    pub(super) width: usize,
    /// Those that would have been alike, by number, with their names.
    numbered: Vec<(String, &'a str)>,
    /// Those that were cut, with their names.
    cut: Vec<(String, &'a str)>,
    /// Those that stand for several, with all of these.
    shared: Vec<(String, Vec<&'a str>)>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(all: &[Names<'a>], limit: usize, ascii: bool) -> Self {
        let limit = limit.max(NARROWEST);
        let mut short: Vec<String> = all
            .iter()
            .map(|names| label(names, "", limit, ascii))
            .collect();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for name in &short {
            *seen.entry(name.clone()).or_default() += 1;
        }
        let (mut numbered, mut cut, mut shared) = (vec![], vec![], vec![]);
        for (nth, (short, names)) in short.iter_mut().zip(all).enumerate() {
            let Some((first, others)) = names.split_first() else {
                continue;
            };
            let is_double = seen.get(short).is_some_and(|count| *count > 1);
            let number = format!("#{}", nth + 1);
            if is_double {
                *short = label(names, &number, limit, ascii);
            }
            if !others.is_empty() {
                shared.push((short.clone(), names.clone()));
            } else if is_double {
                numbered.push((number, *first));
            } else if *short != label(names, "", usize::MAX, ascii) {
                cut.push((short.clone(), *first));
            }
        }
        let widths = short.iter().map(|name| width(name));
        Self {
            width: widths.max().unwrap_or_default(),
            short,
            numbered,
            cut,
            shared,
        }
    }

    /// Labels that are short enough, and no names.
    pub(super) fn verbatim(short: Vec<String>) -> Self {
        Self {
            width: short
                .iter()
                .map(|label| width(label))
                .max()
                .unwrap_or_default(),
            short,
            numbered: vec![],
            cut: vec![],
            shared: vec![],
        }
    }

    /// Labels with the names that they lack: those that are short to say, and those that take a line.
    pub(super) fn key(&self) -> (Vec<Line>, Vec<Line>) {
        let line = |label: &str, name: &str| Line::new().name(label).say(" ").say(name);
        let cut = self.cut.iter().map(|(label, name)| line(label, name));
        let numbered = self.numbered.iter().map(|(label, name)| line(label, name));
        let shared = self.shared.iter().map(|(label, names)| {
            let line = Line::new().name(label).say(": ");
            line.names(Look::Plain, names.iter().copied(), ", ")
        });
        (cut.collect(), numbered.chain(shared).collect())
    }
}

/// `sa/front…#2 +11`
fn label(names: &[&str], number: &str, limit: usize, ascii: bool) -> String {
    let Some((first, others)) = names.split_first() else {
        return String::new();
    };
    let more = match others.len() {
        0 => String::new(),
        more => format!(" +{more}"),
    };
    let room = limit.saturating_sub(number.len() + more.len());
    shortened(&shown(first, FIELD, ascii), room, ascii) + number + &more
}
