//! The whole result as one JSON value.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::text::steers;
use crate::matrix::Matrix;

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    json(matrix, out)
}

/// Writes any value for programs.
pub fn json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Visible(BufWriter::new(out));
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

pub(super) fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut out = Visible(BufWriter::new(out));
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// Escapes what has no shape of its own, as JSON does with some of it: a result may well be looked at
/// on a terminal. Outside strings JSON is ASCII, and so the meaning stays.
struct Visible<W>(W);

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // serde_json writes whole characters; whatever is not text goes through as it is.
        match str::from_utf8(bytes) {
            Ok(text) if text.chars().any(is_hidden) => self.escaped(text)?,
            Ok(_) | Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Visible<W> {
    fn escaped(&mut self, text: &str) -> io::Result<()> {
        for c in text.chars() {
            if is_hidden(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(self.0, "\\u{unit:04x}")?;
                }
            } else {
                write!(self.0, "{c}")?;
            }
        }
        Ok(())
    }
}

fn is_hidden(c: char) -> bool {
    steers(c) && c != '\n'
}
