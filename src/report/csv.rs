//! For a spreadsheet: a line a cell.

use std::io::{self, Write};

use crate::matrix::Matrix;

pub(super) fn write(_: &Matrix, out: &mut impl Write) -> io::Result<()> {
    writeln!(out)
}
