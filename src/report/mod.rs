//! Reports: a matrix into a writer, one file for each format. Pure; only `main` knows the terminal.

pub mod canary;
mod csv;
mod details;
pub mod diff;
pub mod doctor;
mod document;
pub mod explain;
mod format;
mod grid;
mod group;
mod html;
mod json;
mod junit;
mod mark;
mod markdown;
pub mod ndjson;
pub mod outlook;
mod page;
mod pair;
pub mod plan;
mod prometheus;
pub mod rotation;
mod summary;
mod table;
mod text;
pub mod whoami;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
pub(crate) mod shape;
#[cfg(test)]
mod tests;

pub use explain::advice;
pub use format::{Format, Listing, Paper, UnknownFormat};
pub use json::json;
pub use prometheus::LABELS as METRIC_LABELS;

use std::io::{self, Write};

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
        Format::Junit => junit::write(matrix, out),
        Format::Markdown => summary::write(matrix, out),
        Format::Prometheus => prometheus::write(matrix, style.addresses, out),
        Format::Html => html::write(matrix, out),
        Format::Csv => csv::write(matrix, out),
    }
}

/// How a report for people looks, and how fine metrics are. The other formats do not depend on it.
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
    /// Metrics name the addresses of each target, too.
    pub addresses: bool,
}
