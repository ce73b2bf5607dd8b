//! The result a cell a line, so that it can be read while the run goes on. The last line says that it
//! is the last, and holds what only the whole run shows.

use std::io::{self, Write};

use serde::Serialize;

use super::json;
use crate::matrix::{Cell, Finding, Matrix, Run, TargetSummary, Totals};

/// Writes the line of one cell.
pub fn cell(cell: &Cell, out: &mut impl Write) -> io::Result<()> {
    json::line(&Line::Cell(cell), out)
}

/// Writes the last line.
pub fn end(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let line = Line::End {
        schema: &matrix.schema,
        run: &matrix.run,
        totals: &matrix.totals,
        targets: &matrix.targets,
        findings: &matrix.findings,
    };
    json::line(&line, out)
}

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    for each in &matrix.cells {
        cell(each, out)?;
    }
    end(matrix, out)
}

/// One line of the stream.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    /// One cell.
    Cell(&'a Cell),
    /// The end, with what only the whole run shows. A stream without it was cut off.
    End {
        /// Always the same as in the JSON result.
        #[cfg_attr(test, schemars(extend("const" = crate::matrix::SCHEMA)))]
        schema: &'a str,
        /// About the run.
        run: &'a Run,
        /// Counts of cells.
        totals: &'a Totals,
        /// What the rows show about each target.
        targets: &'a [TargetSummary],
        /// What only several cells together show.
        findings: &'a [Finding],
    },
}
