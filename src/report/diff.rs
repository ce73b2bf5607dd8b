//! What changed between two results, in words, and as one JSON value.

mod words;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use super::{Paper, Style};
use crate::diff::Diff;

/// Writes a comparison.
pub fn write(diff: &Diff, paper: Paper, style: &Style, out: &mut impl Write) -> io::Result<()> {
    match paper {
        Paper::Table => words::document(diff).table(style, out),
        Paper::Json => super::json(diff, out),
        Paper::Markdown => words::document(diff).markdown(out),
    }
}
