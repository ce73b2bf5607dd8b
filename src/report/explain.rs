//! What a code means, why it comes about, what confirms each cause and what mends it: the long form of
//! every code, finding and reading. Pure.

mod causes;
mod entry;
mod lookup;
mod pages;
mod prose;
mod reference;
mod words;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use entry::{Cause, Confirm, Explained, Family, Likely, On, Page, Topic};
pub use lookup::{NoTopic, find, topic, topics};
pub use prose::paragraphs;

use super::{Paper, Style};
use crate::code::{By, Code};
use crate::matrix::Cell;

/// The name and version of the format.
pub const SCHEMA: &str = "mtls-probe/explain/v1";

/// What is to be said of a code, by who refused. Where it makes no difference who did, it is one page.
pub fn page(code: Code, by: Option<By>) -> &'static Page {
    topic(code).page(by)
}

/// What is to be said of a cell, by who refused in it.
pub fn of(cell: &Cell) -> &'static Page {
    let by = match (cell.refused_by_peer(), cell.refused_by_probe()) {
        (true, _) => Some(By::Peer),
        (false, true) => Some(By::Probe),
        (false, false) => None,
    };
    page(cell.code, by)
}

/// What to look at when a cell has this code, in one line.
pub fn advice(code: Code, by: Option<By>) -> &'static str {
    page(code, by).advice
}

/// Writes everything that is known of one code.
pub fn write(
    topic: &'static Topic,
    paper: Paper,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    match paper {
        Paper::Table => words::topic(topic, style, out),
        Paper::Json => super::json(&Explained::of(std::iter::once(topic)), out),
        Paper::Markdown => reference::topic(topic, out),
    }
}

/// Writes the list of all codes: a line each for people, everything for programs, and as Markdown the
/// reference.
pub fn write_all(paper: Paper, style: &Style, out: &mut impl Write) -> io::Result<()> {
    match paper {
        Paper::Table => words::list(style, out),
        Paper::Json => super::json(&Explained::of(topics()), out),
        Paper::Markdown => reference::all(out),
    }
}
