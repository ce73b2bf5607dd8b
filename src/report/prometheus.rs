//! The text format of Prometheus, for a textfile collector or a Pushgateway.

use std::io::{self, Write};

use crate::matrix::Matrix;

pub(super) fn write(_: &Matrix, out: &mut impl Write) -> io::Result<()> {
    writeln!(out)
}
