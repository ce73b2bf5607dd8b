//! One file that a browser opens, with nothing to load.

use std::io::{self, Write};

use crate::matrix::Matrix;

pub(super) fn write(_: &Matrix, out: &mut impl Write) -> io::Result<()> {
    writeln!(out)
}
