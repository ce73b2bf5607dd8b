//! Reports: a matrix into a writer, one file for each format. Pure; only `main` knows the terminal.

mod advice;
pub mod canary;
mod details;
pub mod diff;
pub mod doctor;
mod document;
mod grid;
mod group;
mod json;
mod mark;
mod markdown;
pub mod ndjson;
pub mod outlook;
mod page;
mod pair;
mod paper;
pub mod plan;
pub mod rotation;
mod table;
mod text;
pub mod whoami;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use advice::advice;
pub use json::json;
pub use paper::Paper;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use crate::matrix::Matrix;

/// One text of a peer, fit for a terminal: escaped, and cut to a bound.
pub fn visible(text: &str) -> String {
    text::shown(text, text::FIELD, false)
}

/// Writes a report.
pub fn write(
    matrix: &Matrix,
    format: Format,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(matrix, style, out),
        Format::Json => json::write(matrix, out),
        Format::Ndjson => ndjson::write(matrix, out),
    }
}

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people, on a terminal.
    #[default]
    Table,
    /// The whole result as one JSON value: the API.
    Json,
    /// The same, a cell a line, while the run goes on.
    Ndjson,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: &[Self] = &[Self::Table, Self::Json, Self::Ndjson];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let same = |format: &Self| format.as_str() == text;
        let known = Self::ALL.iter().copied().find(same);
        let names: Vec<&str> = Self::ALL.iter().map(|format| format.as_str()).collect();
        known.ok_or_else(|| UnknownFormat::new(text, &names))
    }
}

/// The text is not the name of a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {text:?}; {way_out}")]
pub struct UnknownFormat {
    text: String,
    way_out: String,
}

impl UnknownFormat {
    fn new(text: &str, all: &[&'static str]) -> Self {
        let lower = text.to_lowercase();
        let nearest = all.iter().min_by_key(|name| edits(&lower, name));
        let way_out = match nearest {
            Some(name) if edits(&lower, name) <= 2 => format!("did you mean {name:?}?"),
            Some(_) | None => format!("write one of {}", all.join(", ")),
        };
        Self {
            text: text.to_owned(),
            way_out,
        }
    }
}

/// How many letters must be put in, taken out or replaced to make one word of the other.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in other.chars().zip(row.windows(2)) {
            let (diagonal, above) = (above.first(), above.last());
            let replaced = diagonal.map_or(0, |cost| cost + usize::from(a != b));
            left = replaced.min(left + 1).min(above.map_or(0, |cost| cost + 1));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// How a report for people looks. The other formats do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// The columns of the terminal; nothing where there is none.
    pub width: Option<usize>,
    /// Write colours.
    pub color: bool,
    /// Write nothing but ASCII.
    pub ascii: bool,
    /// 1 describes every cell, 2 describes each in depth.
    pub verbose: u8,
}
